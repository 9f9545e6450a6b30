"""Samplers: which photos an epoch uses, and in which batches.

A draw is a pure function of the seed, the epoch and (where it matters) the probabilities p_i, so
that a run can resume in the middle of an epoch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Indices = NDArray[np.int64]
Weights = NDArray[np.float64]
Batches = list[Indices]  # of each batch, the indices of its photos


class Sampler(ABC):
    """Draws the photos of an epoch.

    Args:
        labels: Class index of each photo, [N], in 0..C-1, of any integer type.
        class_count: C.
        batch_size: Maximum number of photos in a batch, at least 2, with the exception of
            `number_of_batches`. Batches of an epoch differ by at most one photo.
        seed: Seed of the run.
    """

    def __init__(self, labels: Labels, class_count: int, batch_size: int, seed: int) -> None:
        self.counts = np.bincount(labels, minlength=class_count)
        self.batch_size, self.seed = batch_size, seed

    @abstractmethod
    def draw(self, epoch: int) -> Batches:
        """Return the batches of an epoch, which are always the same, [number of batches]."""

    @abstractmethod
    def class_prior(self) -> Weights:
        """Return the probability of each class among the drawn photos, [C]."""


class NaturalSampler(Sampler):
    """Draws every photo once per epoch, in random order."""

    def draw(self, epoch: int) -> Batches:
        """Draw the batches of an epoch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(int(self.counts.sum()))
        return split_into_batches(order, self.batch_size)

    def class_prior(self) -> Weights:
        """Return n_c / N."""
        prior: Weights = self.counts / self.counts.sum()
        return prior


class ClassBalancedSampler(Sampler):
    """Draws N photos per epoch: a uniform class, then a uniform photo of it, with replacement.

    Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
    2020, section 3 (q = 0).
    """

    def __init__(self, labels: Labels, class_count: int, batch_size: int, seed: int) -> None:
        super().__init__(labels, class_count, batch_size, seed)
        self.by_class = np.argsort(labels, kind="stable")
        self.first = np.cumsum(self.counts) - self.counts

    def draw(self, epoch: int) -> Batches:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photo_count = len(self.by_class)
        classes = rng.integers(len(self.counts), size=photo_count)
        within = (rng.random(photo_count) * self.counts[classes]).astype(np.int64)
        return split_into_batches(self.by_class[self.first[classes] + within], self.batch_size)

    def class_prior(self) -> Weights:
        """Return 1 / C for each class."""
        return np.full(len(self.counts), 1 / len(self.counts))


