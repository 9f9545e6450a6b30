"""Create and process fields of numbers and vectors in relative coordinates.

A random field starts as a small grid whose size does not depend on the picture, and is resampled to
the picture: the same seed at another size gives about the same field.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]  # float32 for pictures, float64 for geometry


@lru_cache(maxsize=256)
def _weights(source: int, target: int, kernel: Image.Resampling) -> Array:
    """Return the matrix (target, source) that resamples a column as Pillow does."""
    column = Image.fromarray(np.eye(source, dtype=np.float32))
    return np.array(column.resize((source, target), kernel))


@lru_cache(maxsize=16)
def _smoothing(side: int, small: int) -> Array:
    """Return the matrix (side, side) that shrinks a column to `small` and enlarges it again."""
    shrink = _weights(side, small, Image.Resampling.BILINEAR)
    return np.asarray(_weights(small, side, Image.Resampling.BICUBIC) @ shrink)


def resampled(grid: Array, side: int) -> Array:
    """Return a grid (rows, columns) smoothly resampled to (side, side)."""
    down, across = (_weights(count, side, Image.Resampling.BICUBIC) for count in grid.shape)
    return np.asarray(down @ grid @ across.T)


def blurred(field: Array, radius: float) -> Array:
    """Return a field (side, side) blurred by about `radius`, in half sides of the picture."""
    side = len(field)
    matrix = _smoothing(side, max(2, min(side, round(2 / radius))))
    return np.asarray(matrix @ field @ matrix.T)


def noise(
    rng: np.random.Generator, side: int, cells: tuple[float, float], octaves: int = 1
) -> Array:
    """Return smooth noise (side, side) of `cells` (down, across), about standard normal.

    Each further octave has cells of half the size and a little over half the amplitude.
    """
    total = np.zeros((side, side), np.float32)
    power = 0.0
    for octave in range(octaves):
        rows, columns = (max(2, round(count * 2**octave)) for count in cells)
        grid = rng.standard_normal((rows, columns), np.float32)
        total += resampled(grid * np.float32(0.55**octave), side)
        power += 0.3**octave
    return np.asarray(total / np.float32(0.75 * np.sqrt(power)))


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Return 0 below `low`, 1 above `high` and a smooth ramp between."""
    ramp = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def slopes(height: Array) -> tuple[Array, Array]:
    """Return the derivatives of a field to the right and up, per half side of the picture."""
    side = len(height)
    padded = np.pad(height, 1, mode="reflect", reflect_type="odd")
    right = (padded[1:-1, 2:] - padded[1:-1, :-2]) * np.float32(side / 4)
    up = (padded[:-2, 1:-1] - padded[2:, 1:-1]) * np.float32(side / 4)
    return right, up


def dot(a: Array, b: Array) -> Array:
    """Return inner products along the first axis."""
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def normalised(field: Array) -> Array:
    """Return vectors along the first axis scaled to length 1."""
    return np.asarray(field / np.sqrt(dot(field, field)))
