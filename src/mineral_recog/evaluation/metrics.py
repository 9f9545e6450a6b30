"""Metrics of a split, from labels and logits, without torch.

Shapes: M photos, C classes. Every metric is a share in [0, 1], not per cent. Classes without
photos in the split have no accuracy (nan) and are left out of every class-wise metric; a group
without photos has no metric, and its key is left out (JSON has no nan).

CwASD and CwARange are those of Hu, Ji et al., "Long-tailed Mineral Identification based on
Multi-stage Training" (Computers & Geosciences, under review 2024); the calibration error is that
of Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import ECE_BINS, confidence_bins, softmax
from mineral_recog.data.class_groups import GROUPS
from mineral_recog.evaluation.results import Answers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32] | npt.NDArray[np.float64]

TOP = 5
_MAX_DRAWS = 2_000_000  # per block of resamples, which limits its memory to some 50 MB


class _PerPhoto(NamedTuple):
    """What the metrics need of each photo."""

    correct: Floats  # [M] 1 where the first guess is correct
    in_top: Floats  # [M] 1 where one of the first TOP guesses is correct
    bin: Ints  # [M] confidence bin of the first guess
    gap: Floats  # [M] correct minus confidence


class _Sums(NamedTuple):
    """Sums over photos, once or for each of R resamples."""

    correct: Floats  # [..., C]
    in_top: Floats  # [..., C]
    gap: Floats  # [..., ECE_BINS]


def confusion_matrix(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """Count photos by true class (rows) and predicted class (columns).

    Args:
        labels: True classes, [M].
        predicted: Predicted classes, [M].
        classes: Number of classes, C.

    Returns:
        Counts, int64 [C, C].

    Raises:
        ValueError: The shapes differ, or a class is outside 0 .. C - 1.
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"{labels.shape} labels but {predicted.shape} predictions")
    for indices in (labels, predicted):
        if indices.size and (indices.min() < 0 or indices.max() >= classes):
            raise ValueError(f"class indices must lie in 0 .. {classes - 1}")
    cells = labels.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def class_accuracy(confusion: Ints) -> Floats:
    """Return the accuracy (recall) per class, float [C]; nan for a class without photos."""
    counts = confusion.sum(axis=1)
    accuracy = np.full(len(confusion), np.nan)
    np.divide(np.diag(confusion), counts, out=accuracy, where=counts > 0)
    return accuracy


def compute_metrics(labels: Ints, logits: Logits, groups: Sequence[str]) -> dict[str, float]:
    """Compute the metrics of a split.

    Args:
        labels: True classes, [M].
        logits: [M, C].
        groups: Group of each class, C.

    Returns:
        accuracy, mean_accuracy, mean_accuracy_head, mean_accuracy_medium, mean_accuracy_tail
        (each only if a class of that group has photos), cw_asd (population standard deviation of
        the class accuracies), cw_arange (largest minus smallest), lowest_accuracy,
        harmonic_mean_accuracy (0 if a class is never recognised), top5_accuracy (of min(5, C)
        guesses), ece (equal-width bins of the first guess's probability, each closed below, the
        last one closed above as well).

    Raises:
        ValueError: Shapes do not fit, there are no photos, or logits are not finite.
    """
    photo = _per_photo(labels, logits, groups)
    counts = np.bincount(labels, minlength=len(groups))
    values = _metrics_from_sums(_sums(labels, photo, len(groups)), counts, groups)
    return {key: float(value) for key, value in values.items()}


