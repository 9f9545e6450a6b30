"""Finds where the specimen is in a photo, without a network: what differs from the photo's border.

A photographer leaves some ground around a specimen, so a specimen is what the border of the photo
does not show (the boundary prior of Wei et al., "Geodesic Saliency Using Background Priors", ECCV
2012). No model is needed, so that torch and an export propose the same region. How often it is
right: docs/identify.md, benchmarks/framing.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.identify.region import Region

Map = NDArray[np.float64]

LONG_SIDE = 64  # pixels of the small copy that is searched
BORDER = 2  # its outer rows and columns that count as border
ALIKE = 0.1  # share of the border that has to resemble a part of the ground
MIN_RANGE = 4.0  # of the differences, of 255; below, nothing stands out
MIN_SIDE = 0.15  # of a region, over the short side
MIN_PIXELS = 8  # of the short side of the small copy of a very long photo


def find_specimen(photo: Image.Image) -> Region | None:
    """Return the square of an RGB photo that differs most from the photo's border.

    Returns:
        None if nothing stands out, as in a photo of one colour.
    """
    difference = difference_from_border(photo)
    if difference.max() - difference.min() < MIN_RANGE:
        return None
    return _best_square(difference - _threshold(difference))


def difference_from_border(photo: Image.Image) -> Map:
    """Return how much each part of a photo differs from its border, [rows, columns].

    The difference is the mean distance to the tenth of the border that is most alike, in colour
    and roughness. A border that shows several grounds is then no difference, nor is a specimen that
    touches it.
    """
    looks = _looks(photo)
    is_border = np.ones(looks.shape[:2], dtype=bool)
    is_border[BORDER:-BORDER, BORDER:-BORDER] = False
    border, all_looks = looks[is_border], looks.reshape(-1, looks.shape[2])
    squared = (all_looks**2).sum(axis=1)[:, None] + (border**2).sum(axis=1)
    squared -= 2 * all_looks @ border.T
    nearest = max(1, int(ALIKE * len(border)))
    mean = np.partition(squared, nearest, axis=1)[:, :nearest].clip(min=0).mean(axis=1)
    return _blurred(np.sqrt(mean).reshape(looks.shape[:2]), 1)


def _looks(photo: Image.Image) -> Map:
    """Return lightness, two colours and roughness of each part of a photo, [rows, columns, 4]."""
    scale = LONG_SIDE / max(photo.size)
    width, height = (max(MIN_PIXELS, round(side * scale)) for side in photo.size)
    small = photo.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    values = np.asarray(small.convert("YCbCr"), dtype=np.float64)
    light = values[..., 0]
    variance = _blurred(light**2, 2) - _blurred(light, 2) ** 2
    colours = _blurred(values * (0.5, 1.0, 1.0), 1)  # shadows change lightness, not colour
    return np.dstack([colours, np.sqrt(variance.clip(min=0))])


def _blurred(values: Map, radius: int) -> Map:
    """Return the means over squares of 2 * radius + 1 positions, [rows, columns, ...]."""
    rest = [(0, 0)] * (values.ndim - 2)
    width = 2 * radius + 1
    sums = _sums(np.pad(values, [(radius, radius), (radius, radius), *rest], mode="reflect"), width)
    return sums / width**2


def _sums(values: Map, side: int) -> Map:
    """Return the sum over each square of a side, at its top left corner."""
    rest = [(0, 0)] * (values.ndim - 2)
    totals = np.pad(values.cumsum(axis=0).cumsum(axis=1), [(1, 0), (1, 0), *rest])
    sums: Map = totals[side:, side:] - totals[:-side, side:] - totals[side:, :-side]
    sums += totals[:-side, :-side]
    return sums


def _threshold(values: Map) -> float:
    """Return the value that best separates a map in two (Otsu, IEEE Trans. SMC, 1979)."""
    ordered = np.sort(values, axis=None)
    below = np.arange(1, len(ordered))
    above = len(ordered) - below
    sums = ordered.cumsum()
    low, high = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
    best = (below * above * (high - low) ** 2).argmax()
    return float((low[best] + high[best]) / 2)


def _best_square(excess: Map) -> Region:
    """Return the square with the largest sum of a map that is negative outside the specimen."""
    rows, columns = excess.shape
    short = min(rows, columns)
    found: list[tuple[float, Region]] = []
    for side in range(max(1, round(MIN_SIDE * short)), short + 1):
        sums = _sums(excess, side)
        top, left = divmod(int(sums.argmax()), sums.shape[1])
        region = Region(left / columns, top / rows, side / columns, side / rows)
        found.append((float(sums[top, left]), region))
    return max(found)[1]
