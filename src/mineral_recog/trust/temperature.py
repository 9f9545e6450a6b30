"""Probabilities that mean something: one temperature for all logits.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

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


def fit_temperature(logits: Logits, labels: Ints) -> float:
    """The temperature in [0.05, 20] whose probabilities make the labels likeliest.

    Args:
        logits: of the validation photos, [M, C].
        labels: of the validation photos, [M].
    """
    photos = np.arange(len(labels))

    def surprise(log_temperature: float) -> float:
        scaled: Floats = logits.astype(np.float64) / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[photos, labels]).mean())

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded")
    return float(np.exp(np.clip(found.x, *bounds)))


def calibration_error(labels: Ints, probabilities: Floats) -> float:
    """The expected calibration error of the first guesses, in [0, 1] (Guo et al., equation 3).

    Of 15 equal-width bins of the first guess's probability, each closed below, the last closed.

    Args:
        labels: [M].
        probabilities: [M, C].
    """
    confidence = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - confidence
    bins = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    return float(np.abs(np.bincount(bins, gap, ECE_BINS)).sum() / len(labels))
