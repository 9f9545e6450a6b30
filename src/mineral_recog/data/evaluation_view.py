"""The view of a photo that a model answers from: the middle square, resized and cropped.

It is made with Pillow and numpy alone, so that training, evaluation and an exported model see the
same pixels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

# Default side of the center crop over the resized short side: 224 of 256 pixels.
CENTER_SHARE = 0.875
BILINEAR = "bilinear"  # the default of FILTERS
# Filters of Pillow by their names in recipes; both are antialiased.
FILTERS = {BILINEAR: Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """Input format of the network.

    Attributes:
        image_size: Side of the square input in pixels.
        mean: Mean of each channel, in 0..1.
        std: Standard deviation of each channel, in 0..1.
        test_views: 2 averages the outputs of the view and its mirror image, 5 those of the view and
            its four corners; 1 takes the view alone.
        center_share: Side of the evaluation's center crop over the photo's short side.
        interpolation: How photos are resized, one of FILTERS.
    """

    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    test_views: int = 1
    center_share: float = CENTER_SHARE
    interpolation: str = BILINEAR

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a model's config."""
        return asdict(self)


def evaluation_side(image_size: int, center_share: float = CENTER_SHARE) -> int:
    """Return the short side to which evaluation resizes photos, and which its caches store."""
    return round(image_size / center_share)


def evaluation_view(
    photo: Image.Image,
    image_size: int,
    center_share: float = CENTER_SHARE,
    interpolation: str = BILINEAR,
) -> Pixels:
    """Return the view of an RGB photo: resized, then cropped; uint8 [S, S, 3].

    Args:
        photo: Photo in mode RGB.
        image_size: S, side of the crop in pixels.
        center_share: S over the short side after the resize.
        interpolation: One of FILTERS.
    """
    side = evaluation_side(image_size, center_share)
    square = middle_square(photo)  # first, so that a very long photo is not enlarged as a whole
    if square.size != (side, side):
        square = square.resize((side, side), FILTERS[interpolation])
    return np.array(_crop_middle(square, image_size))


def middle_square(photo: Image.Image) -> Image.Image:
    """Return the middle square of a photo; a square photo itself, since a copy may be large."""
    return photo if photo.width == photo.height else _crop_middle(photo, min(photo.size))


def _crop_middle(photo: Image.Image, side: int) -> Image.Image:
    """Return the middle square of a side that the photo has."""
    left, top = round((photo.width - side) / 2), round((photo.height - side) / 2)
    return photo.crop((left, top, left + side, top + side))
