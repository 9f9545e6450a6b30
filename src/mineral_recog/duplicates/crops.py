"""The views of a photo that are compared: crops, the photo without its border, and turns."""

from __future__ import annotations

from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mineral_recog.duplicates.fingerprints import SIDE, Array

Pixel = TypeVar("Pixel", bound=np.generic)

FREQUENCIES = 8  # of the cosine transform, per axis
_SPANS = ((0, 1), (0, 0.925), (0.075, 1), (0, 0.85), (0.15, 1), (0.075, 0.925))
CROPS = np.array([(a, c, b, d) for (c, d), (a, b) in product(_SPANS, _SPANS)], np.float32)

TURNS = tuple(product((False, True), (False, True), (False, True)))
"""The 8 symmetries of the square: transpose, then flip upside down, then flip left to right."""


def _cosines(low: float, high: float) -> Array:
    """Return the integral of each cosine over the part of each pixel in [low, high], [8, 32]."""
    edges = np.arange(SIDE + 1) / SIDE
    position = (edges.clip(low, high) - low) / (high - low)
    waves = np.pi * np.arange(1, FREQUENCIES)[:, None]
    integral = np.concatenate([position[None], np.sin(waves * position) / waves])
    return np.diff(integral, axis=-1).astype(np.float32)


_COSINES = np.concatenate([_cosines(*span) for span in _SPANS])


def spectra(thumbnails: NDArray[np.uint8], cropped: bool) -> Array:
    """Return the low frequencies of thumbnails or of crops of them.

    This is the integral of brightness times cos(pi u x) cos(pi v y) over the crop, in which x and y
    run from 0 to 1. Pixels on the edge count with the part that lies inside.

    Args:
        thumbnails: Grey levels, [N, 32, 32].
        cropped: Whether to use all `CROPS`; otherwise only the first, the complete thumbnail.

    Returns:
        [8, 8, CROPS, N] or [8, 8, 1, N], vertical frequency first.
    """
    cosines = _COSINES if cropped else _COSINES[:FREQUENCIES]
    spans, count = len(cosines) // FREQUENCIES, len(thumbnails)
    # With the thumbnails last, two matrix products cover all thumbnails and all crops.
    pixels = np.ascontiguousarray(thumbnails.transpose(1, 2, 0)).astype(np.float32)
    vertical = (cosines @ pixels.reshape(SIDE, SIDE * count)).reshape(len(cosines), SIDE, count)
    products = (cosines @ vertical).reshape(spans, FREQUENCIES, spans, FREQUENCIES, count)
    by_frequency: Array = products.transpose(1, 3, 0, 2, 4)
    return by_frequency.reshape(FREQUENCIES, FREQUENCIES, spans**2, count)


def turned(thumbnails: NDArray[Pixel], turns: NDArray[np.int64]) -> NDArray[Pixel]:
    """Return thumbnails [N, ..., side, side], each under its turn: indices into TURNS, [N]."""
    result = np.empty_like(thumbnails)
    for turn, (transposed, upside_down, left_right) in enumerate(TURNS):
        selected = thumbnails[turns == turn]
        selected = selected.swapaxes(-1, -2) if transposed else selected
        selected = selected[..., ::-1, :] if upside_down else selected
        result[turns == turn] = selected[..., ::-1] if left_right else selected
    return result


def turned_boxes(boxes: Array, turns: NDArray[np.int64]) -> Array:
    """Return boxes [N, 4] in fractions of a side, each under its turn: indices into TURNS, [N]."""
    result = np.empty_like(boxes)
    for turn, (transposed, upside_down, left_right) in enumerate(TURNS):
        left, top, right, bottom = boxes[turns == turn].T
        if transposed:
            left, top, right, bottom = top, left, bottom, right
        if upside_down:
            top, bottom = 1 - bottom, 1 - top
        if left_right:
            left, right = 1 - right, 1 - left
        result[turns == turn] = np.stack([left, top, right, bottom], 1)
    return result
