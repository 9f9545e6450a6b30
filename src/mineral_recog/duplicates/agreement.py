"""Measure how well two thumbnails agree once one is aligned with the other.

The outline of a stone on a plain background makes up most of the contrast of a photo but proves
little: two stones with the same outline differ inside it. Agreement is therefore measured locally,
around each pixel, on fine detail.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mineral_recog.duplicates.fingerprints import SIDE, Array

# Gaussian sigmas in pixels; detail is larger than the first and smaller than the second.
COARSE_BAND, FINE_BAND = (1.0, 5.0), (0.7, 2.0)
STEPS = 5
MIN_CORRELATION = 0.68  # after the first step; set on half of the near-copies benchmark
GRID = 16  # points per axis on which thumbnails are aligned
MAX_SHIFT = 0.07  # of a side; how far an edge may move after the first step
WINDOW = 1.5  # Gaussian sigma in pixels of the neighbourhood that is compared
NOISE = 2.0  # grey levels of detail that carry no information
MIN_WEIGHT = 10.0  # pixels with detail; limits the effect of a few pixels that agree by chance
CHROMA_TOLERANCE = 4.0  # of Cb and Cr; difference allowed even where there is almost no colour

FULL_BOX = np.array([[0, 0, 1, 1]], np.float32)


# Gaussian blurs by their sigmas, as matrices that multiply columns of pixels.
_BLUR: dict[float, Array] = {
    sigma: gaussian_filter1d(np.eye(SIDE, dtype=np.float32), sigma, axis=0, mode="nearest")
    for sigma in (*COARSE_BAND, *FINE_BAND, WINDOW)
}


def _blurred(thumbnails: Array, sigma: float) -> Array:
    blurred: Array = _BLUR[sigma] @ thumbnails @ _BLUR[sigma].T
    return blurred


def _detail(thumbnails: Array, band: tuple[float, float]) -> Array:
    """Return thumbnails [N, 32, 32] without noise and without slow changes of brightness."""
    return _blurred(thumbnails, band[0]) - _blurred(thumbnails, band[1])


def agreement(thumbnails: Array, others: Array, boxes: Array) -> tuple[Array, Array]:
    """Measure how well parts of thumbnails agree with other thumbnails.

    Around each pixel, this is 1 minus the energy of the difference divided by the energy of the
    detail (the structure term of Wang et al., "Image quality assessment: from error visibility to
    structural similarity", 2004, for pictures of equal contrast), averaged over the pixels that
    have detail.

    Args:
        thumbnails: Grey levels, [N, 32, 32].
        others: Grey levels of the thumbnails to compare with, [N, 32, 32].
        boxes: Approximate position of each other thumbnail in the first one, [N, 4].

    Returns:
        The agreement, at most 1, [N], with -1 for pairs that clearly differ; and the boxes after
        alignment.
    """
    details = _detail(thumbnails, COARSE_BAND), _detail(others, COARSE_BAND)
    boxes, gain, correlation = _aligned(*details, boxes, 1)
    agree = np.full(len(boxes), -1, np.float32)
    likely = np.flatnonzero(correlation >= MIN_CORRELATION)  # rejects half of the non-duplicates
    if len(likely) == 0:
        return agree, boxes
    boxes[likely], gain, _ = _aligned(
        details[0][likely], details[1][likely], boxes[likely], STEPS - 1
    )
    part = gain[:, None, None] * resampled(
        _detail(thumbnails[likely], FINE_BAND), boxes[likely], SIDE
    )
    other = _detail(others[likely], FINE_BAND)
    energy = _blurred(part**2, WINDOW) + _blurred(other**2, WINDOW)
    similarity = 1 - _blurred((part - other) ** 2, WINDOW) / (energy + NOISE**2 / 2)
    weight = energy / (energy + 2 * NOISE**2)
    agree[likely] = (similarity * weight).sum((1, 2)) / (weight.sum((1, 2)) + MIN_WEIGHT)
    return agree, boxes


def colour_distance(colours: Array, others: Array, boxes: Array) -> Array:
    """Measure how much parts of thumbnails differ in colour from others, relative to their colour.

    Args:
        colours: Cb and Cr of the thumbnails, [N, 2, 8, 8].
        others: Cb and Cr of the thumbnails to compare with, [N, 2, 8, 8].
        boxes: Position of each other thumbnail in the first one, [N, 4].

    Returns:
        0 for colours that are equal up to their strength, about 1 for unrelated colours, [N].
    """
    part = resampled(colours, boxes[:, None], colours.shape[-1]).reshape(len(colours), -1)
    other = others.reshape(len(others), -1)
    strength = (part * other).sum(1) / ((part**2).sum(1) + 1)
    residual = strength.clip(0.6, 1.7)[:, None] * part - other
    return _rms_chroma(residual) / (CHROMA_TOLERANCE + _rms_chroma(other))


def _rms_chroma(colours: Array) -> Array:
    """Return the root of the mean of Cb squared plus Cr squared."""
    rms: Array = np.sqrt(2 * (colours**2).mean(1))
    return rms


def resampled(thumbnails: Array, boxes: Array, points: int) -> Array:
    """Return the parts of [..., side, side] in boxes [..., 4], as [..., points, points]."""
    side = thumbnails.shape[-1]
    vertical, horizontal = (
        _interpolation(boxes[..., k], boxes[..., k + 2], side, points) for k in (1, 0)
    )
    resampled: Array = vertical @ thumbnails @ horizontal.swapaxes(-1, -2)
    return resampled


def _interpolation(low: Array, high: Array, side: int, points: int) -> Array:
    """Return a matrix that interpolates a line of pixels linearly at points from low to high."""
    return (1 - np.abs(_offsets(low, high, side, points))).clip(0)


def _interpolation_and_slopes(low: Array, high: Array) -> Array:
    """Return the interpolation matrix and, below it, its derivatives, [N, 2 * GRID, SIDE]."""
    offsets = _offsets(low, high, SIDE, GRID)
    slopes = ((offsets > -1) & (offsets <= 0)).astype(np.float32)
    slopes -= (offsets > 0) & (offsets <= 1)
    return np.concatenate([(1 - np.abs(offsets)).clip(0), slopes], 1)


def _offsets(low: Array, high: Array, side: int, points: int) -> Array:
    """Return the signed distance in pixels of each point from each pixel, [..., points, side]."""
    position = (np.arange(points, dtype=np.float32) + 0.5) / points
    position = (low[..., None] + (high - low)[..., None] * position) * side - 0.5
    return position.clip(0, side - 1)[..., None] - np.arange(side, dtype=np.float32)


def _aligned(
    thumbnails: Array, others: Array, boxes: Array, steps: int
) -> tuple[Array, Array, Array]:
    """Find the boxes in thumbnails that best match other thumbnails.

    Takes Gauss-Newton steps on the four edges, a gain and an offset (Lucas and Kanade, "An
    iterative image registration technique", 1981). Robust weights reduce the influence of parts
    that do not fit, such as a watermark.

    Args:
        thumbnails: Detail, [N, 32, 32].
        others: Detail of the thumbnails to match, [N, 32, 32].
        boxes: Approximate position of each other thumbnail in the first one, [N, 4].
        steps: Number of steps.

    Returns:
        The boxes, the gains that give the thumbnails the strength of the others, and the
        correlations.
    """
    start, count = boxes, len(boxes)
    others = resampled(others, FULL_BOX, GRID).reshape(count, -1)
    gain = np.ones(count, np.float32)
    x = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
    y = x[:, None]
    slopes = np.ones((count, 6, GRID, GRID), np.float32)  # for each edge, gain and offset
    flat = slopes.reshape(count, 6, -1)
    for _ in range(steps):
        vertical, horizontal = (
            _interpolation_and_slopes(boxes[:, k], boxes[:, k + 2]) for k in (1, 0)
        )
        sampled = vertical @ thumbnails @ horizontal.transpose(0, 2, 1)
        scale = gain[:, None, None] * SIDE
        by_x, by_y = sampled[:, :GRID, GRID:] * scale, sampled[:, GRID:, :GRID] * scale
        slopes[:, 0], slopes[:, 2] = by_x * (1 - x), by_x * x
        slopes[:, 1], slopes[:, 3] = by_y * (1 - y), by_y * y
        slopes[:, 4] = sampled[:, :GRID, :GRID]
        residual = others - gain[:, None] * flat[:, 4]
        typical = 1.5 * _median(np.abs(residual)) + 0.5
        weighted = flat / (1 + (residual / (2 * typical)) ** 2)[:, None]
        normal = weighted @ flat.transpose(0, 2, 1)
        damping = 1e-3 * (1 + np.einsum("nkk->n", normal) / 6)
        normal += np.eye(6, dtype=np.float32) * damping[:, None, None]
        step = np.linalg.solve(normal, weighted @ residual[..., None])[..., 0]
        boxes = (boxes + step[:, :4].clip(-0.04, 0.04)).clip(start - MAX_SHIFT, start + MAX_SHIFT)
        gain = (gain + step[:, 4]).clip(0.3, 3)
    sampled = resampled(thumbnails, boxes, GRID).reshape(count, -1)
    energy, other_energy = (sampled**2).mean(1) + 1e-6, (others**2).mean(1)
    correlation = (sampled * others).mean(1) / np.sqrt(energy * other_energy + 1e-6)
    return boxes, np.sqrt(other_energy / energy), correlation


def _median(rows: Array) -> Array:
    """Return the upper median of each row, [N, 1]; faster than numpy's median."""
    middle = rows.shape[1] // 2
    return np.partition(rows, middle, axis=1)[:, middle : middle + 1]
