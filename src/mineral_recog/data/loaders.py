"""Batches of photos: loaders that draw, decode and view photos in worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mineral_recog.data.cache import Cache
from mineral_recog.data.cached_transforms import CachedTrainingViews
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.epoch_batches import EpochBatches
from mineral_recog.data.transforms import EvaluationViews, TrainingViews, View, Views
from mineral_recog.errors import UserError


@dataclass(frozen=True)
class Batch:
    """What a network is given, labels int64 [B], and which photos they are, int64 [B].

    Inputs are pixels uint8 [B, 3, S, S], or features float [B, D] that are known already.
    """

    inputs: Tensor
    labels: Tensor
    photos: Tensor

    def pin_memory(self) -> Batch:
        """The same in memory that a GPU copies from; called by the loader."""
        return Batch(self.inputs.pin_memory(), self.labels.pin_memory(), self.photos)


def default_workers() -> int:
    """Loader processes: one a core, and no more than a network keeps busy."""
    return min(os.cpu_count() or 1, 8)


class _EpochViews:
    """The batches of the epoch at hand, as (photo, seed of its view) for `TrainingViews`.

    Each is made when it is asked for: all of an epoch would take 150 bytes a photo.
    """

    def __init__(self, seed: int, share: slice) -> None:
        self.seed, self.share, self.epoch, self.first = seed, share, 0, 0
        self.drawn = EpochBatches(0, np.empty(0, np.int64))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng([self.seed, self.epoch, 1])
        for number, photos in enumerate(self.drawn):
            seeds = rng.integers(2**62, size=len(photos))
            if number >= self.first:
                views = list(zip(photos.tolist(), seeds.tolist(), strict=True))
                yield views[self.share]

    def __len__(self) -> int:
        return len(self.drawn) - self.first


class TrainingLoader:
    """Random views of the photos that a sampler draws, epoch by epoch.

    The loader's processes live as long as this object. What an epoch yields depends on the seed,
    the epoch and the draw, and not on the number of processes. Of each batch only the photos of
    `share` are read. With a cache, views are those of its reduced photos.
    """

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        crop_scale: float,
        seed: int,
        workers: int,
        cache: Cache | None = None,
        share: slice = slice(None),
    ) -> None:
        self.wanted = _EpochViews(seed, share)
        views = (
            TrainingViews(dataset, image_size, crop_scale)
            if cache is None
            else CachedTrainingViews(dataset, cache, image_size, crop_scale)
        )
        self.loader: DataLoader[View] = _loader(views, workers, batch_sampler=self.wanted)

    def batches(self, epoch: int, drawn: EpochBatches, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, those that were drawn for it, from the first on.

        Raises:
            UserError: a photo cannot be read.
        """
        self.wanted.epoch, self.wanted.drawn, self.wanted.first = epoch, drawn, first
        return _readable(self.loader)


class EvaluationLoader:
    """The photos of a split that are in `share`, in order, each once; by way of a cache or not."""

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        batch_size: int,
        workers: int,
        cache: Cache | None = None,
        share: slice = slice(None),
    ) -> None:
        self.batch_size = batch_size
        views = EvaluationViews(dataset, image_size, cache)
        photos = range(len(dataset))[share]
        self.loader: DataLoader[View] = _loader(
            views, workers, sampler=photos, batch_size=batch_size
        )

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        return _readable(self.loader)


def _loader(views: object, workers: int, **batching: object) -> DataLoader[View]:
    loader: DataLoader[View] = DataLoader(
        views,  # type: ignore[arg-type]
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        collate_fn=_collate,
        # A loader draws a seed for its workers; not from the state that the network draws from.
        generator=torch.Generator(),
        **batching,  # type: ignore[arg-type]
    )
    return loader


def _collate(views: Sequence[View] | Views | UserError) -> Batch | UserError:
    """One batch; or, if a photo could not be read, why."""
    if isinstance(views, UserError):
        return views
    if isinstance(views, tuple):  # made as a batch
        return Batch(*views)
    pixels, labels, photos = [], [], []
    for view in views:
        if isinstance(view, UserError):
            return view
        pixels.append(view[0])
        labels.append(view[1])
        photos.append(view[2])
    return Batch(torch.stack(pixels), torch.tensor(labels), torch.tensor(photos))


def _readable(loader: DataLoader[View]) -> Iterator[Batch]:
    for batch in loader:
        if isinstance(batch, UserError):
            raise batch
        assert isinstance(batch, Batch)
        yield batch
