"""Which photos an epoch sees, and in which batches.

A draw is a pure function of the seed, the epoch and (where it matters) the probabilities p_i, so
that a run resumes where it was.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Weights = NDArray[np.float64]


class Sampler(Protocol):
    """Draws the photos of an epoch."""

    def draw(self, epoch: int) -> list[Indices]:
        """Batches of photo indices, N photos in all; the same epoch gives the same draw."""
        ...

    def class_prior(self) -> Weights:
        """Probability of each class in what is drawn, [C]."""
        ...


class NaturalSampler:
    """Every photo once an epoch, in random order.

    Args:
        labels: class of each photo, [N], in 0..C-1.
        batch_size: photos a batch at most; batches of an epoch differ by one photo at most.
        seed: of the run.
    """

    def __init__(self, labels: Indices, classes: int, batch_size: int, seed: int) -> None:
        self.counts = np.bincount(labels, minlength=classes)
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> list[Indices]:
        """Draw the batches of an epoch."""
        photos = int(self.counts.sum())
        order = np.random.default_rng([self.seed, epoch]).permutation(photos)
        return np.array_split(order, number_of_batches(photos, self.batch_size))

    def class_prior(self) -> Weights:
        """n_c / N."""
        prior: Weights = self.counts / self.counts.sum()
        return prior


class ClassBalancedSampler:
    """N photos an epoch: a class uniformly, then a photo of it uniformly, with replacement.

    Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
    2020, section 3 (q = 0). Arguments as for NaturalSampler.
    """

    def __init__(self, labels: Indices, classes: int, batch_size: int, seed: int) -> None:
        self.by_class = np.argsort(labels, kind="stable")
        self.counts = np.bincount(labels, minlength=classes)
        self.first = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> list[Indices]:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photos = len(self.by_class)
        drawn = rng.integers(len(self.counts), size=photos)
        within = (rng.random(photos) * self.counts[drawn]).astype(np.int64)
        order = self.by_class[self.first[drawn] + within]
        return np.array_split(order, number_of_batches(photos, self.batch_size))

    def class_prior(self) -> Weights:
        """One over C for each class."""
        return np.full(len(self.counts), 1 / len(self.counts))


class MixedHalvesSampler:
    """Each batch joins a half drawn uniformly and a half drawn by inverse probability.

    The single-model form of Tang et al., "Invariant feature learning for generalized long-tailed
    classification", ECCV 2022. The uniform half goes without replacement through a random half
    of the photos; the other is drawn with replacement by `inverse_probability_weights`, in which
    each class weighs the same.

    Args:
        labels: class of each photo, [N], in 0..C-1.
        probabilities: p_i, the model's probability for the true class of photo i, [N].
        batch_size: photos a batch at most.
        seed: of the run.
    """

    def __init__(
        self,
        labels: Indices,
        classes: int,
        batch_size: int,
        seed: int,
        probabilities: NDArray[np.float32],
    ) -> None:
        self.counts = np.bincount(labels, minlength=classes)
        self.cumulative = np.cumsum(inverse_probability_weights(probabilities, labels, classes))
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> list[Indices]:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photos = len(self.cumulative)
        uniform = rng.permutation(photos)[: photos // 2]
        points = rng.random(photos - len(uniform)) * self.cumulative[-1]
        inverse = np.searchsorted(self.cumulative, points, side="right")
        batches = number_of_batches(photos, self.batch_size)
        halves = zip(
            np.array_split(uniform, batches),
            # The longer parts of one half meet the shorter ones of the other.
            reversed(np.array_split(inverse, batches)),
            strict=True,
        )
        return [np.concatenate(pair) for pair in halves]

    def class_prior(self) -> Weights:
        """Half of n_c / N, half of one over C."""
        prior: Weights = (self.counts / self.counts.sum() + 1 / len(self.counts)) / 2
        return prior


def inverse_probability_weights(
    probabilities: NDArray[np.floating], labels: Indices, classes: int
) -> Weights:
    """Weight of each photo that is the larger the less the model believes its true class, [N].

    Within each class: p scaled to [0, 1] by its minimum and maximum; u = 1 - p + 1e-5;
    r = mean of the largest 20 % of u over mean of the smallest 80 %;
    beta = clamp(ln 4 / ln r, 1, 10); w = u^beta, normalised so that the class sums to 1. So the
    hardest fifth of a class is drawn about as often as all the rest. A class of fewer than 5
    photos, or whose p are all the same, is uniform. After Tang et al., ECCV 2022, as Hu, Ji et
    al. use it.

    Args:
        probabilities: p_i, [N], in 0..1.
        labels: class of each photo, [N].
    """
    weights = np.empty(len(labels))
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=classes))
    for members in np.split(order, ends[:-1]):
        weights[members] = _weights_in_class(probabilities[members].astype(np.float64))
    return weights


def _weights_in_class(p: Weights) -> Weights:
    lowest, highest = (p.min(), p.max()) if len(p) else (0.0, 0.0)
    if len(p) < 5 or highest == lowest:
        return np.full(len(p), 1 / max(len(p), 1))
    u = 1 - (p - lowest) / (highest - lowest) + 1e-5
    hardest_first = np.sort(u)[::-1]
    fifth = round(0.2 * len(u))
    ratio = hardest_first[:fifth].mean() / hardest_first[fifth:].mean()
    beta = np.clip(np.log(4) / np.log(ratio), 1, 10) if ratio > 1 else 10.0
    weights: Weights = u**beta / (u**beta).sum()
    return weights


def number_of_batches(photos: int, batch_size: int) -> int:
    """Batches of an epoch: as few as hold all photos."""
    return -(-photos // batch_size)


def build_sampler(
    name: str,
    labels: Indices,
    classes: int,
    batch_size: int,
    seed: int,
    probabilities: NDArray[np.float32],
) -> Sampler:
    """The sampler of a name in a recipe; the other arguments as for the samplers.

    Raises:
        ValueError: unknown name.
    """
    match name:
        case "natural":
            return NaturalSampler(labels, classes, batch_size, seed)
        case "class_balanced":
            return ClassBalancedSampler(labels, classes, batch_size, seed)
        case "mixed_halves":
            return MixedHalvesSampler(labels, classes, batch_size, seed, probabilities)
        case _:
            raise ValueError(f"unknown sampler {name!r}")
