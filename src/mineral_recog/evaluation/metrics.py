"""Metrics of a split, from labels and logits, without torch.

Shapes: M photos, C classes. Every metric is a share in [0, 1], not per cent. Classes without
photos in the split have no accuracy (nan) and are left out of every class-wise metric; a group
without photos has no metric, and its key is left out (JSON has no nan).

CwASD and CwARange are those of Hu, Ji et al., "Long-tailed Mineral Identification based on
Multi-stage Training" (Computers & Geosciences, under review 2024); the calibration error is that
of Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import (
    ECE_BINS,
    AnyFloats,
    Floats,
    Ints,
    confidence_bins,
    softmax,
)
from mineral_recog.data.class_groups import GROUPS
from mineral_recog.evaluation.results import Answers

TOP = 5


class Photos(NamedTuple):
    """What the metrics need of each photo."""

    labels: Ints  # [M]
    correct: Floats  # [M] 1 where the first guess is correct
    in_top: Floats  # [M] 1 where one of the first TOP guesses is correct
    bin: Ints  # [M] confidence bin of the first guess
    gap: Floats  # [M] correct minus confidence
    specimens: Ints  # [M] photos with equal numbers show one specimen


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


def mean_by_cell(cells: Ints, values: Floats | npt.NDArray[np.bool_], size: int) -> Floats:
    """Return the mean of the values in each cell 0 .. size - 1; nan for an empty cell."""
    counts = np.bincount(cells, minlength=size)
    means = np.full(size, np.nan)
    np.divide(np.bincount(cells, values, size), counts, out=means, where=counts > 0)
    return means


def precision_and_f1(labels: Ints, predicted: Ints, classes: int) -> tuple[Floats, Floats]:
    """Compute the precision and the F1 score of each class.

    Precision is the share of the photos predicted as a class that show it; F1 is the harmonic mean
    of it and the accuracy of the class, its recall: 2 TP / (2 TP + FP + FN).

    Args:
        labels: True classes, [M].
        predicted: Predicted classes, [M].
        classes: Number of classes, C.

    Returns:
        Both [C]; nan for classes without photos, and precision also for those never predicted.
    """
    counts, guessed = (np.bincount(c, minlength=classes) for c in (labels, predicted))
    correct = np.bincount(labels[labels == predicted], minlength=classes)
    precision, f1 = np.full((2, classes), np.nan)
    np.divide(correct, guessed, out=precision, where=(counts > 0) & (guessed > 0))
    np.divide(2 * correct, counts + guessed, out=f1, where=counts > 0)
    return precision, f1


def macro_f1(labels: Ints, logits: AnyFloats) -> dict[str, float]:
    """Return the mean F1 score over the classes with photos, by the key macro_f1."""
    _, f1 = precision_and_f1(labels, logits.argmax(axis=1), logits.shape[1])
    return {"macro_f1": float(np.nanmean(f1))}


def compute_metrics(labels: Ints, logits: AnyFloats, groups: Sequence[str]) -> dict[str, float]:
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
    return metrics_of_photos(photos_from_logits(labels, logits, groups), groups)


def ranks(labels: Ints, logits: AnyFloats) -> Ints:
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
    if not len(answers.labels):
        raise ValueError("no photos to compute metrics of")
    return metrics_of_photos(photos_from_answers(answers), groups)


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


def worst_first(accuracy: Floats, counts: Ints) -> Ints:
    """Return the indices of the classes with photos, the worst first.

    They are ordered by the upper end of the 95 % interval of their accuracy, so that chance does
    not put a class with few photos first.

    Args:
        accuracy: Accuracy of each class, [C].
        counts: Photos that each was measured on, [C].
    """
    order = np.lexsort((accuracy, wilson_interval(accuracy, counts)[1])).astype(np.int64)
    return order[counts[order] > 0]


def photos_from_logits(
    labels: Ints, logits: AnyFloats, groups: Sequence[str], specimens: Ints | None = None
) -> Photos:
    """Check labels and logits, and reduce them to what the metrics need.

    Args:
        labels: As in `compute_metrics`.
        logits: As in `compute_metrics`.
        groups: As in `compute_metrics`.
        specimens: Specimen of each photo, [M]; None if each photo counts as one.

    Raises:
        ValueError: As in `compute_metrics`.
    """
    if logits.ndim != 2 or logits.shape != (len(labels), len(groups)):
        raise ValueError(f"{len(labels)} labels, {len(groups)} classes, logits {logits.shape}")
    if not len(labels):
        raise ValueError("no photos to compute metrics of")
    if labels.min() < 0 or labels.max() >= len(groups):
        raise ValueError(f"labels must lie in 0 .. {len(groups) - 1}")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite: training failed, or the weights are damaged")
    confidence = softmax(logits).max(axis=1)
    return _photos_from_ranks(labels, ranks(labels, logits), confidence, specimens)


def photos_from_answers(answers: Answers) -> Photos:
    """Return what the metrics need of answers."""
    return _photos_from_ranks(answers.labels, answers.ranks, answers.confidence, answers.specimens)


def _photos_from_ranks(
    labels: Ints, ranks: Ints, confidence: Floats, specimens: Ints | None
) -> Photos:
    """Return what the metrics need, from ranks of the true class and first probabilities."""
    correct = (ranks == 1).astype(np.float64)
    in_top = (ranks <= TOP).astype(np.float64)
    bins, gap = confidence_bins(confidence), correct - confidence
    if specimens is None:
        specimens = np.arange(len(labels))
    return Photos(labels, correct, in_top, bins, gap, specimens)


def metrics_of_photos(photos: Photos, groups: Sequence[str]) -> dict[str, float]:
    """Compute the metrics of `compute_metrics`."""
    values = metrics_from_sums(
        photos.labels,
        groups,
        correct=sum_by_cell(photos.labels, photos.correct, len(groups)),
        in_top=sum_by_cell(photos.labels, photos.in_top, len(groups)),
        gap=sum_by_cell(photos.bin, photos.gap, ECE_BINS),
    )
    return {key: float(value) for key, value in values.items()}


def sum_by_cell(cells: Ints, values: Floats, size: int) -> Floats:
    """Return the sum of the values in each cell 0 .. size - 1."""
    return np.bincount(cells, values, size).astype(np.float64, copy=False)


def metrics_from_sums(
    labels: Ints, groups: Sequence[str], correct: Floats, in_top: Floats, gap: Floats
) -> dict[str, Floats]:
    """Return the metrics along the leading axes of sums over photos, once or per resample.

    Args:
        labels: True classes, [M].
        groups: Group of each class, C.
        correct: Photos per class whose first guess is correct, [..., C].
        in_top: Photos per class with one of the first TOP guesses correct, [..., C].
        gap: Sum of correct minus confidence per confidence bin, [..., ECE_BINS].
    """
    counts = np.bincount(labels, minlength=len(groups))
    has_photos = counts > 0
    accuracy = correct[..., has_photos] / counts[has_photos]
    values = {
        "accuracy": correct.sum(-1) / len(labels),
        "mean_accuracy": accuracy.mean(-1),
    }
    for group in GROUPS:
        members = np.array([name == group for name in groups])[has_photos]
        if members.any():
            values[f"mean_accuracy_{group}"] = accuracy[..., members].mean(-1)
    with np.errstate(divide="ignore"):  # a share of 0 makes the harmonic mean 1 / inf, its limit
        harmonic_mean = accuracy.shape[-1] / (1 / accuracy).sum(-1)
    return values | {
        "cw_asd": accuracy.std(-1),
        "cw_arange": accuracy.max(-1) - accuracy.min(-1),
        "lowest_accuracy": accuracy.min(-1),
        "harmonic_mean_accuracy": harmonic_mean,
        "top5_accuracy": in_top.sum(-1) / len(labels),
        "ece": np.abs(gap).sum(-1) / len(labels),
    }
