"""Find the subject of a photo: what differs from a plain ground, such as a stone on paper.

Photos of different stones on one ground agree nearly everywhere, so they are compared where they
show something else than ground.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RING = 0.03  # of a side; width of the edge of the photo that shows the ground
GROUND_TOLERANCES = 24.0, 12.0, 8.0  # levels; limits of pixels that the ground is fitted to
DAMPING = 1e-2  # added to sums over the edge, so that a fit to a part of it stays finite
MIN_FITTED = 0.4  # share of the edge that the ground is fitted to
MIN_PLAIN = 0.6  # share of the edge that is plain ground within the last tolerance
SUBJECT_CONTRAST = 12.0  # levels; a subject differs more from the ground in one of the channels
MIN_SUBJECT = 0.002  # of the area; anything smaller is dust
MAX_SUBJECT = 0.8  # of the area; what reaches further is no subject on a ground
MAX_FILLED = 0.97  # share of the box that differs from the ground; more is a picture in a border


@cache
def _surface(side: int) -> tuple[Array, NDArray[np.bool_]]:
    """Return what the brightness of a ground is made of, and which pixels are on the edge.

    Returns:
        Terms up to the quadratic ones, [side * side, 6]; [side * side].
    """
    line = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)
    return terms, np.maximum(np.abs(x), np.abs(y)) > 1 - 2 * RING


def subject_box(pixels: Array) -> Array | None:
    """Find the subject on a plain ground, which may become darker to the sides.

    Args:
        pixels: RGB, [side, side, 3].

    Returns:
        Left, top, right and bottom in fractions of a side, [4]; None if there is no plain
        ground, or nothing on it.
    """
    side = len(pixels)
    terms, is_edge = _surface(side)
    flat = pixels.reshape(-1, 3)
    factors = _ground(flat[is_edge], terms[is_edge])
    if factors is None:
        return None
    # The edge counts as ground: it may hold a rest of a border.
    differs = ~is_edge & (_largest(flat - terms @ factors) > SUBJECT_CONTRAST)
    differs = differs.reshape(side, side)
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


def _ground(colours: Array, terms: Array) -> Array | None:
    """Fit the ground to the edge; None if the edge is not plain.

    Args:
        colours: RGB of the edge, [E, 3].
        terms: Terms of the edge, [E, 6].

    Returns:
        The factors of the terms, [6, 3].
    """
    difference: Array = colours - np.median(colours, 0).astype(np.float32)
    factors = np.zeros((terms.shape[1], 3), np.float32)
    for tolerance in GROUND_TOLERANCES:
        near = _largest(difference) < tolerance
        if near.mean() < MIN_FITTED:
            return None
        fitted = terms[near]
        normal = fitted.T @ fitted + DAMPING * np.eye(fitted.shape[1], dtype=np.float32)
        factors = np.linalg.solve(normal, fitted.T @ colours[near])
        difference = colours - terms @ factors
    plain = _largest(difference) < GROUND_TOLERANCES[-1]
    return factors if plain.mean() >= MIN_PLAIN else None


def _largest(difference: Array) -> Array:
    """Return the largest absolute difference of the three channels, [N]; faster than numpy's."""
    size = np.abs(difference)
    largest: Array = np.maximum(np.maximum(size[:, 0], size[:, 1]), size[:, 2])
    return largest
