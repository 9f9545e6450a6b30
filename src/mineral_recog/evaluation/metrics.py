"""The figures of a split, from labels and logits; without torch.

Shapes: M photos, C classes. Every figure is a share in [0, 1], not per cent. Classes without
photos in the split have no accuracy (nan) and are left out of every class-wise figure; a group
of which no class has photos has no figure, and its key is left out (JSON has no nan).

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
_DRAWS_AT_ONCE = 2_000_000  # bounds the memory of a resample to some 50 MB


class _PerPhoto(NamedTuple):
    """All that the figures need of each photo."""

    correct: Floats  # [M] 1 where the first guess is right
    in_top: Floats  # [M] 1 where one of the first TOP guesses is
    bin: Ints  # [M] confidence bin of the first guess
    gap: Floats  # [M] correct minus confidence


class _Sums(NamedTuple):
    """What photos add up to, once or for each of R resamples."""

    correct: Floats  # [..., C]
    in_top: Floats  # [..., C]
    gap: Floats  # [..., ECE_BINS]


def confusion_matrix(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """Photos by true class (rows) and predicted class (columns): int64 [classes, classes].

    labels and predicted: [M]. Raises ValueError when they differ in shape or lie outside
    0 .. classes - 1.
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"{labels.shape} labels but {predicted.shape} predictions")
    for indices in (labels, predicted):
        if indices.size and (indices.min() < 0 or indices.max() >= classes):
            raise ValueError(f"class indices must lie in 0 .. {classes - 1}")
    cells = labels.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def class_accuracy(confusion: Ints) -> Floats:
    """Accuracy (recall) of each class, float [C]; nan for a class without photos."""
    photos = confusion.sum(axis=1)
    accuracy = np.full(len(confusion), np.nan)
    np.divide(np.diag(confusion), photos, out=accuracy, where=photos > 0)
    return accuracy


def figures(labels: Ints, logits: Logits, groups: Sequence[str]) -> dict[str, float]:
    """The figures of a split: labels [M], logits [M, C], the group of each of the C classes.

    Keys: accuracy, mean_accuracy, mean_accuracy_head, mean_accuracy_medium, mean_accuracy_tail
    (each only when a class of that group has photos), cw_asd (population standard deviation of
    the class accuracies), cw_arange (largest minus smallest), lowest_accuracy,
    harmonic_mean_accuracy (0 when a class is never right), top5_accuracy (of min(5, C) guesses),
    ece (equal-width bins of the first guess's probability, each closed below, the last closed).
    Raises ValueError on shapes that do not fit, on no photos and on logits that are not finite.
    """
    photo = _per_photo(labels, logits, groups)
    counts = np.bincount(labels, minlength=len(groups))
    found = _figures(_sums(labels, photo, len(groups)), counts, groups)
    return {key: float(value) for key, value in found.items()}