class MixedSampler(Sampler):
    """Joins in each batch photos drawn uniformly and as many drawn by inverse probability.

    The single-model form of Tang et al., "Invariant feature learning for generalized long-tailed
    classification", ECCV 2022. The uniform part is drawn without replacement; the other with
    replacement by `inverse_probability_weights`. Each part is half a batch, and an epoch has N
    photos; or a full batch, and an epoch has 2 N photos in as many batches.

    Args:
        labels: As for `Sampler`.
        class_count: As for `Sampler`.
        batch_size: As for `Sampler`.
        seed: As for `Sampler`.
        probabilities: p_i, the model's probability for the true class of photo i, [N].
        full: Whether each part is a full batch.
        natural: Whether a class has its share of the photos in the second part too, instead of 1/C.
    """

    def __init__(
        self,
        labels: Labels,
        class_count: int,
        batch_size: int,
        seed: int,
        probabilities: NDArray[np.float32],
        full: bool = False,
        natural: bool = False,
    ) -> None:
        super().__init__(labels, class_count, batch_size, seed)
        self.full, self.natural = full, natural
        weights = inverse_probability_weights(probabilities, labels, class_count)
        if natural:
            weights *= self.counts[labels]
        self.cumulative = np.cumsum(weights)

    def draw(self, epoch: int) -> Batches:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photo_count = len(self.cumulative)
        uniform = rng.permutation(photo_count)
        if not self.full:
            uniform = uniform[: photo_count // 2]
        hard_count = photo_count if self.full else photo_count - len(uniform)
        points = rng.random(hard_count) * self.cumulative[-1]
        hard = np.searchsorted(self.cumulative, points, side="right")
        # The longer parts of one half meet the shorter parts of the other.
        batch_count = number_of_batches(photo_count, self.batch_size)
        halves = np.array_split(uniform, batch_count), np.array_split(hard, batch_count)[::-1]
        return [np.concatenate(parts) for parts in zip(*halves, strict=True)]

    def class_prior(self) -> Weights:
        """Return the mean of n_c / N and 1 / C; n_c / N if that is the mass of both parts."""
        shares: Weights = self.counts / self.counts.sum()
        return shares if self.natural else (shares + 1 / len(self.counts)) / 2


def inverse_probability_weights(
    probabilities: NDArray[np.floating], labels: Labels, class_count: int
) -> Weights:
    """Return a weight for each photo that rises as the probability of its true class falls, [N].

    Within each class: p scaled to [0, 1] by its minimum and maximum; u = 1 - p + 1e-5;
    r = mean of the largest 20 % of u over mean of the smallest 80 %;
    beta = clamp(ln 4 / ln r, 1, 10); w = u^beta, normalised so that the class sums to 1. The
    hardest fifth of a class is therefore drawn about as often as the rest together. Weights are
    uniform in a class with fewer than 5 photos, or with the same p for all photos. After Tang et
    al., ECCV 2022, as used by Hu, Ji et al.

    Args:
        probabilities: p_i, [N], in 0..1.
        labels: Class index of each photo, [N].
        class_count: C.
    """
    weights = np.empty(len(labels))
    counts = np.bincount(labels, minlength=class_count)
    members_by_class = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    for members in members_by_class:
        weights[members] = _weights_in_class(probabilities[members].astype(np.float64))
    return weights


def _weights_in_class(p: Weights) -> Weights:
    """Return the weights of the photos of one class."""
    if len(p) < 5 or p.max() == p.min():
        return np.full(len(p), 1 / max(len(p), 1))
    u = 1 - (p - p.min()) / (p.max() - p.min()) + 1e-5
    hardest_first = np.sort(u)[::-1]
    fifth = round(0.2 * len(u))
    ratio = hardest_first[:fifth].mean() / hardest_first[fifth:].mean()
    beta = np.clip(np.log(4) / np.log(ratio), 1, 10) if ratio > 1 else 10.0
    powers = u**beta
    weights: Weights = powers / powers.sum()
    return weights


def number_of_batches(photo_count: int, batch_size: int) -> int:
    """Return the minimum number of batches that hold all photos of an epoch, none of them alone.

    Batch normalisation cannot work with one photo. Batches have equal sizes, so that one photo
    would be alone only with batches of 2 and an odd number of photos; there one batch has 3.
    """
    return max(1, min(-(-photo_count // batch_size), photo_count // 2))


def split_into_batches(indices: Indices, batch_size: int) -> Batches:
    """Split the photos of an epoch into batches that differ in size by at most one photo."""
    return np.array_split(indices, number_of_batches(len(indices), batch_size))


def build_sampler(
    name: str,
    labels: Labels,
    class_count: int,
    batch_size: int,
    seed: int,
    probabilities: NDArray[np.float32],
    class_mass: str = "balanced",
) -> Sampler:
    """Build a sampler by its name and class mass in a recipe; the other arguments are theirs.

    Raises:
        ValueError: The name is unknown.
    """
    match name:
        case "natural":
            return NaturalSampler(labels, class_count, batch_size, seed)
        case "class_balanced":
            return ClassBalancedSampler(labels, class_count, batch_size, seed)
        case "mixed_halves" | "mixed_batches":
            full, natural = name == "mixed_batches", class_mass == "natural"
            return MixedSampler(labels, class_count, batch_size, seed, probabilities, full, natural)
        case _:
            raise ValueError(f"unknown sampler {name!r}")
