"""Probabilities that mean something: one temperature for all logits.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32] | npt.NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
ECE_BINS = 15


def softmax(logits: Logits, temperature: float = 1.0) -> Floats:
    """Probabilities [M, C] from logits [M, C] over the temperature; each row sums to 1."""
    shifted: Floats = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted /= temperature
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def log_sum(logits: Logits) -> Floats:
    """Log of the sum of exp(logits), [M] from [M, C]."""
    wide: Floats = logits.astype(np.float64)
    top = wide.max(axis=1)
    summed: Floats = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return summed


def fit_temperature(logits: Logits, labels: Ints) -> float:
    """The temperature in [0.05, 20] whose probabilities make the labels likeliest.

    Each class counts by the square root of its photos, see `class_weights`.

    Args:
        logits: of the validation photos, [M, C].
        labels: of the validation photos, [M], M at least 1.
    """
    from scipy.optimize import minimize_scalar  # slow to import, and needed when fitting alone

    photos = np.arange(len(labels))
    weights = class_weights(labels)

    def surprise(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(weights @ (log_sum(scaled) - scaled[photos, labels]))

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded")
    return float(np.clip(np.exp(found.x), COLDEST, HOTTEST))


def class_weights(labels: Ints) -> Floats:
    """Weights of photos by which each class counts by the square root of its photos, [M].

    With every photo alike a long tail has no say; with every class alike the luck of three photos
    has too much.
    """
    weights: Floats = 1 / np.sqrt(np.bincount(labels)[labels])
    return weights


def calibration_error(labels: Ints, probabilities: Floats) -> float:
    """The expected calibration error of the first guesses, in [0, 1] (Guo et al., equation 3).

    Over 15 equal-width bins of the first guess's probability, each closed below, the last closed.

    Args:
        labels: [M].
        probabilities: [M, C].
    """
    confidence = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - confidence
    return float(np.abs(np.bincount(confidence_bins(confidence), gap)).sum() / len(labels))


def confidence_bins(confidence: Floats) -> Ints:
    """Which of the 15 bins of the calibration error a probability falls in, [M] from [M]."""
    bins: Ints = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    return bins
