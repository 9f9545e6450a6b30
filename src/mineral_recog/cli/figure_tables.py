"""The figures of an evaluation, or of a comparison, as tables on the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from mineral_recog.cli.tables import new_console
from mineral_recog.comparison.comparison_rows import (
    Column,
    change_cell,
    figure_cells,
    figure_columns,
)
from mineral_recog.comparison.summary import Comparison, Score
from mineral_recog.evaluation.calibration_rows import calibration_figure, other_row
from mineral_recog.evaluation.metric_descriptions import figure_rows, leaked_rows, paper_rows
from mineral_recog.evaluation.results import CalibrationResults, Evaluation
from mineral_recog.i18n import chinese, tr

_PRINTED = ("mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange", "accuracy", "seconds")


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
    console = new_console()
    console.print(table)
    if evaluation.calibration is not None:
        console.print(_calibration_table(evaluation.calibration))
    for line in _leaked_lines(evaluation):
        console.print(line, style="bold", highlight=False, soft_wrap=True)


def _leaked_lines(evaluation: Evaluation) -> list[str]:
    """A warning of photos that are copies of training photos, and the main figures without."""
    if evaluation.leaked is None or not evaluation.leaked.photos:
        return []
    count = len(evaluation.leaked.photos)
    name = "chinese" if chinese() else "english"
    rows = leaked_rows(evaluation)
    lines = [
        tr(
            f"Warning: {count} of these photos are copies of training photos (copies.json names "
            "them).",
            f"警告：其中 {count} 张是训练照片的副本（名单见 copies.json）。",
        )
    ]
    return lines + [
        tr(
            f"{row[name]}: {row['value']} with them, {row['without']} without",
            f"{row[name]}：含副本 {row['value']}，不含 {row['without']}",
        )
        for row in rows[:2]
    ]


def _calibration_table(found: CalibrationResults) -> Table:
    """Calibration and sets, of all and of the tail; other pictures against the plain way."""
    table = Table(box=None, header_style="bold")
    for heading in (tr("calibrated", "校准后"), tr("all", "全部"), tr("tail", "尾部")):
        table.add_column(heading, justify="left" if not table.columns else "right")
    asked = f"{found.asked:.0%}"
    rows = {
        "ece_after": tr("Expected calibration error (ECE)", "期望校准误差（ECE）"),
        "coverage": tr(
            f"Right one in a set asked to hold it in {asked}", f"集合含正确答案（要求 {asked}）"
        ),
        "set_size": tr("Minerals in a set", "集合中的矿物数"),
    }
    for key, name in rows.items():
        table.add_row(name, calibration_figure(found, key), calibration_figure(found, key, "tail"))
    if found.others:
        row = other_row(found.others[0])
        plain = tr("plain", "普通")
        for key, name in (
            ("auroc", tr("Other pictures: AUROC", "其他图片：AUROC")),
            ("false_accepts", tr("Other pictures: false accepts", "其他图片：误收")),
        ):
            table.add_row(f"{name} ({plain} {row[f'plain_{key}']})", row[key], "")
    return table


def print_comparison(comparison: Comparison) -> None:
    """Print what a reader asks first of each recipe: mean, change, tail, spread and time."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column(tr("recipe", "配方"), overflow="fold", max_width=26)
    columns = {column.key: column for column in figure_columns(comparison)}
    cells = {key: figure_cells(comparison, column) for key, column in columns.items()}
    several = len(comparison.scores) > 1
    for key in _PRINTED:
        if key in columns:
            table.add_column(tr(columns[key].english, columns[key].chinese), justify="right")
        if key == "mean_accuracy" and several:
            table.add_column(tr("change", "变化"), justify="right")
            table.add_column(tr("95 % interval", "95% 区间"), justify="right")
            table.add_column("p", justify="right")
    for number, score in enumerate(comparison.scores):
        row = [Text(score.recipe)]
        for key in _PRINTED:
            if key in columns:
                cell = cells[key][number]
                text = cell.text if columns[key].percent else cell.mean  # or it is too wide
                row.append(Text(text, "bold" if cell.best and several else ""))
            if key == "mean_accuracy" and several:
                row += _printed_change(score, columns[key])
        table.add_row(*row)
    console = new_console()
    console.print(table)


def _printed_change(score: Score, column: Column) -> list[Text]:
    """Change, interval and p value; the first recipe is what the others are set against."""
    if column.key not in score.changes:
        return [Text("")] * 3
    cell = change_cell(score, column)
    interval = tr(f"{cell.low} to {cell.high}", f"{cell.low} 至 {cell.high}")
    return [Text(cell.change), Text(interval), Text(cell.p)]
