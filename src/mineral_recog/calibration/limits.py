"""Limits of scores, below which a given share of new photos is expected to stay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from mineral_recog.calibration.temperature import AnyFloats, Floats


@dataclass(frozen=True, eq=False)
class AuxiliaryScores:
    """Scores that are known of more photos than the one whose limit is sought.

    Attributes:
        of_photos: Of the M photos that have all scores, [M, A].
        of_all: Of these and of other photos of the same kind, [N, A].
        weights: Weights of all, [N].
    """

    of_photos: Floats
    of_all: Floats
    weights: Floats


def prediction_limit(
    values: AnyFloats, weights: Floats, share: float, auxiliary: AuxiliaryScores | None = None
) -> float:
    """Return the limit that a share of new values is expected to stay below.

    The limit of a one-sided prediction interval of a normal distribution: m + t s sqrt(1 + 1/n),
    with the mean m, the standard deviation s and the quantile t of Student's distribution with
    n - 1 degrees of freedom; n = (sum w)^2 / sum w^2 is the effective number of values. A quantile
    of the values themselves would rest on the three or four largest of a hundred.

    If the photos happen to be easier or harder than most, auxiliary scores show it. m and s are
    then those of a regression estimate (Cochran, "Sampling Techniques", 1977, chapter 7): what the
    values would be for all photos, by their linear dependence on the auxiliary scores.

    Args:
        values: Values of M photos, [M].
        weights: Their weights, [M].
        share: The share, in (0, 1).
        auxiliary: Other scores of these photos and of more; None without any.
    """
    mean = float(np.average(values, weights=weights))
    number = effective_number(weights)
    if number < 2:  # no spread to go by
        return float(values.max())
    variance = float(np.average((values - mean) ** 2, weights=weights)) * number / (number - 1)
    if auxiliary is not None and number > auxiliary.of_all.shape[1] + 2:
        mean, variance = _regression_estimate(values, weights, auxiliary)
    quantile = float(stdtrit(number - 1, share))
    limit = mean + quantile * math.sqrt(variance * (1 + 1 / number))
    return limit + 1e-9 * abs(mean)  # values that are all alike may round to more than their mean


def _regression_estimate(
    values: AnyFloats, weights: Floats, auxiliary: AuxiliaryScores
) -> tuple[float, float]:
    """Return mean and variance of the values [M] of all photos."""
    number, count = effective_number(weights), auxiliary.of_photos.shape[1]
    centre = np.average(auxiliary.of_photos, axis=0, weights=weights)
    mean = np.average(values, weights=weights)
    away, differences, root = auxiliary.of_photos - centre, values - mean, np.sqrt(weights)
    slopes = np.linalg.lstsq(root[:, None] * away, root * differences, rcond=None)[0]
    residuals = differences - away @ slopes
    unexplained = np.average(residuals**2, weights=weights) * number / (number - 1 - count)
    shifts = (auxiliary.of_all - centre) @ slopes
    shift = np.average(shifts, weights=auxiliary.weights)
    explained = np.average((shifts - shift) ** 2, weights=auxiliary.weights)
    return float(mean + shift), float(unexplained + explained)


def effective_number(weights: Floats) -> float:
    """Return the number of photos of equal weight whose mean is as certain as with weights [M]."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest value with at least a share of the weight at or below it."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    enough = cumulative >= share - 1e-9  # tolerates rounding errors
    return float(values[order][enough][0])
