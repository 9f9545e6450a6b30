"""Loaders that read, decode and crop batches of photos in worker processes."""

from __future__ import annotations

import atexit
import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from mineral_recog.data.cache import Cache
from mineral_recog.data.cached_transforms import CachedTrainingCrops
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.evaluation_view import BILINEAR, CENTER_SHARE
from mineral_recog.data.samplers import Batches
from mineral_recog.data.transforms import (
    BatchTensors,
    CorruptedViews,
    EvaluationCrops,
    Example,
    TrainingCrops,
)
from mineral_recog.errors import UserError
from mineral_recog.recipes.view_settings import UNCHANGED, Augmentation, Crop

SIGNAL_SECONDS = 0.2  # in which the signal of a process that ended arrives


@dataclass(frozen=True)
class Batch:
    """A batch of network inputs.

    Attributes:
        inputs: Pixels uint8 [B, 3, S, S], or features float [B, D] that were computed before.
        labels: Class indices, int64 [B].
        indices: Indices of the photos, int64 [B].
    """

    inputs: Tensor
    labels: Tensor
    indices: Tensor

    def pin_memory(self) -> Batch:
        """Return the batch in pinned memory, from which a GPU copies; called by the loader."""
        return Batch(self.inputs.pin_memory(), self.labels.pin_memory(), self.indices)


class _EpochBatchSampler:
    """Yields the batches of the current epoch as lists of (index, seed) for `TrainingCrops`.

    Batches are made when they are requested, since those of an epoch would take 150 bytes per
    photo.
    """

    def __init__(self, seed: int, share: slice) -> None:
        self.seed, self.share, self.epoch, self.first = seed, share, 0, 0
        self.batches: Batches = []

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng([self.seed, self.epoch, 1])
        for number, indices in enumerate(self.batches):
            seeds = rng.integers(2**62, size=len(indices))
            if number >= self.first:
                items = list(zip(indices.tolist(), seeds.tolist(), strict=True))
                yield items[self.share]

    def __len__(self) -> int:
        return len(self.batches) - self.first


class TrainingLoader:
    """Loads random crops of the photos that a sampler draws, epoch by epoch.

    The loader's processes live as long as this object. The batches of an epoch depend on the seed,
    the epoch and the draw, but not on the number of processes. Only the photos in the slice `share`
    of each batch are read. With a cache, the crops are taken from its reduced photos.
    """

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        crop: Crop,
        seed: int,
        workers: int,
        cache: Cache | None = None,
        share: slice = slice(None),
        augmentation: Augmentation = UNCHANGED,
        interpolation: str = BILINEAR,
    ) -> None:
        self.batch_sampler = _EpochBatchSampler(seed, share)
        crops = (
            TrainingCrops(dataset, image_size, crop, augmentation, interpolation)
            if cache is None
            else CachedTrainingCrops(dataset, cache, image_size, crop, augmentation, interpolation)
        )
        self.loader: DataLoader[Example] = _loader(crops, workers, batch_sampler=self.batch_sampler)

    def batches(self, epoch: int, batches: Batches, first: int = 0) -> Iterator[Batch]:
        """Load the batches of an epoch.

        Args:
            epoch: The epoch, which the random crops depend on.
            batches: The batches drawn for it.
            first: Index of the first batch to load.

        Raises:
            UserError: A photo cannot be read.
        """
        self.batch_sampler.epoch, self.batch_sampler.batches, self.batch_sampler.first = (
            epoch,
            batches,
            first,
        )
        return _raise_errors(self.loader)


class EvaluationLoader:
    """Loads the photos of a split, in order, from a cache or their files.

    Only the photos in the slice `share` are loaded; of their batches only those in `batch_share`.

    Attributes:
        indices: Indices of the photos that are loaded, in order.
    """

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        batch_size: int,
        workers: int,
        cache: Cache | None = None,
        share: slice = slice(None),
        center_share: float = CENTER_SHARE,
        batch_share: slice = slice(None),
        interpolation: str = BILINEAR,
    ) -> None:
        self.batch_size = batch_size
        crops = EvaluationCrops(dataset, image_size, cache, center_share, interpolation)
        batches = _batches(range(len(dataset))[share], batch_size)[batch_share]
        self.indices = _joined(batches)
        self.loader: DataLoader[Example] = _loader(crops, workers, batch_sampler=batches)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        return _raise_errors(self.loader)


class CorruptionLoader:
    """Loads photos with their corrupted views, in order; see `CorruptedViews`.

    Only the batches in the slice `batch_share` are loaded.

    Attributes:
        indices: Indices of the photos that are loaded, in order.
    """

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        center_share: float,
        interpolation: str,
        batch_size: int,
        workers: int,
        batch_share: slice = slice(None),
    ) -> None:
        views = CorruptedViews(dataset, image_size, center_share, interpolation)
        batches = _batches(range(len(dataset)), batch_size)[batch_share]
        self.indices = _joined(batches)
        self.loader: DataLoader[Example] = _loader(views, workers, batch_sampler=batches)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        return _raise_errors(self.loader)


def _batches(indices: range, batch_size: int) -> list[list[int]]:
    return [
        list(indices[start : start + batch_size]) for start in range(0, len(indices), batch_size)
    ]


def _joined(batches: list[list[int]]) -> NDArray[np.int64]:
    return np.array([index for batch in batches for index in batch], dtype=np.int64)


def _loader(crops: object, workers: int, **batching: object) -> DataLoader[Example]:
    _kill_processes_at_exit()
    loader: DataLoader[Example] = DataLoader(
        crops,  # type: ignore[arg-type]
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        collate_fn=_collate,
        worker_init_fn=_ignore_stop_signals,
        # A loader draws a seed for its workers; it must not change the global random state.
        generator=torch.Generator(),
        **batching,  # type: ignore[arg-type]
    )
    return loader


def _ignore_stop_signals(worker: int) -> None:
    """Leave stopping to the process that trains: a terminal or Slurm signals the loader's too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@cache
def _kill_processes_at_exit() -> None:
    """Register the end of loader processes that are left at exit, since SIGTERM does not end them.

    Otherwise `multiprocessing` would wait for them without end.
    """

    def kill() -> None:
        for child in multiprocessing.active_children():
            if child.daemon:
                child.kill()

    atexit.register(kill)


def _collate(examples: Sequence[Example] | BatchTensors | UserError) -> Batch | UserError:
    """Return one batch, or the error if a photo could not be read."""
    if isinstance(examples, UserError):
        return examples
    if isinstance(examples, tuple):  # already a batch
        return Batch(*examples)
    read = []
    for example in examples:
        if isinstance(example, UserError):
            return example
        read.append(example)
    pixels, labels, indices = zip(*read, strict=True)
    return Batch(torch.stack(pixels), torch.tensor(labels), torch.tensor(indices))


def _raise_errors(loader: DataLoader[Example]) -> Iterator[Batch]:
    try:
        for batch in loader:
            if isinstance(batch, UserError):
                raise batch
            assert isinstance(batch, Batch)
            yield batch
    except (EOFError, ConnectionError) as error:  # a process ended while it sent a batch
        time.sleep(SIGNAL_SECONDS)  # torch's handler of the signal raises the error that says so
        raise RuntimeError("DataLoader worker ended while it sent a batch") from error
