"""A part of a photo, as fractions of its width and height, and what the network sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from mineral_recog.data.evaluation_view import BILINEAR, FILTERS, Pixels
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

MIN_SIDE = 0.01  # of a region, as a fraction
MARGIN = 1.1  # side of the square that is looked at over the longer side of the region
ROUNDING = 1e-6  # by which fractions with few digits may exceed the photo


class Region(NamedTuple):
    """A part of an upright photo; all four are fractions of its width or height."""

    left: float
    top: float
    width: float
    height: float

    def square(self, width: int, height: int) -> Region:
        """Return the square around the region that is looked at, with a margin, inside the photo.

        A region that is longer than the photo's short side loses its ends.

        Args:
            width: Width of the photo in pixels.
            height: Height of the photo in pixels.
        """
        longer = max(self.width * width, self.height * height)
        side = min(MARGIN * longer, width, height)
        left = (self.left + self.width / 2) * width - side / 2
        top = (self.top + self.height / 2) * height - side / 2
        return Region(
            min(max(left, 0), width - side) / width,
            min(max(top, 0), height - side) / height,
            side / width,
            side / height,
        )

    def rounded(self) -> list[float]:
        """Return the four fractions with the digits that JSON gets."""
        return [round(value, 4) for value in self]

    def pixels(self, photo: Image.Image, image_size: int, interpolation: str = BILINEAR) -> Pixels:
        """Return the region of an RGB photo as the network's input, uint8 [S, S, 3]."""
        left, top = self.left * photo.width, self.top * photo.height
        right = min(left + self.width * photo.width, photo.width)
        bottom = min(top + self.height * photo.height, photo.height)
        box = (left, top, right, bottom)
        size = (image_size, image_size)
        return np.array(photo.resize(size, FILTERS[interpolation], box=box))


WHOLE = Region(0, 0, 1, 1)


def middle_region(width: int, height: int, share: float) -> Region:
    """Return the middle square whose side is a share of a photo's short side.

    Args:
        width: Width of the photo in pixels.
        height: Height of the photo in pixels.
        share: Side of the square over the short side.
    """
    side = share * min(width, height)
    return Region((1 - side / width) / 2, (1 - side / height) / 2, side / width, side / height)


def parse_region(text: str) -> Region:
    """Parse `x,y,w,h`, as in `0.5,0.25,0.2,0.3`.

    Raises:
        DataError: It is not four numbers, or not a part of the photo.
    """
    try:
        values = [float(part) for part in text.replace("，", ",").split(",")]
    except ValueError:
        raise _region_error(text) from None
    return check_region(values)


def check_region(values: Sequence[float]) -> Region:
    """Return left, top, width and height as a region.

    Raises:
        DataError: They are not four numbers, or not a part of the photo.
    """
    try:
        region = Region(*map(float, values))
    except (TypeError, ValueError):  # no numbers, or not four
        parts = [values] if isinstance(values, str) or not isinstance(values, Sequence) else values
        raise _region_error(
            ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in parts)
        ) from None
    is_large_enough = min(region.width, region.height) >= MIN_SIDE  # false for NaN, as below
    is_inside = (
        min(region.left, region.top) >= 0
        and region.left + region.width <= 1 + ROUNDING
        and region.top + region.height <= 1 + ROUNDING
    )
    if not (is_large_enough and is_inside):
        raise _region_error(",".join(f"{value:g}" for value in region))
    return region


def _region_error(text: str) -> DataError:
    return DataError(
        tr(
            f"crop {text[:60]}: give left, top, width and height as fractions of the upright "
            f"photo, inside it and at least {MIN_SIDE:g} wide and high, such as 0.5,0.25,0.2,0.3.",
            f"crop {text[:60]}：请给出左、上、宽、高，均为正放照片宽高的比例，不超出照片，"
            f"宽高至少 {MIN_SIDE:g}，例如 0.5,0.25,0.2,0.3。",
        )
    )
