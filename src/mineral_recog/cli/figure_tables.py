"""Metrics of an evaluation or a comparison as tables on the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mineral_recog.cli.shift_tables import print_shift
from mineral_recog.cli.tables import new_console, new_table, print_lines
from mineral_recog.comparison.comparison_rows import (
    Column,
    change_cell,
    metric_cells,
    metric_columns,
)
from mineral_recog.comparison.summary import Comparison, Score
from mineral_recog.evaluation.by_level import level_rows, mistake_remark, roll_up_rows
from mineral_recog.evaluation.calibration_results import CalibrationResults
from mineral_recog.evaluation.calibration_rows import format_calibration_metric, ood_row
from mineral_recog.evaluation.metric_descriptions import (
    PAPER_METRICS,
    attribute_remark,
    attribute_rows,
    class_differences_remark,
    few_photos_remark,
    leakage_rows,
    metric_rows,
    paper_rows,
    specimen_rows,
)
from mineral_recog.evaluation.metrics import precision_and_f1, worst_first
from mineral_recog.evaluation.results import WORST, Evaluation, Predictions
from mineral_recog.i18n import is_chinese, tr
from mineral_recog.text import encodable

_PRINTED = (
    "mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange", "accuracy",
    "attribute_mean_accuracy", "attribute_mean_accuracy_rare", "seconds",
)  # fmt: skip
_WITH_STD = ("mean_accuracy", "mean_accuracy_tail", "accuracy")


def print_metrics(evaluation: Evaluation, against: Evaluation | None = None) -> None:
    """Print all metrics with their intervals, or the paper's four compared with another run."""
    metric, name = tr("metric", "指标"), "chinese" if is_chinese() else "english"
    if against is None:
        interval = tr("95 % interval", "95% 区间")
        table = new_table(metric, Text(evaluation.name), interval, numbers_from=1)
        for row in metric_rows(evaluation):
            table.add_row(row[name], row["value"], row["interval"])
    else:
        names = (Text(against.name), Text(evaluation.name))
        table = new_table(metric, *names, tr("change", "变化"), numbers_from=1)
        for row in paper_rows(evaluation, against):
            table.add_row(row[name], row["before"], row["after"], row["change"])
    console = new_console()
    console.print(table)
    if against is None and evaluation.predictions is not None:
        console.print(_worst_table(evaluation, evaluation.predictions))
    for remark in (
        class_differences_remark(evaluation),
        few_photos_remark(evaluation.few_photos),
    ):
        if remark:
            print_lines(console, [tr(*remark)])
    if rows := specimen_rows(evaluation):
        console.print(_specimen_table(evaluation, rows))
    _print_attributes(console, evaluation)
    _print_levels(console, evaluation)
    if evaluation.calibration is not None:
        console.print(_calibration_table(evaluation.calibration, "tail" in evaluation.groups))
    print_shift(console, evaluation)
    for line in _leakage_lines(evaluation):
        console.print(line, style="bold", highlight=False, soft_wrap=True)


def _worst_table(evaluation: Evaluation, predictions: Predictions) -> Table:
    """Return the worst classes, see `worst_first`, and how many others per_class.csv has."""
    precision, f1 = precision_and_f1(
        predictions.labels, predictions.guesses, len(evaluation.classes)
    )
    table = new_table(
        tr("worst classes", "识别最差的类别"),
        tr("accuracy", "准确率"),
        tr("precision", "精确率"),
        "F1",
        tr("photos", "照片"),
        tr("training photos", "训练照片"),
        numbers_from=1,
    )
    worst = worst_first(evaluation.class_accuracy, evaluation.test_counts)
    for c in worst[:WORST]:
        shares = (evaluation.class_accuracy[c], precision[c], f1[c])
        counts = (evaluation.test_counts[c], evaluation.train_counts[c])
        table.add_row(
            Text(encodable(evaluation.classes[c])),
            *("–" if np.isnan(share) else f"{100 * share:.1f}%" for share in shares),
            *(f"{count:,}" for count in counts),
        )
    if more := len(worst) - WORST if len(worst) > WORST else 0:
        table.add_row(
            tr(f"... and {more:,} more in per_class.csv", f"……其余 {more:,} 类见 per_class.csv")
        )
    return table


def _leakage_lines(evaluation: Evaluation) -> list[str]:
    """Return a warning about duplicates of training photos, and the metrics without them."""
    if evaluation.leakage is None or not evaluation.leakage.indices:
        return []
    count = len(evaluation.leakage.indices)
    name = "chinese" if is_chinese() else "english"
    warning = tr(
        f"Warning: {count} of these photos are copies of training photos (see copies.json).",
        f"警告：其中 {count} 张是训练照片的副本（名单见 copies.json）。",
    )
    return [warning] + [
        tr(
            f"{row[name]}: {row['value']} with them, {row['without']} without",
            f"{row[name]}：含副本 {row['value']}，不含 {row['without']}",
        )
        for row in leakage_rows(evaluation)[:2]
    ]


