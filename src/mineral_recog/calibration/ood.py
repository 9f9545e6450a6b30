"""Out-of-distribution (OOD) detection: scores how unlike the known classes a photo is.

The score has two parts. One is the relative Mahalanobis distance (Ren et al., "A Simple Fix to
Mahalanobis Distance for Improving Near-OOD Detection", 2021) of a photo's features, scaled to
length 1: the squared distance to the nearest class mean, in units of the spread within classes,
less the squared distance to the mean of all photos, in units of the spread of all. What is unusual
about a photo in ways that do not tell classes apart cancels out. All classes share one covariance,
since a class of three photos cannot estimate its own. It is shrunk towards a multiple of the
identity, and only its directions of largest variance are kept.

The second part is the entropy of the softmax probabilities. A model with a gate adds a third, the
distance of one of the gate's features; see `gate`. On validation photos the entropy varies six
times as much as the distance, and the third part twice as much: of the weights tried, these gave
the best separation from minerals that were left out of training among those that are worse than
the softmax alone for none of them (`benchmarks/novelty.py`, docs/identify.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.limits import weighted_quantile
from mineral_recog.calibration.temperature import (
    AnyFloats,
    Floats,
    Ints,
    class_weights,
    softmax,
)

MAX_DIRECTIONS = 64  # of largest variance; 0.5 MB with 2,048 features
SHRINKAGE = 0.3  # a in (1 - a) S + a t I
ENTROPY_SPREAD = 6.0  # of the entropy's part on validation photos, in spreads of the distance
KEEP = 0.95  # share of validation photos
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class RelativeDistance:
    """The relative Mahalanobis distance of features.

    Attributes:
        means: Mean of the training features, scaled to length 1, of each class, [C, D] float32.
        directions: Directions of largest variance within classes, scaled, [R, D] float32. The
            closer the length of a direction is to 1, the less a distance along it counts.
        overall_mean: Mean of all training features, scaled to length 1, [1, D] float32.
        overall_directions: Directions of largest variance of all features, as `directions`.
        overall_weight: Weight of the distance to the mean of all.
    """

    means: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]
    overall_mean: npt.NDArray[np.float32]
    overall_directions: npt.NDArray[np.float32]
    overall_weight: float

    def score(self, features: AnyFloats) -> Floats:
        """Return the distances of features [M, D], [M]."""
        of_classes = squared_distances(self.means, self.directions, features)
        of_all = squared_distances(self.overall_mean, self.overall_directions, features)
        score: Floats = of_classes.min(axis=1) - self.overall_weight * of_all[:, 0]
        return score

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the arrays by name, for a file of tensors."""
        return {
            "class_means": self.means,
            "directions": self.directions,
            "overall_mean": self.overall_mean,
            "overall_directions": self.overall_directions,
        }


