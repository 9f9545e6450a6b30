"""Random views of the photos in a cache: whole batches, with as little work a photo as can be."""

from __future__ import annotations

import math
import random
from io import FileIO

import torch
import torch.utils.data
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import get_worker_info

from mineral_recog.data.cache import Cache
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.transforms import Views, unreadable_view
from mineral_recog.errors import UserError

RATIOS = (3 / 4, 4 / 3)  # width over height of a crop, least and most, as in torchvision
TRIES = 10  # likewise, to find a crop that fits


class CachedTrainingViews(torch.utils.data.Dataset[Views]):
    """Random resized crops and mirror images, a batch of (photo, seed) at a time.

    As `TrainingViews`, drawn by the same rules but from another generator, which starts faster.
    Pixels are the same for any number of loader workers.
    """

    def __init__(self, dataset: Dataset, cache: Cache, image_size: int, crop_scale: float) -> None:
        self.dataset, self.cache = dataset, cache
        self.image_size, self.crop_scale = image_size, crop_scale

    def __getitems__(self, drawn: list[tuple[int, int]]) -> Views | UserError:
        """Pixels uint8 [B, 3, S, S], labels and photos; or why a photo could not be read."""
        pixels = torch.empty(len(drawn), 3, self.image_size, self.image_size, dtype=torch.uint8)
        if get_worker_info() is not None:
            pixels.share_memory_()  # while it is empty, so that it is not copied when it is full
        photos = [photo for photo, _ in drawn]
        photo = photos[0]
        try:
            with self.cache.opened() as file:
                for place, (photo, seed) in enumerate(drawn):
                    self._view(file, photo, seed, pixels[place])
        except OSError as error:
            return unreadable_view(self.dataset, photo, error)
        labels = torch.from_numpy(self.dataset.labels[photos])
        return pixels, labels, torch.tensor(photos)

    def _view(self, file: FileIO, photo: int, seed: int, view: Tensor) -> None:
        chance = random.Random(seed)
        left, top, width, height = random_crop(*self.cache.size(photo), self.crop_scale, chance)
        rows = torch.from_numpy(self.cache.rows(file, photo, top, height))
        crop = rows[:, left : left + width].permute(2, 0, 1)[None]
        resized = interpolate(crop, view.shape[1:], mode="bilinear", antialias=True)[0]
        view.copy_(resized.flip(-1) if chance.random() < 0.5 else resized)


def random_crop(
    width: int, height: int, least: float, chance: random.Random
) -> tuple[int, int, int, int]:
    """Left, top, width and height of a crop, as torchvision's RandomResizedCrop draws it.

    At least a share `least` of the area, uniformly, and a ratio of the sides in 3/4..4/3 by its
    logarithm; if ten such do not fit, the middle, its ratio as near to that of the photo as those
    bounds let it be.
    """
    for _ in range(TRIES):
        area = width * height * chance.uniform(least, 1.0)
        ratio = math.exp(chance.uniform(math.log(RATIOS[0]), math.log(RATIOS[1])))
        across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            left, top = chance.randint(0, width - across), chance.randint(0, height - down)
            return left, top, across, down
    across = min(width, round(height * RATIOS[1]))
    down = min(height, round(width / RATIOS[0]))
    return (width - across) // 2, (height - down) // 2, across, down
