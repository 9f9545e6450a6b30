"""Output of `audit`: the number of findings of each kind, and the next step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table
from rich.text import Text

from mineral_recog.cli.class_name_lines import renamed_lines
from mineral_recog.cli.specimen_lines import proposal_lines
from mineral_recog.cli.tables import (
    add_class_rows,
    first_of,
    new_console,
    new_table,
    print_lines,
    suffix_counts,
)
from mineral_recog.curation.auditor import PAGE, TABLE, Audit
from mineral_recog.curation.class_sizes import MIN_PICTURES, ClassSize, describe_size
from mineral_recog.curation.finding_kinds import FINDING_KINDS
from mineral_recog.curation.findings import Finding, count_photos
from mineral_recog.i18n import tr, user_language
from mineral_recog.text import encodable


def print_audit(audit: Audit, out: Path) -> None:
    """Print the number of findings of each kind, and the next step."""
    console = new_console()
    console.print(_class_table(audit.class_sizes))
    lines = [tr(f"Read: {audit.photo_count} photos", f"已读取：{audit.photo_count} 张照片")]
    if audit.not_photos:
        kinds = suffix_counts(audit.not_photos)
        lines.append(tr(f"Not photos: {kinds}", f"不是照片：{kinds}"))
    lines += renamed_lines(audit.opened)
    lines += _unknown_class_lines(audit.unknown_classes)
    small_class_lines = _small_class_lines(audit.class_sizes)
    lines += small_class_lines
    lines += proposal_lines(audit.proposal)
    if audit.findings:
        console.print(_table(audit.findings))
        page, command = out / PAGE, audit.prepare_command
        lines += [str(out / TABLE), str(page)]
        lines.append(
            tr(
                f"Next: open {page}, review the findings, save the decisions, then run `{command}`",
                f"下一步：打开 {page}，审核并保存决定，然后运行 `{command}`",
            )
        )
    elif not small_class_lines:
        lines.append(tr("No problems were found.", "没有发现问题。"))
    print_lines(console, lines)


def _class_table(sizes: Mapping[str, ClassSize]) -> Table:
    """Return a table of the classes, the largest first."""
    columns = [tr("usable photos", "可用照片"), tr("without copies", "去除副本后")]
    columns += [tr("specimens", "标本")] * any(map(ClassSize.has_specimens, sizes.values()))
    table = new_table(tr("class", "类别"), *columns, numbers_from=1)
    rows = [
        [
            Text(encodable(name)),
            *(Text(str(n)) for n in (size.photos, size.pictures, size.specimens)),
        ]
        for name, size in sorted(sizes.items(), key=lambda item: -item[1].photos)
    ]
    add_class_rows(table, [row[: 1 + len(columns)] for row in rows])
    return table


def _small_class_lines(sizes: Mapping[str, ClassSize]) -> list[str]:
    """Return a line about classes with too few photos, if there are any."""
    small = [describe_size(name, size) for name, size in sizes.items() if not size.can_be_split()]
    if not small:
        return []
    first = first_of(small, 10, "; ")
    return [
        tr(
            f"Too few photos to be split (train, val and test need one each, copies count as "
            f"one): {first}. `prepare` leaves these classes out with --min-photos {MIN_PICTURES}",
            f"照片太少、无法划分的类别（train、val、test 各需一张，互为副本的算一张）：{first}。"
            f"`prepare` 加上 --min-photos {MIN_PICTURES} 可略去它们",
        )
    ]


def _table(findings: list[Finding]) -> Table:
    language = user_language()
    table = new_table(
        tr("finding", "发现"), tr("findings", "条数"), tr("photos", "照片数"), numbers_from=1
    )
    finding_counts = Counter(finding.kind for finding in findings)
    photo_counts = count_photos(findings)
    for kind, text in FINDING_KINDS.items():
        if kind in finding_counts:
            table.add_row(text.label[language], str(finding_counts[kind]), str(photo_counts[kind]))
    return table


def _unknown_class_lines(unknown: tuple[str, ...]) -> list[str]:
    """Return a line about classes that the model does not know, if there are any."""
    if not unknown:
        return []
    first = first_of(unknown, 10)
    return [
        tr(
            f"Classes that the model does not know and cannot check: {len(unknown)} ({first})",
            f"模型不认识、因而无法检查的类别：{len(unknown)} 个（{first}）",
        )
    ]
