"""From a photo to the pixels that the network sees; defined once, for training and for use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.utils.data
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from mineral_recog.data.cache import Cache
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.images import open_photo
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr

# The share of the resized short side that the evaluation view keeps: 224 of 256 pixels.
CENTER_SHARE = 0.875

# Pixels uint8 [3, S, S], label, photo; or why the photo could not be read. An error is handed on
# as a value, since a loader's worker process would bury the one line in a traceback.
View = tuple[Tensor, int, int] | UserError
Views = tuple[Tensor, Tensor, Tensor]  # of a batch: pixels [B, 3, S, S], labels [B], photos [B]


@dataclass(frozen=True)
class Preprocessing:
    """What the network expects: pixels a side, and mean and deviation of each channel in 0..1.

    With 2 test views a photo is judged together with its mirror image, with 1 alone.
    """

    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    test_views: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the bundle's config."""
        return asdict(self)


def evaluation_side(image_size: int) -> int:
    """Short side of the resized photo whose middle the evaluation view is; so caches hold it."""
    return round(image_size / CENTER_SHARE)


def training_side(image_size: int) -> int:
    """Short side that random crops are cut from; crops of much smaller photos teach less.

    For 224 that is 384: a JPEG of 1024 x 768 is decoded at half its sides and needs no more.
    See docs/performance.md.
    """
    return round(image_size * 12 / 7)


def evaluation_view(image_size: int) -> v2.Transform:
    """Short side resized to image_size / 0.875, then the middle square; uint8 [3, S, S]."""
    return v2.Compose(
        [
            _middle_square,  # first, or a photo like a ribbon would be enlarged as a whole
            v2.Resize(evaluation_side(image_size), antialias=True),
            v2.CenterCrop(image_size),
            v2.PILToTensor(),
        ]
    )


def _middle_square(photo: Image.Image) -> Image.Image:
    if photo.width == photo.height:  # or a large one would be there twice
        return photo
    square: Image.Image = v2.functional.center_crop(photo, [min(photo.size)])
    return square


def training_view(image_size: int, crop_scale: float) -> v2.Transform:
    """Random resized crop of at least `crop_scale` of the area, random mirror; uint8 [3, S, S]."""
    return v2.Compose(
        [
            v2.RandomResizedCrop(image_size, scale=(crop_scale, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
        ]
    )


class EvaluationViews(torch.utils.data.Dataset[View]):
    """The photos of a split, or of its cache, in order, each as (pixels, label, photo)."""

    def __init__(self, dataset: Dataset, image_size: int, cache: Cache | None = None) -> None:
        self.dataset, self.image_size, self.cache = dataset, image_size, cache
        self.view = evaluation_view(image_size)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, photo: int) -> View:
        if self.cache is None:
            return _view(self.dataset, photo, self.view, evaluation_side(self.image_size))
        try:
            pixels = self.view(self.cache.photo(photo))
        except OSError as error:
            return unreadable_view(self.dataset, photo, error)
        return pixels, int(self.dataset.labels[photo]), photo


class TrainingViews(torch.utils.data.Dataset[View]):
    """Random views of photos, addressed by (photo, seed), each as (pixels, label, photo).

    The seed is that of this one view, so that a view does not depend on the number of loader
    workers.
    """

    def __init__(self, dataset: Dataset, image_size: int, crop_scale: float) -> None:
        self.dataset = dataset
        self.view = training_view(image_size, crop_scale)
        self.short_side = training_side(image_size)

    def __getitem__(self, drawn: tuple[int, int]) -> View:
        photo, seed = drawn
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which also notes every call for GPUs that are not in use yet.
            torch.default_generator.manual_seed(seed)
            return _view(self.dataset, photo, self.view, self.short_side)


def _view(dataset: Dataset, photo: int, view: v2.Transform, short_side: int) -> View:
    try:
        with dataset.open(photo) as file:
            pixels = view(open_photo(file, short_side))
    except OSError as error:
        return unreadable_view(dataset, photo, error)
    return pixels, int(dataset.labels[photo]), photo


def unreadable_view(dataset: Dataset, photo: int, error: OSError) -> UserError:
    """What a user can do about a photo that could not be read, or its place in a cache."""
    path = dataset.where(photo)
    return DataError(
        tr(
            f"{path} cannot be read ({error}): put it back or replace it, then run again.",
            f"{path} 无法读取（{error}）：请放回或替换它，然后重新运行。",
        )
    )
