"""The figures of an evaluation as tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mineral_recog.evaluation.meanings import figure_rows, paper_rows
from mineral_recog.evaluation.result import Evaluation
from mineral_recog.language import chinese, tr


def print_figures(evaluation: Evaluation, against: Evaluation | None = None) -> None:
    """Print all figures with their intervals, or the paper's four beside those of another run."""
    table = Table(box=None, header_style="bold")
    table.add_column(tr("metric", "指标"))
    name = "chinese" if chinese() else "english"
    if against is None:
        table.add_column(Text(evaluation.name), justify="right")
        table.add_column(tr("95 % interval", "95% 区间"), justify="right")
        for row in figure_rows(evaluation):
            table.add_row(row[name], row["value"], row["interval"])
    else:
        for column in (against.name, evaluation.name, tr("change", "变化")):
            table.add_column(Text(column), justify="right")
        for row in paper_rows(evaluation, against):
            table.add_row(row[name], row["before"], row["after"], row["change"])
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a pipe has no width of its own
    console.print(table)
