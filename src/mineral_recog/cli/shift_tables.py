"""Tables on photos from another place, and on corrupted photos."""

from __future__ import annotations

from rich.console import Console

from mineral_recog.cli.tables import new_table, print_lines
from mineral_recog.evaluation.calibration_results import CorruptionResults, Shift
from mineral_recog.evaluation.corruption_rows import corruption_table
from mineral_recog.evaluation.results import Evaluation
from mineral_recog.evaluation.shift import shift_line, shift_rows
from mineral_recog.i18n import is_chinese, tr


def print_shift(console: Console, evaluation: Evaluation) -> None:
    """Print how photos of another place and corrupted photos differ, if either was measured."""
    if evaluation.shift is not None:
        _print_comparison(console, evaluation.shift)
    if evaluation.corruptions is not None:
        _print_corruptions(console, evaluation.corruptions)


def _print_comparison(console: Console, shift: Shift) -> None:
    own = "" if shift.own is None else f" ({shift.own.photos:,})"
    table = new_table(
        tr("photos from another place", "来自其他场所的照片"),
        tr("the run's own photos", "原数据的照片") + own,
        tr("these photos", "这些照片") + f" ({shift.these.photos:,})",
        numbers_from=1,
    )
    name = "chinese" if is_chinese() else "english"
    for row in shift_rows(shift):
        table.add_row(row[name], row["own"], row["these"])
    console.print(table)
    print_lines(console, [tr(*shift_line(shift))])


def _print_corruptions(console: Console, results: CorruptionResults) -> None:
    """Print a row for each kind of corruption, with its three strengths side by side."""
    count = f"{results.photo_count:,}"
    table = new_table(
        tr(f"corrupted ({count} photos)", f"受损照片（{count} 张）"),
        tr("mean accuracy", "平均准确率"),
        "ECE",
        tr("coverage of sets", "集合的覆盖率"),
        numbers_from=1,
    )
    name = "chinese" if is_chinese() else "english"
    for row in corruption_table(results):
        columns = ("mean_accuracy", "ece", "coverage")
        table.add_row(
            row[name], *("  ".join(cell[key] for cell in row["cells"]) for key in columns)
        )
    console.print(table)
