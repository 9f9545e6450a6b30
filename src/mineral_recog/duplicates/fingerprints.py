"""What is kept of a photo to find its copies: a thumbnail and where a plain border ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32  # of the grey thumbnail
COLOUR_SIDE = 8
LOOKED_AT = 128  # side at which borders are looked for
PLAIN = 5.0  # levels by which a plain line's pixels spread, and its colour differs from the edge's
SMALLEST_FRAME = 0.4  # of a side; less than that inside a border is a small thing on a ground

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Fingerprint:
    """Some 2.3 KB that tell whether one photo is a copy of another.

    Attributes:
        grey: brightness of the photo stretched to a square, whole and without a plain border;
            the same twice where it has none; uint8, [2, 32, 32].
        colour: of the same two, Cb and Cr less 128, int8, [2, 2, 8, 8].
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]

    @property
    def bordered(self) -> bool:
        """Whether a plain border was found."""
        return bytes(self.grey[0]) != bytes(self.grey[1])


def fingerprint(image: Image.Image) -> Fingerprint:
    """What is kept of a photo.

    Args:
        image: upright, RGB, of any size; a short side of 128 pixels suffices.
    """
    # Triangle windows: the same picture at another size gives nearly the same pixels.
    medium = image.resize((LOOKED_AT, LOOKED_AT), Image.Resampling.BILINEAR, reducing_gap=2.0)
    frame = _frame(np.asarray(medium, np.float32))
    grey, colour = _thumbnails(medium, (0, 0, LOOKED_AT, LOOKED_AT))
    inner_grey, inner_colour = grey, colour
    if frame != (0, 0, LOOKED_AT, LOOKED_AT):
        inner_grey, inner_colour = _thumbnails(medium, frame)
    return Fingerprint(np.stack([grey, inner_grey]), np.stack([colour, inner_colour]))


def _thumbnails(
    image: Image.Image, box: tuple[int, int, int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Grey and colour of a part of a picture."""
    part = image.convert("YCbCr").resize((SIDE, SIDE), Image.Resampling.BOX, box)
    pixels = np.asarray(part)
    cell = SIDE // COLOUR_SIDE
    chroma = pixels[..., 1:].reshape(COLOUR_SIDE, cell, COLOUR_SIDE, cell, 2).mean((1, 3)) - 128
    return pixels[..., 0], np.rint(chroma).astype(np.int8).transpose(2, 0, 1)


def _frame(pixels: Array) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is inside a plain border, of pixels [side, side, 3]."""
    top, bottom, colour = _inside(pixels)
    left, right, colour_across = _inside(pixels[top:bottom].swapaxes(0, 1))
    bars = bottom - top < LOOKED_AT and np.abs(colour - colour_across).max() >= PLAIN
    if bars:  # above and below a photo that has a plain ground of its own
        left, right = 0, LOOKED_AT
    return left, top, right, bottom


def _inside(lines: Array) -> tuple[int, int, Array]:
    """First and end of the lines between those of the colour of the outermost; that colour."""
    mean = lines.mean(1)
    variance = np.einsum("lpc,lpc->lc", lines, lines) / lines.shape[1] - mean**2
    plain = variance.max(1) < PLAIN**2
    first = _run(plain & (np.abs(mean - mean[0]).max(1) < PLAIN))
    end = len(lines) - _run((plain & (np.abs(mean - mean[-1]).max(1) < PLAIN))[::-1])
    colour = mean[0] if first else mean[-1]
    # The line next to a border holds some of it.
    first, end = first + (first > 0), end - (end < len(lines))
    if end - first < SMALLEST_FRAME * len(lines):
        return 0, len(lines), colour
    return first, end, colour


def _run(true: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(true) if true.all() else int(true.argmin())
