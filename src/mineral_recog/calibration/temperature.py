"""Temperature scaling: calibrates probabilities by dividing all logits by one number.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
AnyFloats = npt.NDArray[np.float32] | npt.NDArray[np.float64]

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
ECE_BINS = 15


def softmax(logits: AnyFloats, temperature: float = 1.0) -> Floats:
    """Return probabilities [M, C] from logits [M, C] / temperature; each row sums to 1."""
    result: Floats = logits.astype(np.float64)
    result -= result.max(axis=1, keepdims=True)
    result /= temperature
    np.exp(result, out=result)
    result /= result.sum(axis=1, keepdims=True)
    return result


def logsumexp(logits: AnyFloats) -> Floats:
    """Return the log of the sum of exp(logits) of each row, [M] from [M, C]."""
    logits64: Floats = logits.astype(np.float64)
    maximum = logits64.max(axis=1)
    result: Floats = maximum + np.log(np.exp(logits64 - maximum[:, None]).sum(axis=1))
    return result


def fit_temperature(logits: AnyFloats, labels: Ints) -> float:
    """Return the temperature in [0.05, 20] that makes the labels most likely.

    Each class has a weight of the square root of its photo count, see `class_weights`.

    Args:
        logits: Logits of the validation photos, [M, C].
        labels: Labels of the validation photos, [M], M at least 1.
    """
    from scipy.optimize import minimize_scalar  # slow to import, and needed only for fitting

    rows = np.arange(len(labels))
    weights = class_weights(labels)

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(weights @ (logsumexp(scaled) - scaled[rows, labels]))

    bounds = (np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE))
    optimum = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.clip(np.exp(optimum.x), MIN_TEMPERATURE, MAX_TEMPERATURE))


def class_weights(labels: Ints) -> Floats:
    """Return photo weights [M] that give each class the square root of its photo count.

    With equal weights for photos, a long tail has no influence. With equal weights for classes,
    chance in a class of three photos has too much.
    """
    return 1 / np.sqrt(np.bincount(labels)[labels])


def calibration_error(labels: Ints, probabilities: Floats) -> float:
    """Return the expected calibration error (ECE) of the top-1 prediction, in [0, 1].

    Guo et al., equation 3, over 15 equal-width bins of the top-1 probability. Each bin includes
    its lower edge; the last one also includes its upper edge.

    Args:
        labels: Labels, [M].
        probabilities: Probabilities, [M, C].
    """
    confidence = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - confidence
    return float(np.abs(np.bincount(confidence_bins(confidence), gap)).sum() / len(labels))


def confidence_bins(confidence: Floats) -> Ints:
    """Return the bin of the calibration error, 0 .. 14, of each probability, [M] from [M]."""
    return np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
