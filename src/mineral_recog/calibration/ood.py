"""None of these: how strange a photo is to the model, from its features and logits.

The features' part is the distance of a photo's feature, scaled to length 1, to the nearest class
mean, in units of the spread within classes (Lee et al., "A Simple Unified Framework for Detecting
Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018). The spread is that of all
classes together, which a class of three photos need not know by itself, shrunk as Ledoit and Wolf
do ("A well-conditioned estimator for large-dimensional covariance matrices", 2004), and kept
along its few widest directions.

The logits' part is the energy (Liu et al., "Energy-based Out-of-distribution Detection", NeurIPS
2020) above that of an ordinary photo. It can only add strangeness: a network is often surer of
noise than of any photo, and sureness must not excuse a feature that is far from all classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import (
    Floats,
    Ints,
    Logits,
    class_weights,
    log_sum,
    softmax,
)

DIRECTIONS = 64  # of the spread that are kept; 0.5 MB of 2,048 features


@dataclass(frozen=True, eq=False)
class OodDetector:
    """A score that is larger the stranger a photo is, and where strangeness begins.

    Attributes:
        means: of the training features, scaled to length 1, of each class, [C, D] float32.
        directions: along which features spread within classes, R of them, [R, D] float32; how
            much shorter than 1 one is tells how much of a distance along it counts.
        weight: of the logits' part.
        ordinary: log of the sum of exp(logits) of an ordinary photo.
        threshold: of the score; a photo above it shows none of the classes.
        plain_threshold: of `plain_score`, for the same share of photos kept; only to be compared
            with.
    """

    means: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]
    weight: float
    ordinary: float
    threshold: float
    plain_threshold: float

    def score(self, features: Logits, logits: Logits) -> Floats:
        """How strange photos are, float [M], from features [M, D] and logits [M, C]."""
        distance = _distance(self.means, self.directions, features)
        strange: Floats = distance + self.weight * np.maximum(self.ordinary - log_sum(logits), 0)
        return strange


def plain_score(logits: Logits) -> Floats:
    """1 - maximum softmax probability, [M], from logits [M, C]: the plain way.

    Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
    Examples in Neural Networks", ICLR 2017.
    """
    unsure: Floats = 1 - softmax(logits).max(axis=1)
    return unsure


def fit_ood(
    train_features: Logits,
    train_labels: Ints,
    val_features: Logits,
    val_logits: Logits,
    val_labels: Ints,
    keep: float = 0.95,
) -> OodDetector:
    """Fit the score on training photos and its threshold on validation photos.

    In the spread and in the share that is kept each class counts by the square root of its
    photos, see `class_weights`, so that it is not those of rare minerals that are turned away.

    Args:
        train_features: in the evaluation view, [N, D].
        train_labels: [N]; every class 0 .. C - 1 occurs.
        val_features: [M, D].
        val_logits: [M, C].
        val_labels: [M].
        keep: share of validation photos that are to stay below the threshold, in (0, 1).
    """
    unit = _unit(train_features)
    counts = np.bincount(train_labels, minlength=val_logits.shape[1])
    means = np.zeros((len(counts), unit.shape[1]))
    np.add.at(means, train_labels, unit)
    means /= counts[:, None]
    shares = class_weights(train_labels)[:, None]
    residuals = (unit - means[train_labels]) * np.sqrt(shares / shares.mean())
    directions = _directions(residuals).astype(np.float32)
    distance = _distance(means.astype(np.float32), directions, val_features)
    energy = log_sum(val_logits)
    spread = energy.std()
    # a deviation of the one counts as much as a deviation of the other
    weight = distance.std() / spread if spread else 0.0
    ordinary = np.median(energy)
    strange = distance + weight * np.maximum(ordinary - energy, 0)
    weights = class_weights(val_labels)
    return OodDetector(
        means.astype(np.float32),
        directions,
        float(weight),
        float(ordinary),
        _quantile(strange, weights, keep),
        _quantile(plain_score(val_logits), weights, keep),
    )


def _directions(residuals: Floats) -> Floats:
    """The widest directions of the spread within classes, [R, D] from [N, D].

    The shrunken covariance (1 - a) S + a t I, t the mean eigenvalue of S, has the inverse
    (I - sum of k v v') / (a t), k = (1 - a) s / ((1 - a) s + a t), over eigenvectors v and
    eigenvalues s of S. Given are sqrt(k) v; the factor in front changes no order.
    """
    from scipy.linalg import eigh  # slow to import, and needed when fitting alone

    photos, width = residuals.shape
    covariance = residuals.T @ residuals / photos
    mean = np.trace(covariance) / width
    off = (covariance**2).sum() - width * mean**2  # D times the squared distance from t I
    noise = (((residuals**2).sum(axis=1) ** 2).mean() - (covariance**2).sum()) / photos
    if off <= 0 or noise >= off:
        return np.zeros((0, width))
    shrinkage = max(noise / off, 1e-6)  # never singular, not even of two photos
    values, vectors = eigh(covariance, subset_by_index=(max(width - DIRECTIONS, 0), width - 1))
    wide = (1 - shrinkage) * np.maximum(values, 0)
    scaled: Floats = (vectors * np.sqrt(wide / (wide + shrinkage * mean))).T
    return scaled


def _unit(features: Logits) -> Floats:
    """Features of length 1; what is 0 stays so."""
    wide: Floats = features.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    wide /= np.where(length > 0, length, 1)
    return wide


def _distance(
    means: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], features: Logits
) -> Floats:
    """Distance of features [M, D] to the nearest mean, [M]."""
    # |z - m|^2 less the part along the directions, both by |a - b|^2 = |a|^2 - 2ab + |b|^2
    unit, centres = _unit(features), means.astype(np.float64)
    squared = _squares(unit, centres) - _squares(unit @ directions.T, centres @ directions.T)
    nearest: Floats = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return nearest


def _squares(left: Floats, right: Floats) -> Floats:
    """Squared distances [M, C] between [M, D] and [C, D]."""
    both: Floats = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)
    both -= 2 * left @ right.T
    return both


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """The smallest of the values that holds at least a share of the weight at or below it."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    enough = below >= share - 1e-9  # rounding errors do not move it
    return float(values[order][enough][0])
