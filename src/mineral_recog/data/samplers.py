"""Samplers: which photos an epoch uses, and in which batches.

A draw is a pure function of the seed, the epoch and (where it matters) the probabilities p_i, so
that a run can resume in the middle of an epoch. Each photo takes a few bytes, so that 10^8 photos
are drawn in 3 GB: orders use the smallest integer type that fits, and random numbers are drawn in
chunks, which gives the same numbers as one call.
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

CHUNK_SIZE = 1 << 20  # photos per step, where arrays of all photos would take too much memory


class Sampler(Protocol):
    """Draws the photos of an epoch."""

    def draw(self, epoch: int) -> EpochBatches:
        """Return batches with N photo indices in total; an epoch always gives the same batches."""
        ...

    def class_prior(self) -> Weights:
        """Return the probability of each class among the drawn photos, [C]."""
        ...


class NaturalSampler:
    """Draws every photo once per epoch, in random order.

    Args:
        labels: Class index of each photo, [N], in 0..C-1, of any integer type.
        class_count: C.
        batch_size: Maximum number of photos in a batch; batches of an epoch differ by at most one.
        seed: Seed of the run.
    """

    def __init__(self, labels: Labels, class_count: int, batch_size: int, seed: int) -> None:
        self.counts = _count(labels, class_count)
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> EpochBatches:
        """Draw the batches of an epoch."""
        photo_count = int(self.counts.sum())
        order = _permutation(photo_count, np.random.default_rng([self.seed, epoch]))
        return EpochBatches(number_of_batches(photo_count, self.batch_size), order)

    def class_prior(self) -> Weights:
        """Return n_c / N."""
        prior: Weights = self.counts / self.counts.sum()
        return prior


class ClassBalancedSampler:
    """Draws N photos per epoch: a uniform class, then a uniform photo of it, with replacement.

    Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
    2020, section 3 (q = 0). The arguments are those of NaturalSampler.
    """

    def __init__(self, labels: Labels, class_count: int, batch_size: int, seed: int) -> None:
        self.counts = _count(labels, class_count)
        self.by_class = _by_class(labels, self.counts)
        self.first = np.cumsum(self.counts) - self.counts
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> EpochBatches:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photo_count = len(self.by_class)
        drawn_classes = np.empty(photo_count, np.min_scalar_type(len(self.counts)))
        for chunk in _chunks(photo_count):
            drawn_classes[chunk] = rng.integers(len(self.counts), size=len(drawn_classes[chunk]))
        order = np.empty_like(self.by_class)
        for chunk in _chunks(photo_count):
            labels = drawn_classes[chunk]
            within = (rng.random(len(labels)) * self.counts[labels]).astype(np.int64)
            order[chunk] = self.by_class[self.first[labels] + within]
        return EpochBatches(number_of_batches(photo_count, self.batch_size), order)

    def class_prior(self) -> Weights:
        """Return 1 / C for each class."""
        return np.full(len(self.counts), 1 / len(self.counts))


class MixedHalvesSampler:
    """Joins in each batch a uniform half and a half drawn by inverse probability.

    The single-model form of Tang et al., "Invariant feature learning for generalized long-tailed
    classification", ECCV 2022. The uniform half uses a random half of the photos without
    replacement; the other is drawn with replacement by `inverse_probability_weights`, in which all
    classes have the same weight.

    Args:
        labels: Class index of each photo, [N], in 0..C-1.
        class_count: C.
        batch_size: Maximum number of photos in a batch.
        seed: Seed of the run.
        probabilities: p_i, the model's probability for the true class of photo i, [N].
    """

    def __init__(
        self,
        labels: Labels,
        class_count: int,
        batch_size: int,
        seed: int,
        probabilities: NDArray[np.float32],
    ) -> None:
        self.counts = _count(labels, class_count)
        self.inverse = WeightedDraw(inverse_probability_weights(probabilities, labels, class_count))
        self.batch_size, self.seed = batch_size, seed

    def draw(self, epoch: int) -> EpochBatches:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        photo_count = int(self.counts.sum())
        order = _permutation(photo_count, rng)
        uniform, inverse = np.split(order, [photo_count // 2])
        self.inverse.fill(inverse, rng)
        return EpochBatches(number_of_batches(photo_count, self.batch_size), uniform, inverse)

    def class_prior(self) -> Weights:
        """Return the mean of n_c / N and 1 / C."""
        prior: Weights = (self.counts / self.counts.sum() + 1 / len(self.counts)) / 2
        return prior


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
    counts = _count(labels, class_count)
    for members in np.split(_by_class(labels, counts), np.cumsum(counts)[:-1]):
        weights[members] = _weights_in_class(probabilities[members].astype(np.float64))
    return weights


def _weights_in_class(p: Weights) -> Weights:
    """Return the weights of one class, computed in place: a class may have half of all photos."""
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


def _chunks(photo_count: int) -> Iterator[slice]:
    """Yield slices that split this number of photos into chunks, in order."""
    return (
        slice(start, min(start + CHUNK_SIZE, photo_count))
        for start in range(0, photo_count, CHUNK_SIZE)
    )


def _count(labels: Labels, class_count: int) -> NDArray[np.int64]:
    """Return the number of photos per class, [C]; in chunks, since bincount copies small types."""
    counts = np.zeros(class_count, np.int64)
    for chunk in _chunks(len(labels)):
        counts += np.bincount(labels[chunk], minlength=class_count)
    return counts


def _by_class(labels: Labels, counts: NDArray[np.int64]) -> Indices:
    """Return all photo indices sorted by class and then by index, [N]; a counting sort."""
    by_class = np.empty(len(labels), np.min_scalar_type(len(labels)))
    small = np.min_scalar_type(len(counts))  # numpy uses radix sort for types of up to 16 bits
    next_place = np.cumsum(counts) - counts  # of each class, in by_class
    for chunk in _chunks(len(labels)):
        chunk_labels = labels[chunk].astype(small)
        order = np.argsort(chunk_labels, kind="stable")
        chunk_counts = np.bincount(chunk_labels, minlength=len(counts))
        shift = next_place - (np.cumsum(chunk_counts) - chunk_counts)
        by_class[np.arange(len(chunk_labels)) + np.repeat(shift, chunk_counts)] = (
            order + chunk.start
        )
        next_place += chunk_counts
    return by_class


def _permutation(photo_count: int, rng: np.random.Generator) -> Indices:
    """Return the same as rng.permutation(photo_count), in the smallest type that fits."""
    order = np.arange(photo_count, dtype=np.min_scalar_type(photo_count))
    rng.shuffle(order)
    return order


def build_sampler(
    name: str,
    labels: Labels,
    class_count: int,
    batch_size: int,
    seed: int,
    probabilities: NDArray[np.float32],
) -> Sampler:
    """Build a sampler by its name in a recipe; the other arguments are those of the samplers.

    Raises:
        ValueError: The name is unknown.
    """
    match name:
        case "natural":
            return NaturalSampler(labels, class_count, batch_size, seed)
        case "class_balanced":
            return ClassBalancedSampler(labels, class_count, batch_size, seed)
        case "mixed_halves":
            return MixedHalvesSampler(labels, class_count, batch_size, seed, probabilities)
        case _:
            raise ValueError(f"unknown sampler {name!r}")
