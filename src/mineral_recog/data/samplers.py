"""Which photos an epoch sees, and in which batches.

A draw is a pure function of the seed, the epoch and (where it matters) the probabilities p_i, so
that a run resumes where it was. A photo takes a few bytes, so that 10^8 are drawn in 3 GB: orders
are in the smallest integer type that holds them, and random numbers come in chunks, which gives
the same numbers as all at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mineral_recog.data.epoch_batches import EpochBatches, number_of_batches
from mineral_recog.data.weighted_sampling import WeightedDraw

Labels = NDArray[np.integer]
Indices = NDArray[np.integer]
Weights = NDArray[np.float64]

CHUNK = 1 << 20  # photos at once, where arrays of all would outweigh what is kept


class Sampler(Protocol):
    """Draws the photos of an epoch."""

    def draw(self, epoch: int) -> EpochBatches:
        """Batches of photo indices, N photos in all; the same epoch gives the same draw."""
        ...

    def class_prior(self) -> Weights:
        """Probability of each class in what is drawn, [C]."""
        ...


class NaturalSampler:
    """Every photo once an epoch, in random order.

    Args:
        labels: class of each photo, [N], in 0..C-1, of any integer type.
        batch_size: photos a batch at most; batches of an epoch differ by one photo at most.
        seed: of the run.
    """

    def __init__(self, labels: Labels, classes: int, batch_size: int, seed: int) -> None:
        self.counts = _count(labels, classes)
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> EpochBatches:
        """Draw the batches of an epoch."""
        photos = int(self.counts.sum())
        order = _permutation(photos, np.random.default_rng([self.seed, epoch]))
        return EpochBatches(number_of_batches(photos, self.batch_size), order)

    def class_prior(self) -> Weights:
        """n_c / N."""
        prior: Weights = self.counts / self.counts.sum()
        return prior


class ClassBalancedSampler:
    """N photos an epoch: a class uniformly, then a photo of it uniformly, with replacement.

    Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
    2020, section 3 (q = 0). Arguments as for NaturalSampler.
    """

    def __init__(self, labels: Labels, classes: int, batch_size: int, seed: int) -> None:
        self.counts = _count(labels, classes)
        self.by_class = _by_class(labels, self.counts)
        self.first = np.cumsum(self.counts) - self.counts
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> EpochBatches:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photos = len(self.by_class)
        drawn = np.empty(photos, np.min_scalar_type(len(self.counts)))
        for chunk in _chunks(photos):
            drawn[chunk] = rng.integers(len(self.counts), size=len(drawn[chunk]))
        order = np.empty_like(self.by_class)
        for chunk in _chunks(photos):
            of = drawn[chunk]
            within = (rng.random(len(of)) * self.counts[of]).astype(np.int64)
            order[chunk] = self.by_class[self.first[of] + within]
        return EpochBatches(number_of_batches(photos, self.batch_size), order)

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
        labels: Labels,
        classes: int,
        batch_size: int,
        seed: int,
        probabilities: NDArray[np.float32],
    ) -> None:
        self.counts = _count(labels, classes)
        self.inverse = WeightedDraw(inverse_probability_weights(probabilities, labels, classes))
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> EpochBatches:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photos = int(self.counts.sum())
        order = _permutation(photos, rng)
        uniform, inverse = np.split(order, [photos // 2])
        self.inverse.fill(inverse, rng)
        return EpochBatches(number_of_batches(photos, self.batch_size), uniform, inverse)

    def class_prior(self) -> Weights:
        """Half of n_c / N, half of one over C."""
        prior: Weights = (self.counts / self.counts.sum() + 1 / len(self.counts)) / 2
        return prior


def inverse_probability_weights(
    probabilities: NDArray[np.floating], labels: Labels, classes: int
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
    counts = _count(labels, classes)
    for members in np.split(_by_class(labels, counts), np.cumsum(counts)[:-1]):
        weights[members] = _weights_in_class(probabilities[members].astype(np.float64))
    return weights


def _weights_in_class(p: Weights) -> Weights:
    """Those of a class; computed in place, since a class may be half of all photos."""
    lowest, highest = (p.min(), p.max()) if len(p) else (0.0, 0.0)
    if len(p) < 5 or highest == lowest:
        return np.full(len(p), 1 / max(len(p), 1))
    p -= lowest
    p /= highest - lowest
    u = np.subtract(1, p, out=p)
    u += 1e-5
    hardest_first = np.sort(u)[::-1]
    fifth = round(0.2 * len(u))
    ratio = hardest_first[:fifth].mean() / hardest_first[fifth:].mean()
    del hardest_first
    u **= np.clip(np.log(4) / np.log(ratio), 1, 10) if ratio > 1 else 10.0
    u /= u.sum()
    return u


def _chunks(photos: int) -> Iterator[slice]:
    """Slices that cut so many photos into chunks, in order."""
    return (slice(start, min(start + CHUNK, photos)) for start in range(0, photos, CHUNK))


def _count(labels: Labels, classes: int) -> NDArray[np.int64]:
    """Photos of each class, [C]; in chunks, since bincount copies labels of a small type."""
    counts = np.zeros(classes, np.int64)
    for chunk in _chunks(len(labels)):
        counts += np.bincount(labels[chunk], minlength=classes)
    return counts


def _by_class(labels: Labels, counts: NDArray[np.int64]) -> Indices:
    """All photos, those of a class side by side and in order, [N]; a counting sort."""
    by_class = np.empty(len(labels), np.min_scalar_type(len(labels)))
    small = np.min_scalar_type(len(counts))  # numpy sorts types of up to 16 bits by radix
    free = np.cumsum(counts) - counts  # place of the next photo of each class
    for chunk in _chunks(len(labels)):
        some = labels[chunk].astype(small)
        order = np.argsort(some, kind="stable")
        held = np.bincount(some, minlength=len(counts))
        shift = free - (np.cumsum(held) - held)
        by_class[np.arange(len(some)) + np.repeat(shift, held)] = order + chunk.start
        free += held
    return by_class


def _permutation(photos: int, rng: np.random.Generator) -> Indices:
    """The same as rng.permutation(photos), in the smallest type that holds it."""
    order = np.arange(photos, dtype=np.min_scalar_type(photos))
    rng.shuffle(order)
    return order


def build_sampler(
    name: str,
    labels: Labels,
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