@dataclass(frozen=True, eq=False)
class OodDetector:
    """An OOD score that is higher for less familiar photos, and its threshold.

    Attributes:
        distance: Distance of the classifier's features.
        entropy_weight: Weight of the entropy.
        threshold: Photos with a higher score show none of the classes.
        msp_threshold: Threshold of `msp_score` that accepts the same share of photos; only for
            comparison.
    """

    distance: RelativeDistance
    entropy_weight: float
    threshold: float
    msp_threshold: float

    def score(self, features: AnyFloats, logits: AnyFloats) -> Floats:
        """Return the OOD scores of photos, [M], from features [M, D] and logits [M, C]."""
        score: Floats = self.distance.score(features) + self.entropy_weight * entropy_score(logits)
        return score

    def weights(self) -> dict[str, Any]:
        """Return the weights by their names in a JSON file."""
        overall = self.distance.overall_weight
        return {"novelty_overall": overall, "novelty_weight": self.entropy_weight}

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the arrays by name, for a file of tensors."""
        return self.distance.arrays()


def msp_score(logits: AnyFloats) -> Floats:
    """Return the baseline score 1 - maximum softmax probability (MSP), [M], from logits [M, C].

    Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
    Examples in Neural Networks", ICLR 2017.
    """
    score: Floats = 1 - softmax(logits).max(axis=1)
    return score


def entropy_score(logits: AnyFloats) -> Floats:
    """Return the entropy of the softmax probabilities, [M], from logits [M, C]."""
    probabilities = softmax(logits)
    tiny = np.finfo(np.float64).tiny  # 0 log 0 is 0
    score: Floats = -(probabilities * np.log(np.maximum(probabilities, tiny))).sum(axis=1)
    return score


def fit_ood(
    train_features: AnyFloats,
    train_labels: Ints,
    val_features: AnyFloats,
    val_logits: AnyFloats,
    val_labels: Ints,
    keep: float = KEEP,
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
    distance = fit_relative_distance(train_features, train_labels)
    distances, entropy = distance.score(val_features), entropy_score(val_logits)
    entropy_weight = ENTROPY_SPREAD * weight_of_equal_spread(distances, entropy)
    val_weights = class_weights(val_labels)
    return OodDetector(
        distance,
        entropy_weight,
        threshold=weighted_quantile(distances + entropy_weight * entropy, val_weights, keep),
        msp_threshold=weighted_quantile(msp_score(val_logits), val_weights, keep),
    )


def fit_relative_distance(features: AnyFloats, labels: Ints) -> RelativeDistance:
    """Fit the distance on the features [N, D] of training photos and their labels [N].

    Every class 0 .. C - 1 occurs, and has a weight of the square root of its photo count.
    """
    unit, counts = unit_length(features), np.bincount(labels)
    means = np.zeros((len(counts), unit.shape[1]))
    np.add.at(means, labels, unit)
    means /= counts[:, None]
    weights = class_weights(labels)[:, None]
    weights /= weights.mean()
    overall_mean = (weights * unit).mean(axis=0, keepdims=True)
    directions, variance = scaled_directions(np.sqrt(weights) * (unit - means[labels]))
    overall_directions, overall_variance = scaled_directions(
        np.sqrt(weights) * (unit - overall_mean)
    )
    return RelativeDistance(
        means.astype(np.float32),
        directions.astype(np.float32),
        overall_mean.astype(np.float32),
        overall_directions.astype(np.float32),
        # Distances are in units of a variance; their common unit changes no order.
        overall_weight=variance / overall_variance if overall_variance else 0.0,
    )


def weight_of_equal_spread(scores: Floats, others: Floats) -> float:
    """Return the weight with which other scores [M] vary as much as scores [M]; 0 if constant."""
    varies = others.std() > 1e-6  # by more than rounding errors
    return float(scores.std() / others.std()) if varies else 0.0


def scaled_directions(residuals: Floats, most: int = MAX_DIRECTIONS) -> tuple[Floats, float]:
    """Return the scaled directions of largest variance, [R, D] from [N, D], and the variance t.

    The shrunken covariance (1 - a) S + a t I, with t the mean eigenvalue of S, has the inverse
    (I - sum of k v v') / (a t), k = (1 - a) s / ((1 - a) s + a t), over the eigenvectors v and
    eigenvalues s of S. The directions are sqrt(k) v, at most `most` of them.
    """
    from scipy.linalg import eigh  # slow to import, and needed only for fitting

    photo_count, width = residuals.shape
    covariance = residuals.T @ residuals / photo_count
    mean = float(np.trace(covariance)) / width
    if not mean:
        return np.zeros((0, width)), 0.0
    values, vectors = eigh(covariance, subset_by_index=(max(width - most, 0), width - 1))
    variances = (1 - SHRINKAGE) * np.maximum(values, 0)
    scaled: Floats = (vectors * np.sqrt(variances / (variances + SHRINKAGE * mean))).T
    return scaled, mean


def unit_length(features: AnyFloats) -> Floats:
    """Return features scaled to length 1; zero vectors stay zero."""
    result: Floats = features.astype(np.float64)
    length = np.linalg.norm(result, axis=1, keepdims=True)
    result /= np.where(length > 0, length, 1)
    return result


def is_of_unit_features(array: npt.NDArray[Any]) -> bool:
    """Return whether an array may hold means or directions of features scaled to length 1.

    Such arrays are float32, with finite entries between -1 and 1. Others may give infinite scores.
    """
    return array.dtype == np.float32 and bool((np.abs(array) <= 1 + _ROUNDING).all())


def squared_distances(
    means: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], features: AnyFloats
) -> Floats:
    """Return the squared distances [M, K] of features [M, D], scaled to length 1, to means [K, D].

    Args:
        means: Means, [K, D].
        directions: Directions along which distances count less, [R, D]; see `RelativeDistance`.
        features: Features of photos, of any length, [M, D].
    """
    # |z - m|^2 minus its part along the directions
    unit, centres = unit_length(features), means.astype(np.float64)
    squared = _squared_distances(unit, centres) - _squared_distances(
        unit @ directions.T, centres @ directions.T
    )
    return np.maximum(squared, 0)


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """Return the squared distances [M, C] between [M, D] and [C, D]."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2ab, which needs no array of [M, C, D]
    result: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    result -= 2 * a @ b.T
    return result
