"""Out-of-distribution (OOD) detection: scores how unlike the known classes a photo is.

The score has two parts. The first is the distance of a photo's features, scaled to length 1, to
the nearest class mean, in units of the spread within classes (Lee et al., "A Simple Unified
Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018). All
classes share one covariance, since a class of three photos cannot estimate its own. It is shrunk
as by Ledoit and Wolf ("A well-conditioned estimator for large-dimensional covariance matrices",
2004), and only its directions of largest variance are kept.

The second part is the energy of the logits (Liu et al., "Energy-based Out-of-distribution
Detection", NeurIPS 2020) above that of a typical photo. It can only raise the score: a network is
often more confident about noise than about any photo, and confidence must not make up for
features that are far from all classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import (
    AnyFloats,
    Floats,
    Ints,
    class_weights,
    logsumexp,
    softmax,
)

MAX_DIRECTIONS = 64  # of largest variance; 0.5 MB with 2,048 features


@dataclass(frozen=True, eq=False)
class OodDetector:
    """An OOD score that is higher for less familiar photos, and its threshold.

    Attributes:
        means: Mean of the training features, scaled to length 1, of each class, [C, D] float32.
        directions: Directions of largest variance within classes, scaled, [R, D] float32. The
            closer the length of a direction is to 1, the less a distance along it counts.
        energy_weight: Weight of the energy part of the score.
        typical_logsumexp: Log of the sum of exp(logits) of a typical photo.
        threshold: Photos with a higher score show none of the classes.
        msp_threshold: Threshold of `msp_score` that accepts the same share of photos; only for
            comparison.
    """

    means: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]
    energy_weight: float
    typical_logsumexp: float
    threshold: float
    msp_threshold: float

    def score(self, features: AnyFloats, logits: AnyFloats) -> Floats:
        """Return the OOD scores of photos, [M], from features [M, D] and logits [M, C]."""
        distance = _distance(self.means, self.directions, features)
        score: Floats = distance + self.energy_weight * np.maximum(
            self.typical_logsumexp - logsumexp(logits), 0
        )
        return score


def msp_score(logits: AnyFloats) -> Floats:
    """Return the baseline score 1 - maximum softmax probability (MSP), [M], from logits [M, C].

    Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
    Examples in Neural Networks", ICLR 2017.
    """
    score: Floats = 1 - softmax(logits).max(axis=1)
    return score


def fit_ood(
    train_features: AnyFloats,
    train_labels: Ints,
    val_features: AnyFloats,
    val_logits: AnyFloats,
    val_labels: Ints,
    keep: float = 0.95,
) -> OodDetector:
    """Fit the score on the training photos and its threshold on the validation photos.

    In the covariance and in the accepted share, each class has a weight of the square root of
    its photo count, see `class_weights`. Otherwise mainly photos of rare minerals would be
    rejected.

    Args:
        train_features: Features of the training photos in the evaluation view, [N, D].
        train_labels: Labels, [N]; every class 0 .. C - 1 occurs.
        val_features: Features of the validation photos, [M, D].
        val_logits: Logits, [M, C].
        val_labels: Labels, [M].
        keep: Share of validation photos to accept, in (0, 1).
    """
    unit = unit_length(train_features)
    counts = np.bincount(train_labels, minlength=val_logits.shape[1])
    means = np.zeros((len(counts), unit.shape[1]))
    np.add.at(means, train_labels, unit)
    means /= counts[:, None]
    train_weights = class_weights(train_labels)[:, None]
    residuals = (unit - means[train_labels]) * np.sqrt(train_weights / train_weights.mean())
    directions = _directions(residuals).astype(np.float32)
    distance = _distance(means.astype(np.float32), directions, val_features)
    val_logsumexp = logsumexp(val_logits)
    spread = val_logsumexp.std()
    # one standard deviation of the energy counts as much as one of the distance
    energy_weight = distance.std() / spread if spread else 0.0
    typical_logsumexp = np.median(val_logsumexp)
    score = distance + energy_weight * np.maximum(typical_logsumexp - val_logsumexp, 0)
    val_weights = class_weights(val_labels)
    return OodDetector(
        means.astype(np.float32),
        directions,
        float(energy_weight),
        float(typical_logsumexp),
        weighted_quantile(score, val_weights, keep),
        weighted_quantile(msp_score(val_logits), val_weights, keep),
    )


def _directions(residuals: Floats) -> Floats:
    """Return the scaled directions of largest variance within classes, [R, D] from [N, D].

    The shrunken covariance (1 - a) S + a t I, with t the mean eigenvalue of S, has the inverse
    (I - sum of k v v') / (a t), k = (1 - a) s / ((1 - a) s + a t), over the eigenvectors v and
    eigenvalues s of S. The result holds sqrt(k) v. The common factor 1 / (a t) is left out, since
    it does not change the order of distances.
    """
    from scipy.linalg import eigh  # slow to import, and needed only for fitting

    photo_count, width = residuals.shape
    covariance = residuals.T @ residuals / photo_count
    mean = np.trace(covariance) / width
    dispersion = (covariance**2).sum() - width * mean**2  # D times the squared distance from t I
    noise = (((residuals**2).sum(axis=1) ** 2).mean() - (covariance**2).sum()) / photo_count
    if dispersion <= 0 or noise >= dispersion:
        return np.zeros((0, width))
    shrinkage = max(noise / dispersion, 1e-6)  # keeps it regular even with two photos
    values, vectors = eigh(covariance, subset_by_index=(max(width - MAX_DIRECTIONS, 0), width - 1))
    variances = (1 - shrinkage) * np.maximum(values, 0)
    scaled: Floats = (vectors * np.sqrt(variances / (variances + shrinkage * mean))).T
    return scaled


def unit_length(features: AnyFloats) -> Floats:
    """Return features scaled to length 1; zero vectors stay zero."""
    result: Floats = features.astype(np.float64)
    length = np.linalg.norm(result, axis=1, keepdims=True)
    result /= np.where(length > 0, length, 1)
    return result


def squared_distances(
    means: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], features: AnyFloats
) -> Floats:
    """Return the squared distances [M, K] of features [M, D], scaled to length 1, to means [K, D].

    Args:
        means: Means, [K, D].
        directions: Directions along which distances count less, [R, D]; see `OodDetector`.
        features: Features of photos, of any length, [M, D].
    """
    # |z - m|^2 minus its part along the directions
    unit, centres = unit_length(features), means.astype(np.float64)
    squared = _squared_distances(unit, centres) - _squared_distances(
        unit @ directions.T, centres @ directions.T
    )
    return np.maximum(squared, 0)


def _distance(
    means: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], features: AnyFloats
) -> Floats:
    """Return the distance of features [M, D] to the nearest mean, [M]."""
    nearest: Floats = np.sqrt(squared_distances(means, directions, features).min(axis=1))
    return nearest


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """Return the squared distances [M, C] between [M, D] and [C, D]."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2ab, which needs no array of [M, C, D]
    result: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    result -= 2 * a @ b.T
    return result


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest value with at least a share of the weight at or below it."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    enough = cumulative >= share - 1e-9  # tolerates rounding errors
    return float(values[order][enough][0])
