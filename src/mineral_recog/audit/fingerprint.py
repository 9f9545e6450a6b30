"""What is kept of a photo to find its copies: a thumbnail and where a plain border ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32  # of the grey thumbnail
COLOUR_SIDE = 8
LOOKED_AT = 128  # side at which borders are looked for
PLAIN = 8.0  # levels that the pixels of a plain line differ from its colour, on average
SMALLEST_FRAME = 0.4  # of a side; less than that inside a border is a small thing on a ground

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Fingerprint:
    """Some 1.2 KB that tell whether one photo is a copy of another.

    Attributes:
        grey: brightness of the whole photo stretched to a square, uint8, [32, 32].
        colour: Cb and Cr less 128, int8, [2, 8, 8].
        frame: left, top, right and bottom of what is inside a plain border, as fractions of the
            photo, float32, [4]; 0, 0, 1, 1 where there is no border.
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]
    frame: Array


def fingerprint(image: Image.Image) -> Fingerprint:
    """What is kept of a photo.

    Args:
        image: upright, RGB, of any size; a short side of 128 pixels suffices.
    """
    # Triangle windows: the same picture at another size gives nearly the same pixels.
    medium = image.resize((LOOKED_AT, LOOKED_AT), Image.Resampling.BILINEAR, reducing_gap=2.0)
    light, *chroma = medium.convert("YCbCr").split()
    cell = LOOKED_AT // SIDE
    grey = np.asarray(light, np.float32).reshape(SIDE, cell, SIDE, cell).mean((1, 3))
    cell = LOOKED_AT // COLOUR_SIDE
    colour = np.stack([np.asarray(band, np.float32) for band in chroma]) - 128
    colour = colour.reshape(2, COLOUR_SIDE, cell, COLOUR_SIDE, cell).mean((2, 4))
    return Fingerprint(
        np.rint(grey).astype(np.uint8),
        np.rint(colour).clip(-128, 127).astype(np.int8),
        _frame(np.asarray(medium, np.float32)),
    )


def _frame(pixels: Array) -> Array:
    """What is inside a plain border, of pixels [side, side, 3]."""
    top, bottom = _plain_lines(pixels), _plain_lines(pixels[::-1])
    if LOOKED_AT - top - bottom < SMALLEST_FRAME * LOOKED_AT:
        top = bottom = 0
    across = pixels[top : LOOKED_AT - bottom].swapaxes(0, 1)
    left, right = _plain_lines(across), _plain_lines(across[::-1])
    if LOOKED_AT - left - right < SMALLEST_FRAME * LOOKED_AT:
        left = right = 0
    edges = (left, top, LOOKED_AT - right, LOOKED_AT - bottom)
    return np.array(edges, np.float32) / np.float32(LOOKED_AT)


def _plain_lines(lines: Array) -> int:
    """How many lines from the first on have its one colour."""
    colour = np.median(lines[0], axis=0)
    differs = np.abs(lines - colour).max(-1).mean(-1) > PLAIN
    return int(differs.argmax()) if differs.any() else 0
