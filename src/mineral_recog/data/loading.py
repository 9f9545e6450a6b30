"""Batches of photos: loaders that draw, decode and view photos in worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mineral_recog.data.drawn import Drawn
from mineral_recog.data.index import Index
from mineral_recog.data.views import EvaluationViews, TrainingViews, View
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

    def __init__(self, seed: int) -> None:
        self.seed, self.epoch = seed, 0
        self.drawn = Drawn(0, np.empty(0, np.int64))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng([self.seed, self.epoch, 1])
        for photos in self.drawn:
            seeds = rng.integers(2**62, size=len(photos))
            yield list(zip(photos.tolist(), seeds.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.drawn)


class TrainingLoader:
    """Random views of the photos that a sampler draws, epoch by epoch.

    The loader's processes live as long as this object. What an epoch yields depends on the seed,
    the epoch and the draw, and not on the number of processes.
    """

    def __init__(
        self,
        index: Index,
        image_size: int,
        crop_scale: float,
        seed: int,
        workers: int,
    ) -> None:
        self.wanted = _EpochViews(seed)
        views = TrainingViews(index, image_size, crop_scale)
        self.loader: DataLoader[View] = _loader(views, workers, batch_sampler=self.wanted)

    def batches(self, epoch: int, drawn: Drawn) -> Iterator[Batch]:
        """The batches of an epoch, those that were drawn for it.

        Raises:
            UserError: a photo cannot be read.
        """
        self.wanted.epoch, self.wanted.drawn = epoch, drawn
        return _readable(self.loader)


class EvaluationLoader:
    """The photos of a split, in order, each once."""

    def __init__(self, index: Index, image_size: int, batch_size: int, workers: int) -> None:
        self.batch_size = batch_size
        views = EvaluationViews(index, image_size)
        self.loader: DataLoader[View] = _loader(views, workers, batch_size=batch_size)

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


def _collate(views: Sequence[View]) -> Batch | UserError:
    """One batch; or, if a photo could not be read, why."""
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
