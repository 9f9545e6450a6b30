"""Random crops of the photos in a cache: complete batches, with minimal work per photo."""

from __future__ import annotations

import math
import random
from io import FileIO

import torch
import torch.utils.data
from torch import Tensor
from torch.nn.functional import interpolate, pad
from torch.utils.data import get_worker_info

from mineral_recog.data.augmentation import Augmenter
from mineral_recog.data.cache import Cache
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.evaluation_view import BILINEAR
from mineral_recog.data.transforms import BatchTensors, seeded_torch, unreadable_photo_error
from mineral_recog.errors import UserError
from mineral_recog.recipes.view_settings import UNCHANGED, Augmentation, Crop

ASPECT_RATIOS = (3 / 4, 4 / 3)  # minimum and maximum width over height of a crop, as torchvision
MAX_ATTEMPTS = 10  # to find a crop that fits, as torchvision


class CachedTrainingCrops(torch.utils.data.Dataset[BatchTensors]):
    """Random crops and mirror images, for a batch of (index, seed) at a time.

    The rules are those of `TrainingCrops`, but the random generator is another one, which starts
    faster. Pixels do not depend on the number of loader workers.
    """

    def __init__(
        self,
        dataset: Dataset,
        cache: Cache,
        image_size: int,
        crop: Crop,
        augmentation: Augmentation = UNCHANGED,
        interpolation: str = BILINEAR,
    ) -> None:
        self.dataset, self.cache, self.interpolation = dataset, cache, interpolation
        self.image_size, self.crop = image_size, crop
        self.augment = Augmenter(augmentation, dataset.classes)

    def __getitems__(self, items: list[tuple[int, int]]) -> BatchTensors | UserError:
        """Return pixels uint8 [B, 3, S, S], labels [B] and indices [B]; or why reading failed."""
        pixels = torch.empty(len(items), 3, self.image_size, self.image_size, dtype=torch.uint8)
        if get_worker_info() is not None:
            pixels.share_memory_()  # while it is empty, to avoid a copy of the filled tensor
        indices = [index for index, _ in items]
        index = indices[0]
        try:
            with self.cache.open_pixels() as file:
                for place, (index, seed) in enumerate(items):
                    self._crop(file, index, seed, pixels[place])
        except OSError as error:
            return unreadable_photo_error(self.dataset, index, error)
        labels = torch.from_numpy(self.dataset.labels[indices])
        return pixels, labels, torch.tensor(indices)

    def _crop(self, file: FileIO, index: int, seed: int, out: Tensor) -> None:
        rng, margin = random.Random(seed), self.crop.pad
        size = self.cache.size(index)
        if margin is None:
            left, top, width, height = random_crop(*size, self.crop.scale, rng)
        else:
            left, top, width, height = _middle_square(*size)
        rows = torch.from_numpy(self.cache.read_rows(file, index, top, height))
        crop = rows[:, left : left + width].permute(2, 0, 1)[None]
        view = interpolate(crop, out.shape[1:], mode=self.interpolation, antialias=True)[0]
        if margin:
            side, right, down = self.image_size, *(rng.randint(0, 2 * margin) for _ in range(2))
            view = pad(view, [margin] * 4)[:, down : down + side, right : right + side]
        view = view.flip(-1) if rng.random() < 0.5 else view
        if self.augment.is_active:
            with seeded_torch(rng.getrandbits(62)):
                view = self.augment(view, int(self.dataset.labels[index]))
        out.copy_(view)


def _middle_square(width: int, height: int) -> tuple[int, int, int, int]:
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def random_crop(
    width: int, height: int, min_scale: float, rng: random.Random
) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a crop, drawn like torchvision's RandomResizedCrop.

    The area is uniform from the share `min_scale` of the photo to all of it, and the logarithm of
    the aspect ratio is uniform from 3/4 to 4/3. If ten such crops do not fit, the result is the
    middle, with the aspect ratio within those bounds that is closest to the photo's.
    """
    for _ in range(MAX_ATTEMPTS):
        area = width * height * rng.uniform(min_scale, 1.0)
        ratio = math.exp(rng.uniform(math.log(ASPECT_RATIOS[0]), math.log(ASPECT_RATIOS[1])))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = rng.randint(0, width - crop_width), rng.randint(0, height - crop_height)
            return left, top, crop_width, crop_height
    crop_width = min(width, round(height * ASPECT_RATIOS[1]))
    crop_height = min(height, round(width / ASPECT_RATIOS[0]))
    return (width - crop_width) // 2, (height - crop_height) // 2, crop_width, crop_height
