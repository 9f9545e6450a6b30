"""Compute the fingerprint of a photo: thumbnails with and without a border, and of the subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.duplicates.subjects import subject_box

SIDE = 32  # pixels of the grey thumbnail
COLOUR_SIDE = 8
BORDER_SIDE = 128  # pixels of the square in which borders are searched for
PLAIN = 5.0  # levels; limit of a plain line's spread and of its distance from the edge's colour
MIN_FRAME = 0.4  # of a side; a smaller area inside a border is a small object on a background

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """The subject of a photo with a plain ground, such as a stone on paper.

    Attributes:
        grey: Brightness of the subject stretched to a square, uint8, [32, 32].
        colour: Cb and Cr minus 128, int8, [2, 8, 8].
        boxes: Position of the subject in the complete photo, in the photo without its border, and
            in `grey`, in fractions of a side, float32, [3, 4].
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]
    boxes: Array


@dataclass(frozen=True)
class Fingerprint:
    """2.3 to 3.5 KB per photo that show whether one photo is a duplicate of another.

    Attributes:
        grey: Brightness of the photo stretched to a square, first complete, then without a plain
            border; both are equal if the photo has none; uint8, [2, 32, 32].
        colour: Cb and Cr minus 128 of the same two views, int8, [2, 2, 8, 8].
        subject: What is on the ground of the photo; None if it has no plain ground.
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]
    subject: Subject | None = None

    @property
    def has_border(self) -> bool:
        """Whether the photo has a plain border."""
        return bytes(self.grey[0]) != bytes(self.grey[1])

    def views(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int8], int]]:
        """Yield grey, colour and number of each view: 0 complete, 1 without border, 2 subject."""
        for k in range(1 + self.has_border):
            yield self.grey[k], self.colour[k], k
        if self.subject:
            yield self.subject.grey, self.subject.colour, 2


def fingerprint(image: Image.Image) -> Fingerprint:
    """Return the fingerprint of a photo.

    Args:
        image: Upright RGB image of any size; a short side of 128 pixels is enough.
    """
    # With triangle filters, a picture gives nearly the same pixels at any size.
    medium = image.resize((BORDER_SIDE, BORDER_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.asarray(medium, np.float32)
    full, frame = (0, 0, BORDER_SIDE, BORDER_SIDE), _frame(pixels)
    channels = medium.convert("YCbCr")
    grey, colour = _thumbnails(channels, full, Image.Resampling.BOX)
    inner = grey, colour
    if frame != full:
        inner = _thumbnails(channels, frame, Image.Resampling.BOX)
    boxes = _subject_boxes(medium, pixels, np.array(frame) / BORDER_SIDE)
    subject = None
    if boxes is not None:
        place = boxes[0] * BORDER_SIDE
        subject = Subject(*_thumbnails(channels, place, Image.Resampling.BILINEAR), boxes)
    return Fingerprint(np.stack([grey, inner[0]]), np.stack([colour, inner[1]]), subject)


def _subject_boxes(medium: Image.Image, pixels: Array, frame: NDArray[np.float64]) -> Array | None:
    """Return the `boxes` of a photo's subject, None if it has no plain ground.

    Args:
        medium: The photo, resized to a square.
        pixels: Its pixels.
        frame: Area without the border, in fractions of a side.
    """
    low, size = frame[[0, 1, 0, 1]], (frame[2:] - frame[:2])[[0, 1, 0, 1]]
    box: NDArray[np.floating] | None = None
    if size.min() < 1:  # the border may surround a photo that itself has a plain ground
        left, top, right, bottom = (frame * BORDER_SIDE).tolist()
        area = left, top, right, bottom
        inner = medium.resize(medium.size, Image.Resampling.BILINEAR, area)
        box = subject_box(np.asarray(inner, np.float32))
        box = None if box is None else low + box * size
    if box is None:
        box = subject_box(pixels)
    if box is None:
        return None
    return np.array([box, (box - low) / size, (0, 0, 1, 1)], np.float32)


def _thumbnails(
    channels: Image.Image, box: Iterable[float], resampling: Image.Resampling
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Return the grey and the colour thumbnail of a part of an image in YCbCr."""
    left, top, right, bottom = box
    part = channels.resize((SIDE, SIDE), resampling, (left, top, right, bottom))
    pixels = np.asarray(part)
    cell = SIDE // COLOUR_SIDE
    chroma = pixels[..., 1:].reshape(COLOUR_SIDE, cell, COLOUR_SIDE, cell, 2).mean((1, 3)) - 128
    return pixels[..., 0], np.rint(chroma).astype(np.int8).transpose(2, 0, 1)


def _frame(pixels: Array) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the area in a plain border of [side, side, 3]."""
    top, bottom, colour = _inner_lines(pixels)
    left, right, colour_across = _inner_lines(pixels[top:bottom].swapaxes(0, 1))
    has_bars = bottom - top < BORDER_SIDE and np.abs(colour - colour_across).max() >= PLAIN
    if has_bars:  # above and below a photo that itself has a plain background
        left, right = 0, BORDER_SIDE
    return left, top, right, bottom


def _inner_lines(lines: Array) -> tuple[int, int, Array]:
    """Return start and end of the lines inside the plain outer lines, and the outer colour."""
    mean = lines.mean(1)
    variance = np.einsum("lpc,lpc->lc", lines, lines) / lines.shape[1] - mean**2
    plain = variance.max(1) < PLAIN**2
    first = _leading_count(plain & (np.abs(mean - mean[0]).max(1) < PLAIN))
    end = len(lines) - _leading_count((plain & (np.abs(mean - mean[-1]).max(1) < PLAIN))[::-1])
    colour = mean[0] if first else mean[-1]
    # The line next to a border contains some of its colour.
    first, end = first + (first > 0), end - (end < len(lines))
    if end - first < MIN_FRAME * len(lines):
        return 0, len(lines), colour
    return first, end, colour


def _leading_count(flags: NDArray[np.bool_]) -> int:
    """Return the number of true values before the first false value."""
    return len(flags) if flags.all() else int(flags.argmin())
