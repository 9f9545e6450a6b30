"""What the tables of a comparison say, cell by cell, for the terminal, Markdown and the page."""

from __future__ import annotations

import math
from typing import NamedTuple

from mineral_recog.comparison.summary import COSTS, Comparison, Score
from mineral_recog.evaluation.metric_descriptions import MEANINGS

UNKNOWN = "–"
_MEANING = {meaning.key: meaning for meaning in MEANINGS}


class Column(NamedTuple):
    """A figure with a name that fits the head of a column, in both languages."""

    key: str
    english: str
    chinese: str

    @property
    def percent(self) -> bool:
        """Whether it is shown in per cent."""
        return self.key in _MEANING and _MEANING[self.key].percent

    @property
    def higher_is_better(self) -> bool:
        """Whether more of it is good; less of what training costs is."""
        return self.key in _MEANING and _MEANING[self.key].higher_is_better


COLUMNS = (
    Column("mean_accuracy", "Mean, all (%)", "平均，全部 (%)"),
    Column("mean_accuracy_head", "Head (%)", "头部 (%)"),
    Column("mean_accuracy_tail", "Tail (%)", "尾部 (%)"),
    Column("cw_asd", "CwASD", "CwASD"),
    Column("cw_arange", "CwARange", "CwARange"),
    Column("accuracy", "Photos (%)", "照片 (%)"),
    Column("ece", "ECE", "ECE"),
    Column("seconds", "Time", "用时"),
    Column("memory", "Memory", "内存"),
)
_TESTED = ("mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange", "accuracy")


class Cell(NamedTuple):
    """A figure of a recipe as shown: its mean, the deviation or nothing, and to sort by.

    best: whether no recipe is better as shown.
    """

    mean: str
    std: str
    value: float | None
    best: bool

    @property
    def text(self) -> str:
        """Mean and deviation in one."""
        return f"{self.mean} ± {self.std}" if self.std else self.mean


class ChangeCell(NamedTuple):
    """A change as shown; verdict: better or worse where the change is clear, else unclear."""

    change: str
    low: str
    high: str
    p: str
    value: float
    verdict: str


def figure_columns(comparison: Comparison) -> list[Column]:
    """The columns for which there is something to show."""
    return [
        column
        for column in COLUMNS
        if any(math.isfinite(_mean(score, column)) for score in comparison.scores)
    ]


def change_columns(comparison: Comparison) -> list[Column]:
    """The columns whose changes are shown; those of all figures are in comparison.csv."""
    tested = set(_TESTED).intersection(*(score.changes for score in comparison.scores[1:]))
    return [column for column in COLUMNS if column.key in tested]


def figure_cells(comparison: Comparison, column: Column) -> list[Cell]:
    """The cells of a column, a recipe each."""
    means = [_mean(score, column) for score in comparison.scores]
    known = [mean for mean in means if math.isfinite(mean)]
    best = _told((max if column.higher_is_better else min)(known), column) if known else UNKNOWN
    cells = []
    for score, mean in zip(comparison.scores, means, strict=True):
        if not math.isfinite(mean):
            cells.append(Cell(UNKNOWN, "", None, False))
            continue
        text, std = _told(mean, column), score.std[column.key]
        several = math.isfinite(std) and column.key not in COSTS
        cells.append(Cell(text, _told(std, column) if several else "", mean, text == best))
    return cells


def change_cell(score: Score, column: Column) -> ChangeCell:
    """The change of a figure against the first recipe."""
    change = score.changes[column.key]
    verdict = "unclear"
    if change.clear:
        verdict = "better" if (change.low > 0) == column.higher_is_better else "worse"
    low, high = (signed(bound, column) for bound in (change.low, change.high))
    told = signed(change.change, column)
    return ChangeCell(told, low, high, p_value(change.p), change.change, verdict)


def signed(value: float, column: Column) -> str:
    """A change with its sign, in points of per cent where the figure is in per cent."""
    digits = 1 if column.percent else 3
    rounded = round(100 * value if column.percent else value, digits)
    return f"{rounded + 0.0:+.{digits}f}"  # which makes a negative zero positive


def p_value(p: float) -> str:
    """A p value as it is worth telling."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def mcnemar_cell(score: Score) -> tuple[str, str]:
    """Photos lost and gained, and the p value; nothing for the first recipe."""
    if score.mcnemar is None:
        return UNKNOWN, UNKNOWN
    lost, gained, p = score.mcnemar
    return f"-{lost:,} / +{gained:,}", p_value(p)


def strict_p(comparison: Comparison) -> float:
    """What a p value must stay under for one of so many recipes (Bonferroni's correction)."""
    return 0.05 / max(1, len(comparison.scores) - 1)


def _mean(score: Score, column: Column) -> float:
    """The mean of a figure; nan for one that is not known."""
    return score.mean.get(column.key, math.nan)


def _told(value: float, column: Column) -> str:
    """A figure without its unit where the head of the column has it."""
    if column.key == "seconds":
        return duration(value)
    if column.key == "memory":
        return size(value)
    return f"{100 * value:.1f}" if column.percent else f"{value:.3f}"


def duration(seconds: float) -> str:
    """A time in its natural unit."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 100:
        return f"{minutes:.1f} min" if minutes < 9.95 else f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h"


def size(count: float) -> str:
    """A number of bytes in its natural unit."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