def bootstrap_intervals(
    labels: Ints, logits: Logits, groups: Sequence[str], resamples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Compute the 95 % interval (low, high) of every metric of `compute_metrics`.

    Photos are resampled with replacement within their class, so that the photos per class do not
    change. Intervals are those of the basic bootstrap, 2 * estimate - quantile (Efron and
    Tibshirani, "An Introduction to the Bootstrap", 1993), clipped to [0, 1]: resampling adds
    noise to the accuracy of each class, hence biases spread (cw_asd, cw_arange, ece) upwards and
    lowest_accuracy downwards, and plain percentiles would contain that bias twice. An interval
    that still misses the estimate is extended to reach it.

    The intervals cover the sampling of the photos, not the randomness of training. A class whose
    photos are all correct or all wrong does not vary under resampling, so intervals over classes
    with a few photos are too narrow.

    Args:
        labels: As in `compute_metrics`.
        logits: As in `compute_metrics`.
        groups: As in `compute_metrics`.
        resamples: Number of resamples.
        seed: Seed of the resamples.

    Raises:
        ValueError: As in `compute_metrics`, or `resamples` is below 1.
    """
    if resamples < 1:
        raise ValueError("at least one resample is needed")
    photo = _per_photo(labels, logits, groups)
    counts = np.bincount(labels, minlength=len(groups))
    estimates = _metrics_from_sums(_sums(labels, photo, len(groups)), counts, groups)
    resampled = _resampled(labels, photo, groups, resamples, seed)
    intervals = {}
    for key, estimate in estimates.items():
        bounds = 2 * estimate - np.quantile(resampled[key], (0.975, 0.025))
        low, high = np.clip(bounds, 0, 1)
        intervals[key] = (float(min(low, estimate)), float(max(high, estimate)))
    return intervals


def ranks(labels: Ints, logits: Logits) -> Ints:
    """Return the rank of the true class among the guesses, from 1.

    Of equal logits the first one ranks higher, as it does for the guess.

    Args:
        labels: True classes, [M].
        logits: [M, C].

    Returns:
        Ranks, int64 [M].
    """
    true_logits = logits[np.arange(len(labels)), labels][:, None]
    precedes = np.arange(logits.shape[1]) < labels[:, None]
    ahead: Ints = ((logits > true_logits) | ((logits == true_logits) & precedes)).sum(
        axis=1, dtype=np.int64
    )
    return ahead + 1


def metrics_of_answers(answers: Answers, groups: Sequence[str]) -> dict[str, float]:
    """Compute the metrics of `compute_metrics` from answers, without logits.

    Raises:
        ValueError: There are no photos.
    """
    photo = _per_photo_from_ranks(answers.ranks, answers.confidence)
    if not len(answers.labels):
        raise ValueError("no photos to compute metrics of")
    counts = np.bincount(answers.labels, minlength=len(groups))
    values = _metrics_from_sums(_sums(answers.labels, photo, len(groups)), counts, groups)
    return {key: float(value) for key, value in values.items()}


def resampled_metrics(
    answers: Answers, groups: Sequence[str], resamples: int, seed: int
) -> dict[str, Floats]:
    """Compute every metric of each of R resamples, [R], as `bootstrap_intervals` resamples.

    The resampled photos depend on the seed and the labels alone: two models that answered the
    same photos in the same order get the same resamples.
    """
    photo = _per_photo_from_ranks(answers.ranks, answers.confidence)
    return _resampled(answers.labels, photo, groups, resamples, seed)


def wilson_interval(share: Floats, counts: Ints) -> tuple[Floats, Floats]:
    """Compute the 95 % Wilson score interval, which works for few photos and shares of 0 and 1.

    Args:
        share: Observed shares, [C].
        counts: Photos that each share was observed on, [C].

    Returns:
        Low and high, each [C]; nan without photos.
    """
    z = 1.959964
    n = np.where(counts > 0, counts, np.nan).astype(np.float64)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # Rounding may leave an end slightly inside a share of 0 or 1.
    return np.minimum(centre - half, share).clip(0), np.maximum(centre + half, share).clip(None, 1)


def _per_photo(labels: Ints, logits: Logits, groups: Sequence[str]) -> _PerPhoto:
    """Check labels and logits, and reduce them to what the metrics need."""
    if logits.ndim != 2 or logits.shape != (len(labels), len(groups)):
        raise ValueError(f"{len(labels)} labels, {len(groups)} classes, logits {logits.shape}")
    if not len(labels):
        raise ValueError("no photos to compute metrics of")
    if labels.min() < 0 or labels.max() >= len(groups):
        raise ValueError(f"labels must lie in 0 .. {len(groups) - 1}")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite: training failed, or the weights are damaged")
    return _per_photo_from_ranks(ranks(labels, logits), softmax(logits).max(axis=1))


def _per_photo_from_ranks(ranks: Ints, confidence: Floats) -> _PerPhoto:
    """Return what the metrics need, from ranks of the true class and first probabilities."""
    correct = (ranks == 1).astype(np.float64)
    in_top = (ranks <= TOP).astype(np.float64)
    return _PerPhoto(correct, in_top, confidence_bins(confidence), correct - confidence)


def _sums(labels: Ints, photo: _PerPhoto, classes: int) -> _Sums:
    """Return the sums over all photos, without resampling."""
    return _Sums(
        _sum_by_cell(labels, photo.correct, classes),
        _sum_by_cell(labels, photo.in_top, classes),
        _sum_by_cell(photo.bin, photo.gap, ECE_BINS),
    )


def _sum_by_cell(cells: Ints, values: Floats, size: int) -> Floats:
    """Return the sum of the values in each cell 0 .. size - 1."""
    return np.bincount(cells, values, size).astype(np.float64, copy=False)


def _resampled(
    labels: Ints, photo: _PerPhoto, groups: Sequence[str], resamples: int, seed: int
) -> dict[str, Floats]:
    """Return the metrics of each of R resamples within classes, [R]."""
    counts = np.bincount(labels, minlength=len(groups))
    return _metrics_from_sums(
        _resample(labels, photo, len(groups), resamples, seed), counts, groups
    )


def _resample(labels: Ints, photo: _PerPhoto, classes: int, resamples: int, seed: int) -> _Sums:
    """Return the sums for each of R resamples within classes: [R, C] and [R, ECE_BINS]."""
    rng = np.random.default_rng(seed)
    correct, in_top = np.zeros((2, resamples, classes))
    gap = np.zeros((resamples, ECE_BINS))
    for c in range(classes):
        indices = np.flatnonzero(labels == c)
        if not indices.size:
            continue
        for rows in _blocks(resamples, indices.size):
            draws = indices[rng.integers(indices.size, size=(len(rows), indices.size))]
            correct[rows, c] = photo.correct[draws].sum(axis=1)
            in_top[rows, c] = photo.in_top[draws].sum(axis=1)
            cells = photo.bin[draws] + (np.arange(len(rows)) * ECE_BINS)[:, None]
            sums = _sum_by_cell(cells.ravel(), photo.gap[draws].ravel(), len(rows) * ECE_BINS)
            gap[rows] += sums.reshape(len(rows), ECE_BINS)
    return _Sums(correct, in_top, gap)


def _blocks(resamples: int, photo_count: int) -> Iterator[Ints]:
    """Yield blocks of resamples, each of at most _MAX_DRAWS draws where possible."""
    step = max(1, _MAX_DRAWS // photo_count)
    for start in range(0, resamples, step):
        yield np.arange(start, min(start + step, resamples))


def _metrics_from_sums(sums: _Sums, counts: Ints, groups: Sequence[str]) -> dict[str, Floats]:
    """Return the metrics along the leading axes of the sums."""
    has_photos = counts > 0
    accuracy = sums.correct[..., has_photos] / counts[has_photos]
    values = {
        "accuracy": sums.correct.sum(-1) / counts.sum(),
        "mean_accuracy": accuracy.mean(-1),
    }
    for group in GROUPS:
        members = np.array([name == group for name in groups])[has_photos]
        if members.any():
            values[f"mean_accuracy_{group}"] = accuracy[..., members].mean(-1)
    return values | {
        "cw_asd": accuracy.std(-1),
        "cw_arange": accuracy.max(-1) - accuracy.min(-1),
        "lowest_accuracy": accuracy.min(-1),
        "harmonic_mean_accuracy": _harmonic_mean(accuracy),
        "top5_accuracy": sums.in_top.sum(-1) / counts.sum(),
        "ece": np.abs(sums.gap).sum(-1) / counts.sum(),
    }


def _harmonic_mean(shares: Floats) -> Floats:
    """Return the harmonic mean along the last axis; 0 where a share is 0, which is its limit."""
    positive = (shares > 0).all(-1)
    inverse = np.divide(1.0, shares, out=np.ones_like(shares), where=shares > 0)
    return np.where(positive, shares.shape[-1] / inverse.sum(-1), 0.0)
