"""The command `audit`: look photos over, and leave what was found in files."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mineral_recog.audit.findings import Finding, count_photos, find_all, write_csv, write_json
from mineral_recog.audit.kinds import KINDS
from mineral_recog.audit.looking import look_over
from mineral_recog.audit.names import same_names
from mineral_recog.audit.review import write_review
from mineral_recog.files import refuse_existing, refuse_inside
from mineral_recog.language import chinese, tr
from mineral_recog.minerals import read_minerals
from mineral_recog.naming import open_named, tell_renamed
from mineral_recog.progress import Bar
from mineral_recog.sources.source import Source

FINDINGS, TABLE, PAGE = "findings.json", "findings.csv", "review.html"


def audit_and_show(path: Path, out: Path, *, aliases: str | None, force: bool) -> None:
    """Audit SRC, write findings and review page to DIR, and print how many of each kind there are.

    Nothing in SRC is changed.

    Raises:
        UserError: no photos with classes, aliases that cannot be used, or an output that exists or
            lies in SRC.
    """
    refuse_existing(out, force, made_by_us=(out / FINDINGS).is_file())
    refuse_inside(out, path)
    source, renamed = open_named(path, aliases)
    with Bar(tr("reading photos", "读取照片"), len(source.photos)) as bar:
        comparing = tr("looking for copies", "查找重复")
        looked = look_over(source.open, source.photos, bar.at, lambda done: bar.at(done, comparing))
    names = same_names(source.classes, read_minerals())
    findings = find_all(looked, names, source.odd)
    records = [*looked.whole, *looked.unread]
    # Files one by one, since decisions of the user may lie beside them.
    same = (
        f"--aliases {shlex.quote(aliases)} " if aliases else ""
    )  # decisions are about these names
    command = f"mineral-recog prepare SRC DATA {same}--decisions decisions.json"
    # Files one by one, since decisions of the user may lie beside them.
    with Bar(tr("drawing the page", "生成页面"), 1) as bar:
        write_review(out / PAGE, source, findings, records, command, bar.of)
    write_csv(out / TABLE, findings)
    write_json(out / FINDINGS, findings, len(records))
    _print(findings, len(records), source, tell_renamed(renamed), out, command)


def _print(
    findings: list[Finding],
    read: int,
    source: Source,
    names_told: list[str],
    out: Path,
    command: str,
) -> None:
    console = Console()
    language = "zh" if chinese() else "en"
    table = Table(box=None, header_style="bold")
    table.add_column(tr("finding", "发现"))
    table.add_column(tr("findings", "条数"), justify="right")
    table.add_column(tr("photos", "照片数"), justify="right")
    times = Counter(finding.kind for finding in findings)
    photos = count_photos(findings)
    for kind, text in KINDS.items():
        if kind in times:
            table.add_row(text.label[language], str(times[kind]), str(photos[kind]))
    told = [tr(f"Read: {read} photos", f"已读取：{read} 张照片")]
    if source.others:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(source.others.items()))
        told.append(tr(f"Not photos: {kinds}", f"不是照片：{kinds}"))
    told += names_told
    if findings:
        console.print(table)
        told += [str(out / TABLE), str(out / PAGE)]
        told.append(
            tr(
                f"Next: open {out / PAGE}, decide, save the decisions, then `{command}`",
                f"下一步：打开 {out / PAGE}，作出决定并保存，然后运行 `{command}`",
            )
        )
    else:
        told.append(tr("Nothing was found wrong.", "没有发现问题。"))
    for line in told:
        console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