def _specimen_table(evaluation: Evaluation, rows: list[dict[str, Any]]) -> Table:
    """Return the main metrics by specimen and by photo."""
    assert evaluation.by_specimen is not None
    count = f"{evaluation.by_specimen.specimen_count:,}"
    table = new_table(
        tr(f"by specimen ({count} specimens)", f"按标本（{count} 块）"),
        tr("by specimen", "按标本"),
        tr("95 % interval", "95% 区间"),
        tr("by photo", "按照片"),
        numbers_from=1,
    )
    for row in rows:
        if row["key"] in (*PAPER_METRICS, "accuracy"):
            name = row["chinese" if is_chinese() else "english"]
            table.add_row(name, row["by_specimen"], row["by_specimen_interval"], row["value"])
    return table


def _print_attributes(console: Console, evaluation: Evaluation) -> None:
    """Print the metrics by attribute, if attributes are known."""
    if evaluation.by_attribute is None:
        return
    table = new_table(
        tr("by attribute", "按属性"),
        tr("accuracy", "准确率"),
        tr("95 % interval", "95% 区间"),
        tr("attributes", "属性数"),
        numbers_from=1,
    )
    for row in attribute_rows(evaluation):
        name = row["chinese" if is_chinese() else "english"]
        table.add_row(name, row["value"], row["interval"], f"{row['count']:,}")
    console.print(table)
    if remark := attribute_remark(evaluation):
        print_lines(console, [tr(*remark)])


def _print_levels(console: Console, evaluation: Evaluation) -> None:
    """Print accuracy by level of the taxonomy and how often rolled-up answers hold, if known."""
    if evaluation.by_level is None:
        return
    table = new_table(
        tr("by level", "按级别"),
        tr("names", "名称数"),
        tr("mean accuracy", "平均准确率"),
        tr("accuracy", "准确率"),
        numbers_from=1,
    )
    for row in level_rows(evaluation.by_level):
        name = row["chinese" if is_chinese() else "english"]
        table.add_row(name, row["names"], row["mean_accuracy"], row["accuracy"])
    console.print(table)
    if remark := mistake_remark(evaluation.by_level):
        print_lines(console, [tr(*remark)])
    table = new_table(
        tr("most specific name of at least", "最具体的名称，概率不低于"),
        tr("photos", "照片"),
        tr("right", "其中正确"),
        tr("single mineral", "单一矿物"),
        numbers_from=1,
    )
    for row in roll_up_rows(evaluation.by_level):
        table.add_row(row["asked"], row["answered"], row["right"], row["single"])
    console.print(table)


def _calibration_table(results: CalibrationResults, has_tail: bool) -> Table:
    """Return calibration and sets for all and tail classes, and OOD detection."""
    groups = {"": tr("all", "全部")}
    if has_tail:
        groups["tail"] = tr("tail", "尾部")
    table = new_table(tr("calibrated", "校准后"), *groups.values(), numbers_from=1)
    target = f"{results.coverage_target:.0%}"
    rows = {
        "ece_after": tr("Expected calibration error (ECE)", "期望校准误差（ECE）"),
        "coverage": tr(f"Coverage of sets (target {target})", f"集合的覆盖率（目标 {target}）"),
        "set_size": tr("Minerals per set", "集合中的矿物数"),
    }
    for key, name in rows.items():
        cells = [format_calibration_metric(results, key, group) for group in groups]
        table.add_row(name, *cells)
    if results.ood_pictures:
        row = ood_row(results.ood_pictures[0])
        plain = tr("plain", "普通")
        if "no_mineral_auroc" in row:
            name = tr("Other pictures: AUROC, no mineral", "其他图片：AUROC，非矿物")
            table.add_row(name, row["no_mineral_auroc"])
        for key, name in (
            ("auroc", tr("Other pictures: AUROC, unknown mineral", "其他图片：AUROC，未知矿物")),
            ("false_accepts", tr("Other pictures: false accepts", "其他图片：误收")),
        ):
            table.add_row(f"{name} ({plain} {row[f'plain_{key}']})", row[key])
    return table


def print_comparison(comparison: Comparison) -> None:
    """Print the main metrics of each recipe: mean, change, tail, spread and time."""
    has_several = len(comparison.scores) > 1
    headings = [tr("recipe", "配方")]
    rows = [[Text(score.recipe)] for score in comparison.scores]
    for column in metric_columns(comparison):
        if column.key not in _PRINTED:
            continue
        headings.append(tr(column.english, column.chinese))
        for row, cell in zip(rows, metric_cells(comparison, column), strict=True):
            text = cell.text if column.key in _WITH_STD else cell.mean  # all would be too wide
            row.append(Text(text, "bold" if cell.best and has_several else ""))
        if column.key == "mean_accuracy" and has_several:
            headings += [tr("change", "变化"), tr("95 % interval", "95% 区间"), "p"]
            for row, score in zip(rows, comparison.scores, strict=True):
                row += _change_cells(score, column)
    table = new_table(*headings, numbers_from=1)
    recipes = table.columns[0]
    recipes.overflow, recipes.max_width = "fold", 26
    for row in rows:
        table.add_row(*row)
    console = new_console()
    console.print(table)
    if remark := few_photos_remark(comparison.few_photos):
        print_lines(console, [tr(*remark)])


def _change_cells(score: Score, column: Column) -> list[Text]:
    """Return change, interval and p value compared with the first recipe, which has none."""
    if column.key not in score.changes:
        return [Text("")] * 3
    cell = change_cell(score, column)
    interval = tr(f"{cell.low} to {cell.high}", f"{cell.low} 至 {cell.high}")
    return [Text(cell.change), Text(interval), Text(cell.p)]
