"""None of these: how strange a photo is to the model, from its features and logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_recog.trust.temperature import Floats, Ints, Logits, softmax


@dataclass(frozen=True, eq=False)
class Novelty:
    """A score that is larger the stranger a photo is, and where strangeness begins.

    Attributes:
        means: mean training feature of each class, of length 1, [C, D] float32.
        threshold: of the score; a photo above it shows none of the classes.
        weight: of the logits' part beside the features' part.
        plain_threshold: of 1 - maximum softmax probability, for the same share of photos kept;
            the plain way that the score is measured against.
    """

    means: npt.NDArray[np.float32]
    threshold: float
    weight: float
    plain_threshold: float

    def score(self, features: Logits, logits: Logits) -> Floats:
        """How strange photos are, float [M], from features [M, D] and logits [M, C]."""
        found: Floats = _distance(self.means, features) - self.weight * _log_sum(logits)
        return found


def plain_score(logits: Logits) -> Floats:
    """1 - maximum softmax probability, [M], from logits [M, C].

    Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
    Examples in Neural Networks", ICLR 2017.
    """
    return 1 - softmax(logits).max(axis=1)


def fit_novelty(
    train_features: Logits,
    train_labels: Ints,
    val_features: Logits,
    val_logits: Logits,
    val_labels: Ints,
    keep: float = 0.95,
) -> Novelty:
    """Fit the score on training photos and its threshold on validation photos.

    Args:
        train_features: in the evaluation view, [N, D].
        train_labels: [N]; every class 0 .. C - 1 occurs.
        val_features: [M, D].
        val_logits: [M, C].
        val_labels: [M].
        keep: share of validation photos that are to stay below the threshold, in (0, 1).
    """
    classes = val_logits.shape[1]
    means = np.stack(
        [_unit(train_features)[train_labels == c].mean(axis=0) for c in range(classes)]
    )
    means = _unit(means).astype(np.float32)
    distance, log_sum = _distance(means, val_features), _log_sum(val_logits)
    weight = float(distance.std() / max(log_sum.std(), 1e-12))
    return Novelty(
        means,
        float(np.quantile(distance - weight * log_sum, keep, method="higher")),
        weight,
        float(np.quantile(plain_score(val_logits), keep, method="higher")),
    )


def _unit(features: Logits) -> Floats:
    """Features of length 1."""
    wide = features.astype(np.float64)
    length: Floats = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.maximum(length, 1e-12)


def _distance(means: npt.NDArray[np.float32], features: Logits) -> Floats:
    distance: Floats = 1 - (_unit(features) @ means.T).max(axis=1)
    return distance


def _log_sum(logits: Logits) -> Floats:
    wide = logits.astype(np.float64)
    top = wide.max(axis=1)
    summed: Floats = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return summed
