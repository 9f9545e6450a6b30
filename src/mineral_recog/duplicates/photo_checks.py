"""What can be wrong with one photo that can be read: too small, too dark, blurred, flat, a ribbon.

The limits are few and wide: nearly every photo of a real collection passes, and what does not is
shown to the user and never left out for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.data.images import Header
from mineral_recog.data.readers.source import Remark

SIDE = 256  # short side at which photos are looked at: what the evaluation view is cut from
SMALLEST = 112  # half of the 224 pixels that recipes show the network: the rest would be made up
LONGEST = 3.0  # long side to short: the middle square shows less than a third of the photo
DARKEST = 40  # of 255 levels, that all but a hundredth of the pixels do not reach
# Variance of the Laplacian in the sharpest of 4 x 4 parts. A photo of 256 pixels blurred with a
# deviation of 3 pixels has 5 or so; a sharp stone before a blurred ground has hundreds.
BLURRED = 10.0
EVEN = 0.95  # share of pixels like their neighbours to 2 levels of grey; studio grounds stay below
PARTS = 4

Grey = NDArray[np.float32]


def remarks(image: Image.Image, header: Header) -> tuple[Remark, ...]:
    """What is wrong with a photo, if anything.

    Args:
        image: upright, RGB, decoded to a short side of `SIDE` pixels or more where there are any.
        header: what the file says of it.
    """
    found = []
    width, height = header.width, header.height
    if min(width, height) < SMALLEST:
        found.append(Remark("small", f"{width} × {height}"))
    if max(width, height) > LONGEST * min(width, height):
        found.append(Remark("ribbon", f"{width} × {height}"))
    light = _reduced(image).convert("L")
    grey = np.asarray(light, np.float32)
    even = _even(grey)
    if even > EVEN:
        found.append(Remark("flat", f"{100 * even:.0f}%"))
    elif (bright := _brightest(light)) < DARKEST:
        found.append(Remark("dark", f"{bright} / 255"))
    elif (sharp := _sharpness(grey)) < BLURRED:
        found.append(Remark("blurred", f"{sharp:.1f}"))
    return tuple(found)


def _reduced(image: Image.Image) -> Image.Image:
    """The photo with a short side of `SIDE`; one that is smaller is not enlarged."""
    scale = SIDE / min(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX)


def _even(grey: Grey) -> float:
    """Share of the pixels that hardly differ from the ones to their left and above."""
    if min(grey.shape) < 2:
        return 1.0
    here = grey[1:, 1:]
    alike = (np.abs(here - grey[1:, :-1]) <= 2) & (np.abs(here - grey[:-1, 1:]) <= 2)
    return float(alike.mean())


def _brightest(light: Image.Image) -> int:
    """The level that all but a hundredth of the pixels do not exceed."""
    counts = np.cumsum(light.histogram())
    return int(np.searchsorted(counts, 0.99 * counts[-1]))


def _sharpness(grey: Grey) -> float:
    """Variance of the Laplacian in the sharpest part of the photo.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000; by parts, since
    close-ups are sharp in places only.
    """
    if min(grey.shape) < 2 + PARTS:
        return float("inf")  # told as too small
    around = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1]
    laplacian = around - 4 * grey[1:-1, 1:-1]
    parts = (
        part
        for band in np.array_split(laplacian, PARTS, axis=0)
        for part in np.array_split(band, PARTS, axis=1)
    )
    return max(float(part.var()) for part in parts)
