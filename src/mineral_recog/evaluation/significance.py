"""Significance of a change between two models that answered the same photos.

The tests cover the sampling of the photos: would other photos of the same minerals show the same
change? They do not cover the randomness of training, which only runs with other seeds show.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.results import Answers

RESAMPLES = 2000
_ROUNDING = 1e-12  # metrics that are equal mathematically may differ by this much


class ModelAnswers(NamedTuple):
    """The answers of one trained model, and the seed of its resamples."""

    answers: Answers
    groups: Sequence[str]  # of each class, C
    draw: int  # the same for models that answered the same photos


class Change(NamedTuple):
    """A change of a metric, its 95 % interval and its two-sided p value.

    Interval and p value may disagree for a metric that depends on a few classes, such as
    CwARange, because its resamples lie on one side of the measured value.
    """

    change: float
    low: float
    high: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero and the p value is below 0.05."""
        return (self.low > 0 or self.high < 0) and self.p < 0.05


class McNemar(NamedTuple):
    """Photos that the second model lost and gained against the first, and the p value."""

    lost: int
    gained: int
    p: float


def mean_resamples(models: Sequence[ModelAnswers], resamples: int = RESAMPLES) -> dict[str, Floats]:
    """Return the metrics of each of R resamples of the photos, averaged over models.

    Models with the same draw get the same photos in each resample, models with different draws
    get different ones. Memory is that of one model.

    Returns:
        Metrics that all models have, [R] by key.
    """
    per_model = (metrics.resampled_metrics(model.answers, model.groups, resamples, model.draw)
                 for model in models)  # fmt: skip
    total = next(per_model)
    for resampled in per_model:
        total = {key: total[key] + resampled[key] for key in total if key in resampled}
    return {key: value / len(models) for key, value in total.items()}


def paired_change(change: float, resampled: Floats) -> Change:
    """Compute the interval and the p value of a change from its resamples.

    The interval is that of the basic bootstrap, as in `metrics.bootstrap_intervals`, within -1
    and 1. The p value is the probability of a change at least this large if there were none:
    resamples scatter around the measured change as the measured change does around the true one,
    so it is the share of resamples that are at least as far from the measured change as that is
    from zero, the measured change itself included (Efron and Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapters 13 and 16). It is never below 1 / (R + 1).

    Args:
        change: Measured change.
        resampled: The change in each of R resamples, [R]: `mean_resamples` of the second model
            minus that of the first. Both have the same photos, whose shared variation cancels.
    """
    bounds = 2 * change - np.quantile(resampled, (0.975, 0.025))
    low, high = np.where(np.abs(bounds) < _ROUNDING, 0, np.clip(bounds, -1, 1))
    as_far = np.abs(resampled - change) >= abs(change) - _ROUNDING
    p = (1 + int(as_far.sum())) / (len(resampled) + 1)
    return Change(change, float(min(low, change)), float(max(high, change)), p)


def mcnemar(first: Ints, second: Ints) -> McNemar:
    """Run McNemar's exact test: does the second model get more or fewer photos right?

    A photo counts if one model is correct with more seeds than the other. If both models were
    equally good, either would be with probability 1/2, so the p value is that of a fair coin,
    two-sided. With one seed this is the test of McNemar, "Note on the sampling error of the
    difference between correlated proportions or percentages" (Psychometrika 12, 1947), in its
    exact form; with several seeds each photo still counts once.

    Args:
        first: Number of seeds with which the first model is correct, per photo, [M].
        second: The same of the second model, [M].

    Raises:
        ValueError: The two differ in length.
    """
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} photos but {second.shape}")
    from scipy.stats import binomtest  # slow to import, and only comparisons need it

    lost, gained = int((first > second).sum()), int((second > first).sum())
    photos = lost + gained
    p = float(binomtest(min(lost, gained), photos).pvalue) if photos else 1.0
    return McNemar(lost, gained, p)
