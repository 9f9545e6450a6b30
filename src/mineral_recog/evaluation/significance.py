"""Tests of a change between two models that answered the same photos; numpy only.

What they cover is the luck of the photos: would other photos of the same minerals have told the
same? How much training anew would change is another matter, which only other seeds show.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.metrics import Floats, Ints
from mineral_recog.evaluation.results import Answers

RESAMPLES = 2000
_ROUNDING = 1e-12  # figures that are equal on paper may differ by as much


class Answered(NamedTuple):
    """The answers of one trained model, with the number of the draw that they share."""

    answers: Answers
    groups: Sequence[str]  # of each of C classes
    draw: int  # the same for models that answered the same photos


class Change(NamedTuple):
    """A change of a figure, its 95 % interval and its two-sided p value.

    The two may disagree for a figure that hangs on a few classes, such as CwARange, since its
    resamples lie to one side of what was measured.
    """

    change: float
    low: float
    high: float
    p: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero and the p value is small as well."""
        return (self.low > 0 or self.high < 0) and self.p < 0.05


class McNemar(NamedTuple):
    """Photos that the second model lost and gained against the first, and the p value."""

    lost: int
    gained: int
    p: float


def mean_resamples(models: Sequence[Answered], resamples: int = RESAMPLES) -> dict[str, Floats]:
    """Figures of each of R resamples of the photos, averaged over models: [R] by key.

    Models with the same draw are given the same photos at each resample, those with different
    draws other ones. Keys are the figures that all models have. Memory is that of one model.
    """
    every = (metrics.resampled_figures(model.answers, model.groups, resamples, model.draw)
             for model in models)  # fmt: skip
    total = next(every)
    for drawn in every:
        total = {key: total[key] + drawn[key] for key in total if key in drawn}
    return {key: value / len(models) for key, value in total.items()}


def paired_change(change: float, drawn: Floats) -> Change:
    """The interval and the p value of a change, from the same change at each of R resamples.

    change: as measured. drawn: [R], what `mean_resamples` gives for the second model minus what
    it gives for the first; as both saw the same photos, the luck that they share falls out.
    The interval is that of the basic bootstrap, as in `metrics.bootstrap_intervals`, within -1
    and 1. The p value is how often a change of none would look as large: resamples scatter about
    the measured change as the measured change does about the true one, hence the share of
    resamples that are off it by as much as it is off zero, itself counted (Efron and Tibshirani,
    "An Introduction to the Bootstrap", 1993, chapters 13 and 16). It is never below 1 / (R + 1).
    """
    bounds = 2 * change - np.quantile(drawn, (0.975, 0.025))
    low, high = np.where(np.abs(bounds) < _ROUNDING, 0, np.clip(bounds, -1, 1))
    as_far = np.abs(drawn - change) >= abs(change) - _ROUNDING
    p = (1 + int(as_far.sum())) / (len(drawn) + 1)
    return Change(change, float(min(low, change)), float(max(high, change)), p)


def mcnemar(first: Ints, second: Ints) -> McNemar:
    """McNemar's exact test: does the second model get more or fewer photos right than the first?

    first and second: [M], in how many seeds each is right on each of M photos. A photo tells
    something when one is right in more seeds than the other; if both were as good, it would be
    either with even odds, so that the p value is that of a fair coin, both sides counted. With one
    seed this is the test of McNemar, "Note on the sampling error of the difference between
    correlated proportions or percentages" (Psychometrika 12, 1947), in its exact form; with
    several, each photo still counts once. Raises ValueError when the two differ in length.
    """
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} photos but {second.shape}")
    lost, gained = int((first > second).sum()), int((second > first).sum())
    return McNemar(lost, gained, _fair_coin(lost, gained))


def _fair_coin(heads: int, tails: int) -> float:
    """How likely a fair coin falls at least as unevenly; whole numbers, hence exact."""
    throws = heads + tails
    ways = some = 1
    for fewer in range(min(heads, tails)):
        ways = ways * (throws - fewer) // (fewer + 1)
        some += ways
    share: float = 2 * some / (1 << throws)
    return min(1.0, share)
