"""Scores of how unlike the known classes a photo is: those that `novelty.py` compares.

A score is a function of the outputs of M photos that returns [M], higher for less familiar photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import class_weights, logsumexp, softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHRINKAGE = 0.3
NEIGHBOURS = (1, 5, 10)
CLIPPED, VIM_VARIANCE = 90, 0.9  # percentile; share of the variance in the principal subspace


@dataclass(frozen=True)
class Photos:
    """Outputs of M photos.

    Attributes:
        features: Features of the evaluation's view, [M, D]; fine-tuned ones, then pretrained ones.
        logits: Logits, [M, C].
        labels: Labels, [M].
        gate: Features of the gate's parts, each [M, D'].
    """

    features: Floats
    logits: Floats
    labels: Ints
    gate: tuple[Floats, ...]

    def rows(self, indices: Ints) -> Photos:
        """Return some of the photos."""
        gate = tuple(part[indices] for part in self.gate)
        return Photos(self.features[indices], self.logits[indices], self.labels[indices], gate)


Score = Callable[[Photos], Floats]


@dataclass(frozen=True)
class Known:
    """What scores are fitted on: training photos of the known classes, and the linear classifier.

    Attributes:
        photos: The photos.
        weight: W of the classifier, [C, D].
        bias: b of the classifier, [C].
    """

    photos: Photos
    weight: Floats
    bias: Floats


def fit_scores(known: Known) -> dict[str, Score]:
    """Return all scores by name; `fine-tuned` and `pretrained` are halves of the features."""
    scores: dict[str, Score] = {
        "softmax": lambda photos: 1 - softmax(photos.logits).max(axis=1),
        "entropy": lambda photos: _entropy(softmax(photos.logits)),
        "largest logit": lambda photos: -photos.logits.max(axis=1),
        "energy": lambda photos: -logsumexp(photos.logits),
        "ReAct": _react(known),
        "ViM": _vim(known),
    }
    middle = known.photos.features.shape[1] // 2
    parts: dict[str, Callable[[Photos], Floats]] = {
        "fine-tuned": lambda photos: photos.features[:, :middle],
        "pretrained": lambda photos: photos.features[:, middle:],
        "both": lambda photos: photos.features,
        "stage": lambda photos: photos.gate[-1],
    }
    for part, select in parts.items():
        for name, score in _feature_scores(unit(select(known.photos)), known.photos.labels):
            scores[f"{name}, {part}"] = _of_part(score, select)
    return scores


def unit(features: Floats) -> Floats:
    """Return features scaled to length 1."""
    features = features.astype(np.float64)
    scaled: Floats = features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)
    return scaled


def _of_part(score: Callable[[Floats], Floats], select: Callable[[Photos], Floats]) -> Score:
    return lambda photos: score(unit(select(photos)))


def _feature_scores(
    features: Floats, labels: Ints
) -> Iterator[tuple[str, Callable[[Floats], Floats]]]:
    """Yield the scores that depend on features alone, here of length 1."""
    weights = class_weights(labels)[:, None]
    means = np.stack([features[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    centre = (weights * features).sum(axis=0, keepdims=True) / weights.sum()
    roots = np.sqrt(weights / weights.mean())
    within = Distance(roots * (features - means[labels]))
    total = Distance(roots * (features - centre))
    yield "Mahalanobis", lambda f: within.squared(f, means).min(axis=1)
    # Ren et al., "A simple fix to Mahalanobis distance for improving near-OOD detection", 2021
    yield (
        "relative Mahalanobis",
        lambda f: within.squared(f, means).min(axis=1) - total.squared(f, centre)[:, 0],
    )
    for k in NEIGHBOURS:  # Sun et al., "Out-of-distribution detection with deep nearest neighbors"
        yield f"{k} nearest", lambda f, k=k: 1 - np.sort(f @ features.T, axis=1)[:, -k]


class Distance:
    """Mahalanobis distance of the covariance (1 - a) S + a t I, by the inner products of the rows.

    Args:
        residuals: Rows [N, D] of mean 0; S is their covariance, t its mean eigenvalue.
    """

    def __init__(self, residuals: Floats) -> None:
        count, width = residuals.shape
        inner = residuals @ residuals.T
        self.scale = SHRINKAGE * np.trace(inner) / count / width  # a t
        self.rows = residuals
        ridge = self.scale * count / (1 - SHRINKAGE)
        self.inverse = np.linalg.inv(ridge * np.eye(count) + inner)  # of Woodbury's identity

    def squared(self, features: Floats, means: Floats) -> Floats:
        """Return the squared distances [M, K] of features [M, D] from means [K, D]."""
        a, b = features @ self.rows.T, means @ self.rows.T
        product = features @ means.T - a @ self.inverse @ b.T
        length = (features**2).sum(axis=1) - (a @ self.inverse * a).sum(axis=1)
        of_means = (means**2).sum(axis=1) - (b @ self.inverse * b).sum(axis=1)
        squared: Floats = (length[:, None] - 2 * product + of_means) / self.scale
        return squared


def _entropy(probabilities: Floats) -> Floats:
    entropy: Floats = -(probabilities * np.log(probabilities.clip(1e-12))).sum(axis=1)
    return entropy


def _react(known: Known) -> Score:
    """Energy with clipped features: Sun et al., "ReAct", NeurIPS 2021."""
    limit = np.percentile(known.photos.features, CLIPPED)
    return lambda photos: (
        -logsumexp(np.minimum(photos.features, limit) @ known.weight.T + known.bias)
    )


def _vim(known: Known) -> Score:
    """Virtual-logit matching: Wang et al., "ViM", CVPR 2022."""
    features = known.photos.features
    origin = -np.linalg.pinv(known.weight) @ known.bias
    _, values, vectors = np.linalg.svd(features - origin, full_matrices=False)
    share = np.cumsum(values**2) / (values**2).sum()
    principal = vectors[: int(np.searchsorted(share, VIM_VARIANCE)) + 1]

    def residual(features: Floats) -> Floats:
        squared = ((features - origin) ** 2).sum(axis=1)
        squared -= (((features - origin) @ principal.T) ** 2).sum(axis=1)
        length: Floats = np.sqrt(squared.clip(0))
        return length

    logits = features @ known.weight.T + known.bias
    factor = logits.max(axis=1).mean() / residual(features).mean()
    return lambda photos: factor * residual(photos.features) - logsumexp(photos.logits)


def standardised(score: Score, photos: Photos) -> Score:
    """Return a score shifted and scaled to mean 0 and deviation 1 on the given photos."""
    values = score(photos)
    mean, deviation = values.mean(), values.std() or 1.0
    return lambda others: (score(others) - mean) / deviation


def mean_of(first: Score, second: Score) -> Score:
    """Return the mean of two scores."""
    return lambda photos: (first(photos) + second(photos)) / 2