def bootstrap_intervals(
    labels: Ints, logits: Logits, groups: Sequence[str], resamples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 95 % interval (low, high) of every figure of `figures`, which see for the arguments.

    Photos are drawn with replacement within their class, so that every class keeps its number.
    Intervals are those of the basic bootstrap, 2 * estimate - quantile (Efron and Tibshirani,
    "An Introduction to the Bootstrap", 1993), clipped to [0, 1]: resampling adds noise to each
    class's accuracy, hence biases spread (cw_asd, cw_arange, ece) upwards and lowest_accuracy
    downwards, and plain percentiles would carry that bias twice. Where the interval would still
    miss the estimate it is extended to reach it. It tells of the luck of the photos, not of the
    training run; a class that is wholly right or wrong does not vary under resampling, so that
    intervals over classes of a few photos are too narrow.
    Raises ValueError as `figures` does, and when resamples is below 1.
    """
    if resamples < 1:
        raise ValueError("at least one resample is needed")
    photo = _per_photo(labels, logits, groups)
    counts = np.bincount(labels, minlength=len(groups))
    estimates = _figures(_sums(labels, photo, len(groups)), counts, groups)
    drawn = _resampled(labels, photo, groups, resamples, seed)
    intervals = {}
    for key, estimate in estimates.items():
        bounds = 2 * estimate - np.quantile(drawn[key], (0.975, 0.025))
        low, high = np.clip(bounds, 0, 1)
        intervals[key] = (float(min(low, estimate)), float(max(high, estimate)))
    return intervals


def ranks(labels: Ints, logits: Logits) -> Ints:
    """Place of the true class among the guesses, from 1: [M] from labels [M] and logits [M, C].

    The first of equal logits comes first, as it does for the guess.
    """
    own = logits[np.arange(len(labels)), labels][:, None]
    before = np.arange(logits.shape[1]) < labels[:, None]
    ahead: Ints = ((logits > own) | ((logits == own) & before)).sum(axis=1, dtype=np.int64)
    return ahead + 1


def answered_figures(answers: Answers, groups: Sequence[str]) -> dict[str, float]:
    """The figures of `figures` from answers whose logits are gone; no photos are a ValueError."""
    photo = _facts(answers.ranks, answers.confidence)
    if not len(answers.labels):
        raise ValueError("no photos to take figures of")
    counts = np.bincount(answers.labels, minlength=len(groups))
    found = _figures(_sums(answers.labels, photo, len(groups)), counts, groups)
    return {key: float(value) for key, value in found.items()}


def resampled_figures(
    answers: Answers, groups: Sequence[str], resamples: int, seed: int
) -> dict[str, Floats]:
    """Every figure of each of R resamples, [R], drawn as `bootstrap_intervals` draws.

    Which photos are drawn follows from the seed and the labels alone: two models that answered
    the same photos in the same order are given the same draws.
    """
    photo = _facts(answers.ranks, answers.confidence)
    return _resampled(answers.labels, photo, groups, resamples, seed)


def wilson_interval(share: Floats, photos: Ints) -> tuple[Floats, Floats]:
    """The 95 % interval (low, high), each [C], of shares [C] seen in so many photos [C].

    Wilson's score interval, which stays sensible for few photos and for shares of 0 and 1. nan
    where there are no photos.
    """
    z = 1.959964
    n = np.where(photos > 0, photos, np.nan).astype(np.float64)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # rounding may leave the ends a hair inside a share of 0 or 1
    return np.minimum(centre - half, share).clip(0), np.maximum(centre + half, share).clip(None, 1)


def _per_photo(labels: Ints, logits: Logits, groups: Sequence[str]) -> _PerPhoto:
    """Reduce logits to what the figures need, after checking that all fits together."""
    if logits.ndim != 2 or logits.shape != (len(labels), len(groups)):
        raise ValueError(f"{len(labels)} labels, {len(groups)} classes, logits {logits.shape}")
    if not len(labels):
        raise ValueError("no photos to take figures of")
    if labels.min() < 0 or labels.max() >= len(groups):
        raise ValueError(f"labels must lie in 0 .. {len(groups) - 1}")
    if not np.isfinite(logits).all():
        raise ValueError(
            "logits must be finite: the model did not train, or its weights are broken"
        )
    return _facts(ranks(labels, logits), softmax(logits).max(axis=1))


def _facts(ranks: Ints, confidence: Floats) -> _PerPhoto:
    """What the figures need, from the place of the true class and the first guess's probability."""
    correct = (ranks == 1).astype(np.float64)
    in_top = (ranks <= TOP).astype(np.float64)
    return _PerPhoto(correct, in_top, confidence_bins(confidence), correct - confidence)


def _sums(labels: Ints, photo: _PerPhoto, classes: int) -> _Sums:
    """The sums of all photos as they are."""
    return _Sums(
        _added(labels, photo.correct, classes),
        _added(labels, photo.in_top, classes),
        _added(photo.bin, photo.gap, ECE_BINS),
    )


def _added(cells: Ints, values: Floats, size: int) -> Floats:
    """The sum of the values in each of the cells 0 .. size - 1."""
    return np.bincount(cells, values, size).astype(np.float64, copy=False)


def _resampled(
    labels: Ints, photo: _PerPhoto, groups: Sequence[str], resamples: int, seed: int
) -> dict[str, Floats]:
    """The figures of each of R resamples within classes, [R]."""
    counts = np.bincount(labels, minlength=len(groups))
    return _figures(_resample(labels, photo, len(groups), resamples, seed), counts, groups)


def _resample(labels: Ints, photo: _PerPhoto, classes: int, resamples: int, seed: int) -> _Sums:
    """The sums for each of R resamples within classes: [R, C] and [R, ECE_BINS]."""
    rng = np.random.default_rng(seed)
    correct, in_top = np.zeros((2, resamples, classes))
    gap = np.zeros((resamples, ECE_BINS))
    for c in range(classes):
        mine = np.flatnonzero(labels == c)
        if not mine.size:
            continue
        for rows in _blocks(resamples, mine.size):
            draws = mine[rng.integers(mine.size, size=(len(rows), mine.size))]
            correct[rows, c] = photo.correct[draws].sum(axis=1)
            in_top[rows, c] = photo.in_top[draws].sum(axis=1)
            cells = photo.bin[draws] + (np.arange(len(rows)) * ECE_BINS)[:, None]
            sums = _added(cells.ravel(), photo.gap[draws].ravel(), len(rows) * ECE_BINS)
            gap[rows] += sums.reshape(len(rows), ECE_BINS)
    return _Sums(correct, in_top, gap)


def _blocks(resamples: int, photos: int) -> Iterator[Ints]:
    """The resamples, split into runs of no more than _DRAWS_AT_ONCE draws where possible."""
    step = max(1, _DRAWS_AT_ONCE // photos)
    for start in range(0, resamples, step):
        yield np.arange(start, min(start + step, resamples))


def _figures(sums: _Sums, counts: Ints, groups: Sequence[str]) -> dict[str, Floats]:
    """The figures along the leading axes of the sums."""
    seen = counts > 0
    accuracy = sums.correct[..., seen] / counts[seen]
    found = {
        "accuracy": sums.correct.sum(-1) / counts.sum(),
        "mean_accuracy": accuracy.mean(-1),
    }
    for group in GROUPS:
        members = np.array([name == group for name in groups])[seen]
        if members.any():
            found[f"mean_accuracy_{group}"] = accuracy[..., members].mean(-1)
    return found | {
        "cw_asd": accuracy.std(-1),
        "cw_arange": accuracy.max(-1) - accuracy.min(-1),
        "lowest_accuracy": accuracy.min(-1),
        "harmonic_mean_accuracy": _harmonic_mean(accuracy),
        "top5_accuracy": sums.in_top.sum(-1) / counts.sum(),
        "ece": np.abs(sums.gap).sum(-1) / counts.sum(),
    }


def _harmonic_mean(shares: Floats) -> Floats:
    """Harmonic mean along the last axis; 0 where a share is 0, which is its limit."""
    positive = (shares > 0).all(-1)
    inverse = np.divide(1.0, shares, out=np.ones_like(shares), where=shares > 0)
    return np.where(positive, shares.shape[-1] / inverse.sum(-1), 0.0)
