"""Intervals of the metrics of a split: how would they be with other photos of the same minerals?

Photos are resampled within their class; where the specimens are known, all photos of a specimen
are drawn together. The plain bootstrap cannot vary a class whose photos are all right or all
wrong, so its intervals have no width for classes of one photo. Here each class gets one more
photo (or specimen) of average confidence whose answer is unknown: it is right with probability
1/2. This is Jeffreys' prior, which lets a class of n photos with k right vary like one of accuracy
(k + 1/2) / (n + 1); its influence vanishes as n grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mineral_recog.calibration.temperature import ECE_BINS, AnyFloats, Floats, Ints
from mineral_recog.evaluation.metrics import (
    TOP,
    Photos,
    metrics_from_sums,
    metrics_of_photos,
    photos_from_logits,
    sum_by_cell,
)

# Metrics that a few classes decide; the bootstrap alone contains their true values too rarely.
_DECIDED_BY_FEW = ("cw_asd", "cw_arange", "lowest_accuracy", "harmonic_mean_accuracy")
_MAX_DRAWS = 2_000_000  # per block of resamples, which limits its memory to some 50 MB
_QUANTILES = (0.025, 0.975)

Draw = Callable[[int, int], tuple[Floats, Floats]]


class Resampled(NamedTuple):
    """A metric in R resamples.

    Attributes:
        bootstrap: The metric in bootstrap resamples, [R].
        centre: The metric at the class accuracies that these resamples are drawn from.
        posterior: The metric at class accuracies drawn from their posterior, [R].
    """

    bootstrap: Floats
    centre: float
    posterior: Floats


class _Units(NamedTuple):
    """Sums over the photos of each of the U units (photos or specimens) of a class."""

    photos: Floats  # [U, ECE_BINS] by confidence bin, as are the next two
    correct: Floats
    confidence: Floats
    in_top: Floats  # [U]


def bootstrap_intervals(
    labels: Ints,
    logits: AnyFloats,
    groups: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
    specimens: Ints | None = None,
) -> dict[str, tuple[float, float]]:
    """Compute the 95 % interval (low, high) of every metric of `compute_metrics`.

    The intervals cover the sampling of the photos, not the randomness of training. See
    `interval`; `benchmarks/interval_coverage.py` measures how often they contain the truth.

    Args:
        labels: As in `compute_metrics`.
        logits: As in `compute_metrics`.
        groups: As in `compute_metrics`.
        resamples: Number of resamples.
        seed: Seed of the resamples.
        specimens: Specimen of each photo, [M]; None if each photo counts as one.

    Raises:
        ValueError: As in `compute_metrics`, or `resamples` is below 1.
    """
    photos = photos_from_logits(labels, logits, groups, specimens)
    return intervals_of_photos(photos, groups, resamples, seed)


def intervals_of_photos(
    photos: Photos, groups: Sequence[str], resamples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Compute the intervals of `bootstrap_intervals`."""
    resampled = resampled_metrics(photos, groups, resamples, seed)
    return {
        key: interval(key, estimate, resampled[key], (0, 1))
        for key, estimate in metrics_of_photos(photos, groups).items()
    }


def interval(
    key: str, estimate: float, resampled: Resampled, limits: tuple[float, float]
) -> tuple[float, float]:
    """Compute the 95 % interval of a metric, or of its change, from resamples.

    Resampling adds noise to the accuracy of each class, which makes spreads (cw_asd, cw_arange,
    ece) larger and lowest_accuracy smaller; the estimate itself has this bias once. The interval is
    that of the resamples, moved so that their mean lies at the estimate without this bias. For
    metrics that a few classes decide it is extended to the mirrored interval of the basic bootstrap
    and to that of the posterior; and if it misses the estimate, to that.

    Args:
        key: Key of the metric.
        estimate: The metric of the photos.
        resampled: The metric in the resamples.
        limits: Smallest and largest possible value.
    """
    bootstrap = resampled.bootstrap
    bounds = estimate + resampled.centre - 2 * bootstrap.mean() + np.quantile(bootstrap, _QUANTILES)
    if key in _DECIDED_BY_FEW:
        mirrored = estimate + resampled.centre - np.quantile(bootstrap, _QUANTILES)
        posterior = np.quantile(resampled.posterior, _QUANTILES)
        bounds = np.concatenate([bounds, mirrored, posterior])
    low, high = np.clip((bounds.min(), bounds.max()), *limits)
    return float(min(low, estimate)), float(max(high, estimate))


