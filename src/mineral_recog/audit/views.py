"""The views of a photo under which a copy may show it: crops, borders taken off, and turns."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mineral_recog.audit.fingerprint import SIDE, Array

FREQUENCIES = 8  # of the cosine transform, each way
_PARTS = ((0, 1), (0, 0.925), (0.075, 1), (0, 0.85), (0.15, 1), (0.075, 0.925))
CROPS = np.array([(a, c, b, d) for (a, b), (c, d) in product(_PARTS, _PARTS)], np.float32)

TURNS = tuple(product((False, True), (False, True), (False, True)))
"""The symmetries of the square: whether transposed, then upside down, then left to right."""


def spectrum(grey: Array, box: Array) -> Array:
    """Low frequencies of a part of pictures.

    The integral of brightness times cos(pi u x) cos(pi v y) over the part, of which x and y are the
    coordinates from 0 to 1; pixels on the edge count with what of them is inside.

    Args:
        grey: pictures, [N, 32, 32].
        box: left, top, right and bottom of the part, as fractions, [4].

    Returns:
        [N, 8, 8], frequency down first.
    """
    across, down = _cosines(box[0], box[2]), _cosines(box[1], box[3])
    spectra: Array = down @ grey @ across.T
    return spectra


@lru_cache(maxsize=64)  # the crops are few, and looked at for every photo
def _cosines(low: float, high: float) -> Array:
    """Integral over each pixel within [low, high] of each cosine, [8, 32]."""
    edges = np.arange(SIDE + 1) / SIDE
    place = (edges.clip(low, high) - low) / (high - low)
    waves = np.pi * np.arange(1, FREQUENCIES)[:, None]
    integral = np.concatenate([place[None], np.sin(waves * place) / waves])
    return np.diff(integral, axis=-1).astype(np.float32)


def turned_spectrum(spectra: Array, turn: int) -> Array:
    """The spectrum of pictures that are turned: a mirror changes the sign of odd waves."""
    transposed, upside_down, left_right = TURNS[turn]
    odd = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float32)
    turned = spectra.swapaxes(-1, -2) if transposed else spectra
    turned = turned * odd[:, None] if upside_down else turned
    return turned * odd if left_right else turned


def turned(pictures: Array, turns: NDArray[np.int64]) -> Array:
    """Pictures [N, ..., side, side] under a turn each, numbers into TURNS, [N]."""
    result = np.empty_like(pictures)
    for turn, (transposed, upside_down, left_right) in enumerate(TURNS):
        some = pictures[turns == turn]
        some = some.swapaxes(-1, -2) if transposed else some
        some = some[..., ::-1, :] if upside_down else some
        result[turns == turn] = some[..., ::-1] if left_right else some
    return result
