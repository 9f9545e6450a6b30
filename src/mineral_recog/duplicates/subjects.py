"""Find the subject of a photo: what differs from a plain ground, such as a stone on paper.

Photos of different stones on one ground agree nearly everywhere, so they are compared where they
show something else than ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RING = 0.03  # of a side; width of the edge of the photo that shows the ground
GROUND_TOLERANCES = 24.0, 12.0, 8.0  # levels; limits of pixels that the ground is fitted to
MIN_FITTED = 0.4  # share of the edge that the ground is fitted to
MIN_PLAIN = 0.6  # share of the edge that is plain ground within the last tolerance
SUBJECT_CONTRAST = 12.0  # levels; a subject differs more from the ground in one of the channels
MIN_SUBJECT = 0.002  # of the area; anything smaller is dust
MAX_SUBJECT = 0.9  # of the area; what reaches further is no subject on a ground
MAX_FILLED = 0.97  # share of the box that differs from the ground; more is a picture in a border


def _surface(side: int) -> Array:
    """Return what the brightness of a ground is made of, [side, side, 6]: up to quadratic terms."""
    line = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def subject_box(pixels: Array) -> Array | None:
    """Find the subject on a plain ground, which may become darker to the sides.

    Args:
        pixels: RGB, [side, side, 3].

    Returns:
        Left, top, right and bottom in fractions of a side, [4]; None if there is no plain
        ground, or nothing on it.
    """
    side = len(pixels)
    surface = _surface(side)
    ground = _ground(pixels, surface)
    if ground is None:
        return None
    differs = np.abs(pixels - ground).max(2) > SUBJECT_CONTRAST
    # Single pixels are noise.
    solid = differs[1:, 1:] & differs[:-1, 1:] & differs[1:, :-1] & differs[:-1, :-1]
    if solid.sum() < MIN_SUBJECT * side**2:
        return None
    (top, bottom), (left, right) = (np.flatnonzero(solid.any(k))[[0, -1]] for k in (1, 0))
    filled = solid[top : bottom + 1, left : right + 1]
    if filled.size > MAX_SUBJECT * side**2 or filled.mean() > MAX_FILLED:
        return None
    # One pixel of ground around it.
    box = np.array([left - 1, top - 1, right + 3, bottom + 3], np.float32)
    return (box.clip(0, side) / side).astype(np.float32)


def _ground(pixels: Array, surface: Array) -> Array | None:
    """Return the ground of each pixel, fitted to the edge; None if the edge is not plain."""
    width = max(1, round(RING * len(pixels)))
    ring = np.ones(pixels.shape[:2], bool)
    ring[width:-width, width:-width] = False
    colours, terms = pixels[ring], surface[ring]
    fitted = np.broadcast_to(np.median(colours, 0), colours.shape)
    factors = np.zeros((terms.shape[1], 3), np.float32)
    for tolerance in GROUND_TOLERANCES:
        near = np.abs(colours - fitted).max(1) < tolerance
        if near.mean() < MIN_FITTED:
            return None
        factors = np.linalg.lstsq(terms[near], colours[near], rcond=None)[0]
        fitted = terms @ factors
    plain = np.abs(colours - fitted).max(1) < GROUND_TOLERANCES[-1]
    if plain.mean() < MIN_PLAIN:
        return None
    ground: Array = surface @ factors
    return ground
