"""Transforms from a photo to the network's input pixels, shared by training and inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.utils.data
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from mineral_recog.data.augmentation import Augmenter
from mineral_recog.data.cache import Cache
from mineral_recog.data.corruptions import corrupted_views
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.evaluation_view import (
    BILINEAR,
    CENTER_SHARE,
    evaluation_side,
    evaluation_view,
    middle_square,
)
from mineral_recog.data.images import open_photo
from mineral_recog.errors import DataError, UserError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.recipes.view_settings import UNCHANGED, Augmentation, Crop

# Pixels uint8 [3, S, S], label and index of a photo; or why it could not be read. The error is a
# return value, since a worker process of a loader would hide its one line in a traceback.
Example = tuple[Tensor, int, int] | UserError
BatchTensors = tuple[Tensor, Tensor, Tensor]  # pixels [B, 3, S, S], labels [B], indices [B]


def training_side(image_size: int) -> int:
    """Return the short side of photos for random crops; much smaller photos train worse.

    It is 384 for an image size of 224: a JPEG of 1024 x 768 is then decoded at half its size.
    See docs/performance.md.
    """
    return round(image_size * 12 / 7)


def evaluation_transform(
    image_size: int, center_share: float = CENTER_SHARE, interpolation: str = BILINEAR
) -> Callable[[Image.Image], Tensor]:
    """Return a function from an RGB photo to its `evaluation_view`, as uint8 [3, S, S].

    Args:
        image_size: S, side of the crop in pixels.
        center_share: S over the short side after the resize.
        interpolation: How photos are resized.
    """
    return partial(
        _evaluation_tensor,
        image_size=image_size,
        center_share=center_share,
        interpolation=interpolation,
    )


def _evaluation_tensor(
    photo: Image.Image, image_size: int, center_share: float, interpolation: str
) -> Tensor:
    view = evaluation_view(photo, image_size, center_share, interpolation)
    return torch.from_numpy(view).permute(2, 0, 1).contiguous()


class CorruptedViews(torch.utils.data.Dataset[Example]):
    """The view of each photo and its `corrupted_views`, uint8 [V, 3, S, S], with label and index.

    Args:
        dataset: The photos.
        image_size: S, side of a view in pixels.
        center_share: See `evaluation_transform`.
        interpolation: See there.
    """

    def __init__(
        self, dataset: Dataset, image_size: int, center_share: float, interpolation: str
    ) -> None:
        self.dataset, self.image_size, self.center_share = dataset, image_size, center_share
        self.interpolation = interpolation

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Example:
        short_side = evaluation_side(self.image_size, self.center_share)
        return _example(self.dataset, index, self._views, short_side)

    def _views(self, photo: Image.Image) -> Tensor:
        views = corrupted_views(photo, self.image_size, self.center_share, self.interpolation)
        return torch.from_numpy(views).permute(0, 3, 1, 2).contiguous()


def training_transform(image_size: int, crop: Crop, interpolation: str = BILINEAR) -> v2.Transform:
    """Return a transform: random crop and random mirror image; uint8 [3, S, S].

    Args:
        image_size: S, side of the crop in pixels after the resize.
        crop: How the crop is drawn.
        interpolation: How photos are resized.
    """
    mode = v2.InterpolationMode(interpolation)
    if crop.pad is None:
        cuts = [v2.RandomResizedCrop(image_size, scale=(crop.scale, 1.0), interpolation=mode)]
    else:
        cuts = [
            middle_square,
            v2.Resize(image_size, mode),
            v2.RandomCrop(image_size, padding=crop.pad),
        ]
    return v2.Compose([*cuts, v2.RandomHorizontalFlip(), v2.PILToTensor()])


@contextmanager
def seeded_torch(seed: int) -> Iterator[None]:
    """Seed the random generator that transforms use, and restore its state afterwards."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which also queues every call for GPUs that are not in use yet.
        torch.default_generator.manual_seed(seed)
        yield


class EvaluationCrops(torch.utils.data.Dataset[Example]):
    """Center crops of the photos of a split, or of its cache, each as (pixels, label, index)."""

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        cache: Cache | None = None,
        center_share: float = CENTER_SHARE,
        interpolation: str = BILINEAR,
    ) -> None:
        self.dataset, self.cache = dataset, cache
        self.transform = evaluation_transform(image_size, center_share, interpolation)
        self.short_side = evaluation_side(image_size, center_share)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Example:
        return _example(self.dataset, index, self.transform, self.short_side, self.cache)


class TrainingCrops(torch.utils.data.Dataset[Example]):
    """Random crops of photos, addressed by (index, seed), each as (pixels, label, index).

    Each crop has a separate seed, so that it does not depend on the number of loader workers.
    """

    def __init__(
        self,
        dataset: Dataset,
        image_size: int,
        crop: Crop,
        augmentation: Augmentation = UNCHANGED,
        interpolation: str = BILINEAR,
    ) -> None:
        self.dataset = dataset
        self.transform = training_transform(image_size, crop, interpolation)
        self.augment = Augmenter(augmentation, dataset.classes)
        self.short_side = training_side(image_size)

    def __getitem__(self, item: tuple[int, int]) -> Example:
        index, seed = item
        with seeded_torch(seed):
            example = _example(self.dataset, index, self.transform, self.short_side)
            if isinstance(example, UserError):
                return example
            pixels, label, _ = example
            return self.augment(pixels, label), label, index


def _example(
    dataset: Dataset,
    index: int,
    transform: Callable[[Image.Image], Tensor],
    short_side: int,
    cache: Cache | None = None,
) -> Example:
    """Transform a photo of a split, or of its cache."""
    try:
        if cache is not None:
            pixels = transform(cache.read_photo(index))
        else:
            with dataset.open(index) as file:
                pixels = transform(open_photo(file, short_side))
    except OSError as error:
        return unreadable_photo_error(dataset, index, error)
    return pixels, int(dataset.labels[index]), index


def unreadable_photo_error(dataset: Dataset, index: int, error: OSError) -> UserError:
    """Return the error for a photo that could not be read from its file or from a cache."""
    path, reason = dataset.display_path(index), reason_of(error)
    return DataError(
        tr(
            f"{path} cannot be read ({reason}): put it back or replace it, then run again.",
            f"{path} 无法读取（{reason}）：请放回或替换它，然后重新运行。",
        )
    )
