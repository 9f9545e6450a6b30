"""The views of a photo under which a copy may show it: crops, borders taken off, and turns."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from mineral_recog.duplicates.fingerprints import SIDE, Array

FREQUENCIES = 8  # of the cosine transform, each way
_PARTS = ((0, 1), (0, 0.925), (0.075, 1), (0, 0.85), (0.15, 1), (0.075, 0.925))
CROPS = np.array([(a, c, b, d) for (c, d), (a, b) in product(_PARTS, _PARTS)], np.float32)

TURNS = tuple(product((False, True), (False, True), (False, True)))
"""The symmetries of the square: whether transposed, then upside down, then left to right."""


def _cosines(low: float, high: float) -> Array:
    """Integral over each pixel within [low, high] of each cosine, [8, 32]."""
    edges = np.arange(SIDE + 1) / SIDE
    place = (edges.clip(low, high) - low) / (high - low)
    waves = np.pi * np.arange(1, FREQUENCIES)[:, None]
    integral = np.concatenate([place[None], np.sin(waves * place) / waves])
    return np.diff(integral, axis=-1).astype(np.float32)


_COSINES = np.concatenate([_cosines(*part) for part in _PARTS])


def spectra(pictures: NDArray[np.uint8], cropped: bool) -> Array:
    """Low frequencies of pictures and of crops of them.

    The integral of brightness times cos(pi u x) cos(pi v y) over the crop, of which x and y are the
    coordinates from 0 to 1; pixels on the edge count with what of them is inside.

    Args:
        pictures: grey, [N, 32, 32].
        cropped: whether of all `CROPS`, else of the first, the whole pictures.

    Returns:
        [8, 8, CROPS, N] or [8, 8, 1, N], frequency down first.
    """
    cosines = _COSINES if cropped else _COSINES[:FREQUENCIES]
    parts, many = len(cosines) // FREQUENCIES, len(pictures)
    # Pictures last: two products do for all of them and all crops.
    pixels = np.ascontiguousarray(pictures.transpose(1, 2, 0)).astype(np.float32)
    down = (cosines @ pixels.reshape(SIDE, SIDE * many)).reshape(len(cosines), SIDE, many)
    both = (cosines @ down).reshape(parts, FREQUENCIES, parts, FREQUENCIES, many)
    by_frequency: Array = both.transpose(1, 3, 0, 2, 4)
    return by_frequency.reshape(FREQUENCIES, FREQUENCIES, parts**2, many)


def turned(pictures: Array, turns: NDArray[np.int64]) -> Array:
    """Pictures [N, ..., side, side] under a turn each, numbers into TURNS, [N]."""
    result = np.empty_like(pictures)
    for turn, (transposed, upside_down, left_right) in enumerate(TURNS):
        some = pictures[turns == turn]
        some = some.swapaxes(-1, -2) if transposed else some
        some = some[..., ::-1, :] if upside_down else some
        result[turns == turn] = some[..., ::-1] if left_right else some
    return result
