"""How well two pictures agree once one is laid over the other.

An outline on a plain ground is most of the contrast of a picture and says little: two stones of
the same outline differ within. So agreement is measured around each pixel, on fine detail.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mineral_recog.duplicates.fingerprints import SIDE, Array

BROAD, FINE = (1.0, 5.0), (0.7, 2.0)  # pixels: detail is larger than one and smaller than the other
STEPS = 5
LIKELY = 0.68  # correlation after the first step; set on half of the near-copies benchmark
POINTS = 16  # each way, that pictures are aligned by
FARTHEST = 0.07  # of a side, that an edge may move after the first step
AROUND = 1.5  # pixels within which pictures are compared
NOISE = 2.0  # grey levels of detail that say nothing
LEAST = 10.0  # pixels with detail, so that a few that agree by chance do not count for much
GREYISH = 4.0  # of Cb and Cr, that colours may differ by even where there is next to none

_WHOLE = np.array([[0, 0, 1, 1]], np.float32)


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
        The agreement, up to 1, [N], -1 for those that are far from it; and the boxes after
        aligning.
    """
    details = _detail(pictures, BROAD), _detail(others, BROAD)
    boxes, gain, correlation = _aligned(*details, boxes, 1)
    agree = np.full(len(boxes), -1, np.float32)
    some = np.flatnonzero(correlation >= LIKELY)  # half of what is no copy is told here
    if len(some) == 0:
        return agree, boxes
    boxes[some], gain, _ = _aligned(details[0][some], details[1][some], boxes[some], STEPS - 1)
    part = gain[:, None, None] * _laid(_detail(pictures[some], FINE), boxes[some], SIDE)
    other = _detail(others[some], FINE)
    energy = _blurred(part**2, AROUND) + _blurred(other**2, AROUND)
    like = 1 - _blurred((part - other) ** 2, AROUND) / (energy + NOISE**2 / 2)
    weight = energy / (energy + 2 * NOISE**2)
    agree[some] = (like * weight).sum((1, 2)) / (weight.sum((1, 2)) + LEAST)
    return agree, boxes


def colour_distance(colours: Array, others: Array, boxes: Array) -> Array:
    """How much parts of pictures differ in colour from others, as part of how colourful these are.

    Args:
        colours: Cb and Cr of pictures, [N, 2, 8, 8].
        others: likewise.
        boxes: where in the pictures the others are, [N, 4].

    Returns:
        0 for the same colours up to their strength, about 1 for unlike ones, [N].
    """
    part = _laid(colours, boxes[:, None], colours.shape[-1]).reshape(len(colours), -1)
    other = others.reshape(len(others), -1)
    strength = (part * other).sum(1) / ((part**2).sum(1) + 1)
    rest = strength.clip(0.6, 1.7)[:, None] * part - other
    distance: Array = _size(rest) / (GREYISH + _size(other))
    return distance


def _size(colours: Array) -> Array:
    """Root of the mean of Cb squared plus Cr squared."""
    size: Array = np.sqrt(2 * (colours**2).mean(1))
    return size


def _laid(pictures: Array, boxes: Array, points: int) -> Array:
    """The parts of pictures [..., side, side] in boxes [..., 4], as [..., points, points]."""
    side = pictures.shape[-1]
    down, across = (_lines(boxes[..., k], boxes[..., k + 2], side, points) for k in (1, 0))
    laid: Array = down @ pictures @ across.swapaxes(-1, -2)
    return laid


def _lines(low: Array, high: Array, side: int, points: int) -> Array:
    """A matrix on lines of pixels, that interpolates linearly at points from low to high."""
    return (1 - np.abs(_beyond(low, high, side, points))).clip(0)


def _lines_and_slopes(low: Array, high: Array) -> Array:
    """The same, and below it one that gives how the lines change there, [N, 2 * POINTS, SIDE]."""
    beyond = _beyond(low, high, SIDE, POINTS)
    slopes = ((beyond > -1) & (beyond <= 0)).astype(np.float32)
    slopes -= (beyond > 0) & (beyond <= 1)
    return np.concatenate([(1 - np.abs(beyond)).clip(0), slopes], 1)


def _beyond(low: Array, high: Array, side: int, points: int) -> Array:
    """How many pixels each point is beyond each pixel, [..., points, side]."""
    place = (np.arange(points, dtype=np.float32) + 0.5) / points
    place = (low[..., None] + (high - low)[..., None] * place) * side - 0.5
    beyond: Array = place.clip(0, side - 1)[..., None] - np.arange(side, dtype=np.float32)
    return beyond


def _aligned(
    pictures: Array, others: Array, boxes: Array, steps: int
) -> tuple[Array, Array, Array]:
    """Where in pictures is best shown what others show.

    Gauss-Newton steps on the four edges, a gain and an offset (Lucas and Kanade, "An iterative
    image registration technique", 1981), with weights that let go of what does not fit, such as a
    watermark.

    Args:
        pictures: detail, [N, 32, 32].
        others: likewise.
        boxes: about where in the pictures the others may be, [N, 4].
        steps: to go.

    Returns:
        The boxes, the gains that make the pictures as strong as the others, and the correlations.
    """
    start, many = boxes, len(boxes)
    others = _laid(others, _WHOLE, POINTS).reshape(many, -1)
    gain = np.ones(many, np.float32)
    x = (np.arange(POINTS, dtype=np.float32) + 0.5) / POINTS
    y = x[:, None]
    slopes = np.ones((many, 6, POINTS, POINTS), np.float32)  # by each edge, gain and offset
    flat = slopes.reshape(many, 6, -1)
    for _ in range(steps):
        down, across = (_lines_and_slopes(boxes[:, k], boxes[:, k + 2]) for k in (1, 0))
        laid = down @ pictures @ across.transpose(0, 2, 1)
        scale = gain[:, None, None] * SIDE
        by_x, by_y = laid[:, :POINTS, POINTS:] * scale, laid[:, POINTS:, :POINTS] * scale
        slopes[:, 0], slopes[:, 2] = by_x * (1 - x), by_x * x
        slopes[:, 1], slopes[:, 3] = by_y * (1 - y), by_y * y
        slopes[:, 4] = laid[:, :POINTS, :POINTS]
        rest = others - gain[:, None] * flat[:, 4]
        typical = 1.5 * _median(np.abs(rest)) + 0.5
        weighted = flat / (1 + (rest / (2 * typical)) ** 2)[:, None]
        normal = weighted @ flat.transpose(0, 2, 1)
        damping = 1e-3 * (1 + np.einsum("nkk->n", normal) / 6)
        normal += np.eye(6, dtype=np.float32) * damping[:, None, None]
        step = np.linalg.solve(normal, weighted @ rest[..., None])[..., 0]
        boxes = (boxes + step[:, :4].clip(-0.04, 0.04)).clip(start - FARTHEST, start + FARTHEST)
        gain = (gain + step[:, 4]).clip(0.3, 3)
    laid = _laid(pictures, boxes, POINTS).reshape(many, -1)
    size, other_size = (laid**2).mean(1) + 1e-6, (others**2).mean(1)
    correlation = (laid * others).mean(1) / np.sqrt(size * other_size + 1e-6)
    return boxes, np.sqrt(other_size / size), correlation


def _median(rows: Array) -> Array:
    """The upper one of the two in the middle of each row, [N, 1]; faster than numpy's."""
    middle = rows.shape[1] // 2
    median: Array = np.partition(rows, middle, axis=1)[:, middle : middle + 1]
    return median
