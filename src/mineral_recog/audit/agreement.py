"""How well two pictures agree once one is laid over the other.

An outline on a plain ground is most of the contrast of a picture and says little: two stones of
the same outline differ within. So agreement is measured around each pixel, on fine detail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from mineral_recog.audit.fingerprint import SIDE, Array

BROAD, FINE = (1.0, 5.0), (0.7, 2.0)  # pixels: detail is larger than one and smaller than the other
STEPS = 5
FARTHEST = 0.07  # of a side, that an edge may move in aligning
AROUND = 1.5  # pixels within which pictures are compared
NOISE = 2.0  # grey levels of detail that say nothing
LEAST = 10.0  # pixels with detail, so that a few that agree by chance do not count for much
GREYISH = 4.0  # of Cb and Cr, that colours may differ by even where there is next to none

_PLACE = ((np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)


def _blur(size: float) -> Array:
    """A Gaussian as a matrix on lines of pixels."""
    lines: Array = gaussian_filter1d(np.eye(SIDE, dtype=np.float32), size, axis=0, mode="nearest")
    return lines


_BLUR = {size: _blur(size) for size in (*BROAD, *FINE, AROUND)}


def _blurred(pictures: Array, size: float) -> Array:
    blurred: Array = _BLUR[size] @ pictures @ _BLUR[size].T
    return blurred


def _detail(pictures: Array, sizes: tuple[float, float]) -> Array:
    """Pictures [N, 32, 32] without their noise and without their slow changes of brightness."""
    return _blurred(pictures, sizes[0]) - _blurred(pictures, sizes[1])


def agreement(pictures: Array, others: Array, boxes: Array) -> tuple[Array, Array]:
    """How well parts of pictures agree with others.

    Around each pixel, one less the energy of the difference as part of that of the detail (the
    structure term of Wang et al., "Image quality assessment: from error visibility to structural
    similarity", 2004, for pictures of equal contrast); averaged over the pixels with detail.

    Args:
        pictures: grey, [N, 32, 32].
        others: likewise.
        boxes: about where in the pictures the others may be, [N, 4].

    Returns:
        The agreement, up to 1, [N]; and the boxes after aligning.
    """
    boxes, gain = _aligned(_detail(pictures, BROAD), _detail(others, BROAD), boxes)
    part = gain[:, None, None] * _laid(_detail(pictures, FINE), boxes).value
    other = _detail(others, FINE)
    energy = _blurred(part**2, AROUND) + _blurred(other**2, AROUND)
    like = 1 - _blurred((part - other) ** 2, AROUND) / (energy + NOISE**2 / 2)
    weight = energy / (energy + 2 * NOISE**2)
    return (like * weight).sum((1, 2)) / (weight.sum((1, 2)) + LEAST), boxes


def colour_distance(colours: Array, others: Array, boxes: Array) -> Array:
    """How much parts of pictures differ in colour from others, as part of how colourful these are.

    Args:
        colours: Cb and Cr of pictures, [N, 2, 8, 8].
        others: likewise.
        boxes: where in the pictures the others are, [N, 4].

    Returns:
        0 for the same colours up to their strength, about 1 for unlike ones, [N].
    """
    part = np.stack([_laid(colours[:, k], boxes).value for k in (0, 1)], 1)
    part = part.reshape(len(colours), -1)
    other = others.reshape(len(others), -1)
    strength = (part * other).sum(1) / ((part**2).sum(1) + 1)
    rest = strength.clip(0.6, 1.7)[:, None] * part - other
    distance: Array = _size(rest) / (GREYISH + _size(other))
    return distance


def _size(colours: Array) -> Array:
    """Root of the mean of Cb squared plus Cr squared."""
    size: Array = np.sqrt(2 * (colours**2).mean(1))
    return size


@dataclass(frozen=True)
class _Laid:
    """Pictures laid out over others, [N, side, side], and how they change along x and y."""

    value: Array
    by_x: Array
    by_y: Array


def _laid(pictures: Array, boxes: Array) -> _Laid:
    """The parts of pictures [N, side, side] in boxes [N, 4], by linear interpolation."""
    side = pictures.shape[-1]
    rows, by_y = _lines(pictures, *_between(boxes[:, 1], boxes[:, 3], side))
    across = _between(boxes[:, 0], boxes[:, 2], side)
    value, by_x = _lines(np.ascontiguousarray(rows.transpose(0, 2, 1)), *across)
    by_y, _ = _lines(np.ascontiguousarray(by_y.transpose(0, 2, 1)), *across)
    return _Laid(value.transpose(0, 2, 1), by_x.transpose(0, 2, 1), by_y.transpose(0, 2, 1))


def _lines(pictures: Array, before: NDArray[np.int64], beyond: Array) -> tuple[Array, Array]:
    """Lines between those of pictures, and how they change from one to the next."""
    number = np.arange(len(pictures))[:, None]
    upper = pictures[number, before]
    change = pictures[number, before + 1] - upper
    return upper + change * beyond[:, :, None], change


def _between(low: Array, high: Array, side: int) -> tuple[NDArray[np.int64], Array]:
    """Pixels before places from low to high, and how far beyond them the places are, [N, side]."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    place = ((low[:, None] + (high - low)[:, None] * place) * side - 0.5).clip(0, side - 1)
    before = np.minimum(place.astype(np.int64), side - 2)
    return before, (place - before).astype(np.float32)


def _aligned(pictures: Array, others: Array, boxes: Array) -> tuple[Array, Array]:
    """Where in pictures is best shown what others show.

    Gauss-Newton steps on the four edges, a gain and an offset (Lucas and Kanade, "An iterative
    image registration technique", 1981), with weights that let go of what does not fit, such as a
    watermark.

    Args:
        pictures: detail, [N, 32, 32].
        others: likewise.
        boxes: about where in the pictures the others may be, [N, 4].

    Returns:
        The boxes, and the gains that make the pictures as strong as the others.
    """
    start, many = boxes, len(boxes)
    others = others.reshape(many, -1)
    gain = np.ones(many, np.float32)
    for _ in range(STEPS):
        laid = _laid(pictures, boxes)
        x, y, scale = _PLACE, _PLACE[:, None], gain[:, None, None] * SIDE
        by_x, by_y = laid.by_x * scale, laid.by_y * scale
        slopes = np.stack(
            [by_x * (1 - x), by_y * (1 - y), by_x * x, by_y * y, laid.value, np.ones_like(by_x)], 1
        ).reshape(many, 6, -1)
        rest = others - gain[:, None] * laid.value.reshape(many, -1)
        typical = 1.5 * np.median(np.abs(rest), axis=1, keepdims=True) + 0.5
        weighted = slopes / (1 + (rest / (2 * typical)) ** 2)[:, None]
        normal = weighted @ slopes.transpose(0, 2, 1)
        damping = 1e-3 * (1 + np.einsum("nkk->n", normal) / 6)
        normal += np.eye(6, dtype=np.float32) * damping[:, None, None]
        step = np.linalg.solve(normal, weighted @ rest[..., None])[..., 0]
        boxes = (boxes + step[:, :4].clip(-0.04, 0.04)).clip(start - FARTHEST, start + FARTHEST)
        gain = (gain + step[:, 4]).clip(0.3, 3)
    size = [(some**2).mean((-2, -1)) for some in (_laid(pictures, boxes).value, others[:, None])]
    return boxes, np.sqrt(size[1] / (size[0] + 1e-6))
