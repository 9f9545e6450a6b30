"""Significance of a change between two models that answered the same photos.

The tests cover the sampling of the photos: would other photos of the same minerals show the same
change? They do not cover the randomness of training, which only runs with other seeds show.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mineral_recog.calibration.temperature import Ints
from mineral_recog.evaluation.metrics import photos_from_answers
from mineral_recog.evaluation.resampling import (
    Resampled,
    interval,
    resampled_metrics,
)
from mineral_recog.evaluation.results import Answers

RESAMPLES = 2000
_ROUNDING = 1e-12  # metrics that are equal mathematically may differ by this much


class ModelAnswers(NamedTuple):
    """The answers of one trained model, and the seed of its resamples."""

    answers: Answers
    groups: tuple[str, ...]  # of each class, C
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


def mean_resamples(
    models: Sequence[ModelAnswers], answerer: int, resamples: int = RESAMPLES
) -> dict[str, Resampled]:
    """Return the metrics in each of R resamples of the photos, averaged over models.

    Models with the same draw get the same photos in each resample, models with different draws
    get different ones.

    Args:
        models: The models of one recipe.
        answerer: 0 for the first recipe of a comparison, 1 for another one.
        resamples: Number of resamples, R.

    Returns:
        Metrics that all models have.
    """
    per_model = [_model_resamples(model, answerer, resamples) for model in models]
    keys = [key for key in per_model[0] if all(key in other for other in per_model)]
    weights = [1 / len(models)] * len(models)
    return {key: _combine([resampled[key] for resampled in per_model], weights) for key in keys}


@lru_cache(maxsize=512)  # a page with many comparisons shows each model several times
def _model_resamples(model: ModelAnswers, answerer: int, resamples: int) -> dict[str, Resampled]:
    photos = photos_from_answers(model.answers)
    return resampled_metrics(photos, model.groups, resamples, model.draw, answerer)


def paired_change(key: str, change: float, first: Resampled, second: Resampled) -> Change:
    """Compute the interval and the p value of a change from its resamples.

    Both models have the same photos in a resample, so their shared variation cancels. For the
    interval see `resampling.interval`. The p value is the probability of a change at least this
    large if there were none: resamples scatter around their mean as the measured change does
    around the true one, so it is the share of resamples that are at least as far from their mean
    as the measured change is from zero, the measured change itself included (Efron and Tibshirani,
    "An Introduction to the Bootstrap", 1993, chapters 13 and 16). It is never below 1 / (R + 1).

    Args:
        key: Key of the metric.
        change: Measured change.
        first: Result of `mean_resamples` for the first model.
        second: The same for the second model.
    """
    difference = _combine((second, first), (1, -1))
    low, high = (
        0.0 if abs(bound) < _ROUNDING else bound
        for bound in interval(key, change, difference, (-1, 1))
    )
    distance = np.abs(difference.bootstrap - difference.bootstrap.mean())
    p = (1 + int((distance >= abs(change) - _ROUNDING).sum())) / (len(distance) + 1)
    return Change(change, low, high, p)


def _combine(resampled: Sequence[Resampled], weights: Sequence[float]) -> Resampled:
    """Return a weighted sum."""
    pairs = list(zip(resampled, weights, strict=True))
    return Resampled(
        bootstrap=np.sum([one.bootstrap * weight for one, weight in pairs], axis=0),
        centre=sum(one.centre * weight for one, weight in pairs),
        posterior=np.sum([one.posterior * weight for one, weight in pairs], axis=0),
    )


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
