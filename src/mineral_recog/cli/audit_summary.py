"""What `audit` prints: how many findings of each kind there are, and what to do next."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.table import Table

from mineral_recog.cli.class_name_lines import renamed_lines
from mineral_recog.cli.tables import new_console, new_table, print_lines
from mineral_recog.curation.auditor import PAGE, TABLE, Audit
from mineral_recog.curation.finding_kinds import KINDS
from mineral_recog.curation.findings import Finding, count_photos
from mineral_recog.i18n import chinese, tr


def print_audit(found: Audit, out: Path) -> None:
    """Print how many findings of each kind there are, and what to do next."""
    console = new_console()
    lines = [tr(f"Read: {found.photo_count} photos", f"已读取：{found.photo_count} 张照片")]
    if found.not_photos:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(found.not_photos.items()))
        lines.append(tr(f"Not photos: {kinds}", f"不是照片：{kinds}"))
    lines += renamed_lines(found.renamed)
    lines += _unknown_class_lines(found.unknown_classes)
    if found.findings:
        console.print(_table(found.findings))
        page, command = out / PAGE, found.prepare_command
        lines += [str(out / TABLE), str(page)]
        lines.append(
            tr(
                f"Next: open {page}, decide, save the decisions, then `{command}`",
                f"下一步：打开 {page}，作出决定并保存，然后运行 `{command}`",
            )
        )
    else:
        lines.append(tr("Nothing was found wrong.", "没有发现问题。"))
    print_lines(console, lines)


def _table(findings: list[Finding]) -> Table:
    language = "zh" if chinese() else "en"
    table = new_table(
        tr("finding", "发现"), tr("findings", "条数"), tr("photos", "照片数"), numbers_from=1
    )
    finding_counts = Counter(finding.kind for finding in findings)
    photo_counts = count_photos(findings)
    for kind, text in KINDS.items():
        if kind in finding_counts:
            table.add_row(text.label[language], str(finding_counts[kind]), str(photo_counts[kind]))
    return table


def _unknown_class_lines(unknown: tuple[str, ...]) -> list[str]:
    """Return a line about classes that the model does not know, if there are any."""
    if not unknown:
        return []
    first = ", ".join(unknown[:10]) + (" ..." if len(unknown) > 10 else "")
    return [
        tr(
            f"Classes that the model does not know, and cannot doubt: {len(unknown)} ({first})",
            f"模型不认识、因而无从质疑的类别：{len(unknown)} 个（{first}）",
        )
    ]
