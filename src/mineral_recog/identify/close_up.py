"""The part of a photo that a model looks at closely: where the specimen is, or seems to be."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from PIL import Image

from mineral_recog.data.evaluation_view import BILINEAR, Pixels
from mineral_recog.data.images import Photo
from mineral_recog.identify.region import WHOLE, Region
from mineral_recog.identify.specimen_finder import find_specimen

SMALL = 0.5  # over the short side: larger specimens are seen well enough in the middle square
MAX_ZOOM = 4  # of the resolution at which a photo is decoded again for a close-up


class CloseUp(NamedTuple):
    """A part of a photo as the network's input, uint8 [S, S, 3], which part it is, and the photo.

    The photo has the resolution that the part was cut from.
    """

    pixels: Pixels
    region: Region
    image: Image.Image


def make_close_up(
    photo: Photo,
    reopen: Callable[[int], Photo] | None,
    region: Region | None,
    image_size: int,
    interpolation: str = BILINEAR,
) -> CloseUp | None:
    """Return the square around the specimen.

    Args:
        photo: The photo, decoded at the resolution that its middle square needs.
        reopen: Opens the photo once more, with a number of pixels of its short side at least, so
            that a small part of a large JPEG is sharp; None if it can be read only once.
        region: Where the specimen is; by default where `find_specimen` finds it.
        image_size: S, side of the network's input in pixels.
        interpolation: How the square is resized.

    Returns:
        None if no region was given and nothing small stands out.
    """
    image, (width, height) = photo.image, photo.image.size
    square = (region or find_specimen(image) or WHOLE).square(width, height)
    side, short_side = square.width * width, min(width, height)
    if region is None and side >= SMALL * short_side:
        return None
    zoom = min(MAX_ZOOM, image_size / side)
    if reopen is not None and zoom > 1 and width < photo.header.width:
        image = reopen(ceil(zoom * short_side)).image
    return CloseUp(square.pixels(image, image_size, interpolation), square, image)
