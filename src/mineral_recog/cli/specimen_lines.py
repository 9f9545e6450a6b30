"""Lines about specimens for `audit` and `prepare`: their use, and a pattern to find them."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.cli.tables import first_of
from mineral_recog.curation.preparation import PREPARED_FILE
from mineral_recog.curation.specimen_proposal import Proposal
from mineral_recog.curation.specimens import SpecimenReport
from mineral_recog.data.dataset import SPECIMENS_FILE
from mineral_recog.i18n import tr
from mineral_recog.text import command_line, encodable


def specimen_lines(report: SpecimenReport | None, given: bool, data: Path) -> list[str]:
    """Return lines about photos of known specimens.

    Args:
        report: Their use; None if no specimen is known.
        given: Whether the source gives splits.
        data: The prepared folder.
    """
    if report is None:
        return []
    origin = (
        tr("listed by SRC", "由 SRC 列出")
        if report.group_by is None
        else command_line("--group-by", report.group_by)
    )
    photo, specimen = map(encodable, report.example)
    lines = [
        tr(
            f"Specimens ({origin}): {report.specimens}, with {report.photos} photos, each specimen "
            f"in one split (for example {photo}: {specimen}; all in {data / SPECIMENS_FILE})",
            f"标本（{origin}）：{report.specimens} 个，共 {report.photos} 张照片，每个标本只放入"
            f"一个划分（例如 {photo}：{specimen}；全部见 {data / SPECIMENS_FILE}）",
        )
    ]
    if report.others:
        lines.append(
            tr(
                f"Photos without a specimen, each taken as one of its own: {len(report.others)}, "
                f"the first is {encodable(report.others[0])}",
                f"没有标本名的照片，各自算一个标本：{len(report.others)} 张，第一张为 "
                f"{encodable(report.others[0])}",
            )
        )
    if report.dominant:
        first = first_of(map(encodable, report.dominant), 4)
        lines.append(
            tr(
                f"Specimens with more than half of the photos of their class: {first}: check that "
                "each is one specimen",
                f"占所在类别照片一半以上的标本：{first}。请确认每个确为同一标本",
            )
        )
    if given and report.left_out:
        lines.append(
            tr(
                f"Specimens across the given splits: {report.would_leak:.0f} val and test photos "
                f"had photos of their specimen in train; {len(report.left_out)} photos of train "
                f"and val were left out (see {data / PREPARED_FILE})",
                f"跨给定划分的标本：{report.would_leak:.0f} 张验证与测试照片的标本在训练集中也有"
                f"照片；已从 train 与 val 中去掉 {len(report.left_out)} 张（见 "
                f"{data / PREPARED_FILE}）",
            )
        )
    elif not given:
        lines.append(
            tr(
                f"A random split would put other photos of the specimens of "
                f"{report.would_leak:.1f} val and test photos into train (mean of 20 draws); this "
                "split has none",
                f"若随机划分，平均有 {report.would_leak:.1f} 张验证与测试照片的标本会有其他照片进入"
                "训练集（20 次抽取的平均）；本次划分为 0",
            )
        )
    return lines


def proposal_lines(proposal: Proposal | None) -> list[str]:
    """Return a line that proposes a pattern for `prepare`, if there is one."""
    if proposal is None:
        return []
    example = first_of(map(encodable, proposal.example), 3)
    option = command_line("--group-by", proposal.pattern)
    return [
        tr(
            f"Names look like several photos of one specimen ({example}): {proposal.photos} photos "
            f"of {proposal.specimens} specimens. If so, `prepare` with {option} keeps each "
            "specimen in one split",
            f"文件名看起来像同一标本的多张照片（{example}）：{proposal.specimens} 个标本，共 "
            f"{proposal.photos} 张。若是如此，`prepare` 加上 {option} 可使每个标本只进入一个划分",
        )
    ]
