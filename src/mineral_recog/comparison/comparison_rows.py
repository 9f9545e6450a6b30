"""Columns and cells of the tables of a comparison, for the terminal, Markdown and the page."""

from __future__ import annotations

import math
from typing import NamedTuple

from mineral_recog.comparison.summary import COSTS, Comparison, Score
from mineral_recog.evaluation.metric_descriptions import DESCRIPTION_OF

UNKNOWN = "–"


class Column(NamedTuple):
    """A metric with a short name for the header of a column, in both languages."""

    key: str
    english: str
    chinese: str

    @property
    def percent(self) -> bool:
        """Whether the metric is shown in per cent."""
        return self.key in DESCRIPTION_OF and DESCRIPTION_OF[self.key].percent

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is better; for the costs of training a smaller one is."""
        return self.key in DESCRIPTION_OF and DESCRIPTION_OF[self.key].higher_is_better


COLUMNS = (
    Column("mean_accuracy", "Mean, all (%)", "平均，全部 (%)"),
    Column("mean_accuracy_head", "Head (%)", "头部 (%)"),
    Column("mean_accuracy_tail", "Tail (%)", "尾部 (%)"),
    Column("cw_asd", "CwASD", "CwASD"),
    Column("cw_arange", "CwARange", "CwARange"),
    Column("accuracy", "Photos (%)", "照片 (%)"),
    Column("attribute_mean_accuracy", "Attr. (%)", "属性 (%)"),
    Column("attribute_mean_accuracy_rare", "Rare attr. (%)", "少见属性 (%)"),
    Column("ece", "ECE", "ECE"),
    Column("seconds", "Time", "用时"),
    Column("memory", "Memory", "内存"),
)
_TESTED = (
    "mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange", "accuracy",
    "attribute_mean_accuracy", "attribute_mean_accuracy_rare",
)  # fmt: skip


class Cell(NamedTuple):
    """A metric of a recipe as shown.

    Attributes:
        mean: Mean over runs.
        std: Standard deviation over runs; "" if there is none to show.
        value: Mean as a number, to sort by; None if it is unknown.
        best: Whether no recipe is better after rounding.
    """

    mean: str
    std: str
    value: float | None
    best: bool

    @property
    def text(self) -> str:
        """Mean and deviation together."""
        return f"{self.mean} ± {self.std}" if self.std else self.mean


class ChangeCell(NamedTuple):
    """A change as shown.

    Attributes:
        change: The change with its sign.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        p: The p value.
        value: The change as a number, to sort by.
        verdict: "better" or "worse" if the change is significant, else "unclear".
    """

    change: str
    low: str
    high: str
    p: str
    value: float
    verdict: str


def metric_columns(comparison: Comparison) -> list[Column]:
    """Return the columns that have a value for some recipe."""
    return [
        column
        for column in COLUMNS
        if any(math.isfinite(_mean(score, column)) for score in comparison.scores)
    ]


def change_columns(comparison: Comparison) -> list[Column]:
    """Return the columns whose changes are shown; comparison.csv has the changes of all metrics."""
    tested = set(_TESTED).intersection(*(score.changes for score in comparison.scores[1:]))
    return [column for column in COLUMNS if column.key in tested]


def metric_cells(comparison: Comparison, column: Column) -> list[Cell]:
    """Return the cells of a column, one per recipe."""
    means = [_mean(score, column) for score in comparison.scores]
    finite = [mean for mean in means if math.isfinite(mean)]
    best = _format((max if column.higher_is_better else min)(finite), column) if finite else UNKNOWN
    cells = []
    for score, mean in zip(comparison.scores, means, strict=True):
        if not math.isfinite(mean):
            cells.append(Cell(UNKNOWN, "", None, False))
            continue
        text, std = _format(mean, column), score.std[column.key]
        has_std = math.isfinite(std) and column.key not in COSTS
        cells.append(Cell(text, _format(std, column) if has_std else "", mean, text == best))
    return cells


def change_cell(score: Score, column: Column) -> ChangeCell:
    """Return the change of a metric against the first recipe."""
    change = score.changes[column.key]
    verdict = "unclear"
    if change.significant:
        verdict = "better" if (change.low > 0) == column.higher_is_better else "worse"
    low, high = (format_change(bound, column) for bound in (change.low, change.high))
    text = format_change(change.change, column)
    return ChangeCell(text, low, high, format_p(change.p), change.change, verdict)


def format_change(value: float, column: Column) -> str:
    """Format a change with its sign, in percentage points if the metric is in per cent."""
    digits = 1 if column.percent else 3
    rounded = round(100 * value if column.percent else value, digits)
    return f"{rounded + 0.0:+.{digits}f}"  # makes a negative zero positive


def format_p(p: float) -> str:
    """Format a p value to three digits."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def mcnemar_cell(score: Score) -> tuple[str, str]:
    """Return photos lost and gained, and the p value; dashes for the first recipe."""
    if score.mcnemar is None:
        return UNKNOWN, UNKNOWN
    lost, gained, p = score.mcnemar
    return f"-{lost:,} / +{gained:,}", format_p(p)


def bonferroni_p(comparison: Comparison) -> float:
    """Return the significance level for this number of recipes (Bonferroni correction)."""
    return 0.05 / max(1, len(comparison.scores) - 1)


def _mean(score: Score, column: Column) -> float:
    """Return the mean of a metric; nan if it is unknown."""
    return score.mean.get(column.key, math.nan)


def _format(value: float, column: Column) -> str:
    """Format a metric, without a unit that the header of the column has."""
    if column.key == "seconds":
        return format_seconds(value)
    if column.key == "memory":
        return format_bytes(value)
    return f"{100 * value:.1f}" if column.percent else f"{value:.3f}"


def format_seconds(seconds: float) -> str:
    """Format a time in seconds, minutes or hours."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 100:
        return f"{minutes:.1f} min" if minutes < 9.95 else f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h"


def format_bytes(count: float) -> str:
    """Format a number of bytes in MB or GB."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