def resampled_metrics(
    photos: Photos, groups: Sequence[str], resamples: int, seed: int, answerer: int = 0
) -> dict[str, Resampled]:
    """Compute every metric in R resamples.

    The resampled photos depend on the seed, labels and specimens alone: two models that answered
    the same photos in the same order get the same resamples.

    Args:
        photos: The answers to the photos.
        groups: Group of each class, C.
        resamples: Number of resamples, R.
        seed: Seed of the resamples.
        answerer: Number of the model in a comparison. The answers to the photo that each class
            gets in addition are independent for different numbers.

    Raises:
        ValueError: `resamples` is below 1.
    """
    if resamples < 1:
        raise ValueError("at least one resample is needed")
    rng, coins = np.random.default_rng(seed), np.random.default_rng([seed, answerer + 1])

    def draw_bootstrap(rows: int, units: int) -> tuple[Floats, Floats]:
        cells = rng.integers(units + 1, size=(rows, units))
        cells += np.arange(rows)[:, None] * (units + 1)
        counts = np.bincount(cells.ravel(), minlength=rows * (units + 1)).reshape(rows, units + 1)
        return counts.astype(np.float64), coins.binomial(counts[:, -1], 0.5) / counts[:, -1].clip(1)

    def draw_posterior(rows: int, units: int) -> tuple[Floats, Floats]:
        """Draw weights of a Dirichlet distribution: Rubin, "The Bayesian Bootstrap" (1981)."""
        return rng.standard_exponential((rows, units + 1)), coins.beta(0.5, 0.5, rows)

    def draw_centre(rows: int, units: int) -> tuple[Floats, Floats]:
        return np.ones((rows, units + 1)), np.full(rows, 0.5)

    bootstrap = _metrics_of_draws(photos, groups, resamples, draw_bootstrap)
    posterior = _metrics_of_draws(photos, groups, resamples, draw_posterior)
    centre = _metrics_of_draws(photos, groups, 1, draw_centre)
    return {
        key: Resampled(values, float(centre[key][0]), posterior[key])
        for key, values in bootstrap.items()
    }


def _metrics_of_draws(
    photos: Photos, groups: Sequence[str], resamples: int, draw: Draw
) -> dict[str, Floats]:
    """Return the metrics of each of R resamples, [R].

    Args:
        photos: The answers to the photos.
        groups: Group of each class, C.
        resamples: Number of resamples, R.
        draw: Given a number of resamples and the number of units of a class, returns the weights
            of the units and of an additional one, [rows, U + 1], and which share of the additional
            one is right, [rows].
    """
    correct, in_top = np.zeros((2, resamples, len(groups)))
    gap = np.zeros((resamples, ECE_BINS))
    for c in np.unique(photos.labels):
        units = _units_of_class(photos, c)
        block_size = max(1, _MAX_DRAWS // len(units.in_top))
        for start in range(0, resamples, block_size):
            rows = np.arange(start, min(start + block_size, resamples))
            weights, share = draw(len(rows), len(units.in_top))
            sums = _weighted_sums(units, weights, share, len(groups) > TOP)
            correct[rows, c], in_top[rows, c] = sums[0].sum(axis=1), sums[2]
            gap[rows] += sums[0] - sums[1]
    return metrics_from_sums(photos.labels, groups, correct, in_top, gap)


def _units_of_class(photos: Photos, c: int) -> _Units:
    members = photos.labels == c
    unit = np.unique(photos.specimens[members], return_inverse=True)[1]
    count, cells = unit.max() + 1, unit * ECE_BINS + photos.bin[members]
    correct, gap = photos.correct[members], photos.gap[members]

    def by_bin(values: Floats) -> Floats:
        return sum_by_cell(cells, values, count * ECE_BINS).reshape(count, ECE_BINS)

    return _Units(
        photos=by_bin(np.ones(len(unit))),
        correct=by_bin(correct),
        confidence=by_bin(correct - gap),
        in_top=sum_by_cell(unit, photos.in_top[members], count),
    )


def _weighted_sums(
    units: _Units, weights: Floats, share: Floats, can_miss_top: bool
) -> tuple[Floats, Floats, Floats]:
    """Return correct and confidence by bin, [rows, ECE_BINS], and in_top, [rows].

    All are scaled to the number of photos of the class. The additional unit is an average one.
    """
    size = units.photos.mean(axis=0)
    drawn, extra = weights[:, :-1], weights[:, -1:]
    photos = (drawn @ units.photos + extra * size).sum(axis=1)
    scale = units.photos.sum() / photos
    correct = drawn @ units.correct + extra * share[:, None] * size
    confidence = drawn @ units.confidence + extra * units.confidence.mean(axis=0)
    in_top = drawn @ units.in_top + extra[:, 0] * size.sum() * (share if can_miss_top else 1)
    return correct * scale[:, None], confidence * scale[:, None], in_top * scale
