"""Random fields and the patterns made of them, all in relative coordinates.

A field is made of a small random grid whose size doesn't depend on the picture's, and stretched to
the picture: the same seed at another size gives about the same field.
"""

import colorsys
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]  # float32 where it is a picture, float64 where it is geometry


def stretched(grid: Array, side: int) -> Array:
    """A grid (rows, columns) smoothly resampled to (side, side)."""
    picture = Image.fromarray(np.ascontiguousarray(grid, np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), np.float32)


def blurred(field: Array, radius: float) -> Array:
    """A field (side, side) smoothed over about `radius`, in units of half the picture's side."""
    small = max(2, min(field.shape[0], round(2 / radius)))
    shrunk = Image.fromarray(field).resize((small, small), Image.Resampling.BILINEAR)
    return stretched(np.asarray(shrunk, np.float32), field.shape[0])


def noise(
    rng: np.random.Generator, side: int, cells: tuple[float, float], octaves: int = 1
) -> Array:
    """Smooth noise (side, side), about normal with deviation 1, of `cells` (down, across).

    Each further octave has cells of half the size and a little over half the height.
    """
    total = np.zeros((side, side), np.float32)
    power = 0.0
    for octave in range(octaves):
        rows, columns = (max(2, round(count * 2**octave)) for count in cells)
        grid = rng.standard_normal((rows, columns), np.float32)
        total += 0.55**octave * stretched(grid, side)
        power += 0.3**octave
    return np.asarray(total / np.float32(0.75 * np.sqrt(power)))


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, a smooth ramp between."""
    ramp = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def slopes(height: Array) -> tuple[Array, Array]:
    """Derivatives of a field to the right and up, per half side of the picture."""
    step = 2 / height.shape[0]
    down, right = np.gradient(height, step)
    return right.astype(np.float32), -down.astype(np.float32)


def linear(colour: str) -> Array:
    """The linear RGB (3,) of a colour like #aabbcc, which is in sRGB."""
    coded = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return np.asarray(light, np.float32)


def between(colours: tuple[str, ...], rng: np.random.Generator) -> Array:
    """A random colour, linear RGB (3,), on the way between two neighbours of a list."""
    if len(colours) == 1:
        return linear(colours[0])
    start = int(rng.integers(len(colours) - 1))
    share = np.float32(rng.random())
    return np.asarray(linear(colours[start]) * (1 - share) + linear(colours[start + 1]) * share)


def bands(rng: np.random.Generator, field: Array, colours: tuple[str, ...]) -> Array:
    """Bands of irregular width and random colour along the values 0 to 1 of a field: (3, ...)."""
    count = int(rng.integers(14, 26))
    edges = np.cumsum(rng.gamma(1.3, 1.0, count))
    palette = np.stack([between(colours, rng) for _ in range(count)])
    palette *= rng.uniform(0.75, 1.1, (count, 1)).astype(np.float32)
    samples = np.searchsorted(edges / edges[-1], np.linspace(0, 0.999, 512))
    table = palette[samples]
    # a little mixing of neighbours, as no band of a stone ends within a hair
    table = (np.roll(table, 2, 0) + 2 * np.roll(table, 1, 0) + 3 * table) / 6
    place = np.clip(field * 511, 0, 511).astype(np.int32)
    return np.asarray(np.moveaxis(table[place], -1, 0), np.float32)


def play_of_colour(rng: np.random.Generator, side: int) -> Array:
    """Patches of spectral colours with dark between, as in precious opal: (3, side, side)."""
    count = int(rng.integers(60, 140))
    seeds = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    axis = (np.arange(side, dtype=np.float32) + 0.5) * 2 / side - 1
    twist = 0.08 * noise(rng, side, (9, 9))
    x, y = axis[None, :] + twist, axis[:, None] + 0.7 * twist
    nearest = np.full((side, side), np.inf, np.float32)
    cell = np.zeros((side, side), np.int16)
    for number, (left, top) in enumerate(seeds):
        distance = (x - left) ** 2 + (y - top) ** 2
        cell[distance < nearest] = number
        np.minimum(nearest, distance, out=nearest)
    centre, width = rng.random(), rng.uniform(0.12, 0.45)
    hues = (centre + width * rng.standard_normal(count)) % 1
    flash = 1.3 * rng.random(count) ** 1.5
    spectrum = [colorsys.hsv_to_rgb(hue, 0.9, 1.0) for hue in hues]
    palette = np.array(spectrum, np.float32) ** 1.6 * flash[:, None].astype(np.float32)
    return np.moveaxis(palette[cell], -1, 0).astype(np.float32)


def iridescence(rng: np.random.Generator, side: int) -> Array:
    """Colours of the film on a tarnished sulphide, gold to purple and blue: (3, side, side)."""
    stops = [linear(c) for c in ("#d8a93c", "#c8643a", "#a8327c", "#5a3bb0", "#2f7ec4", "#3fb59a")]
    table = np.stack(stops)
    place = np.clip(2.2 + 1.5 * noise(rng, side, (4, 4), 3), 0, 4.99)
    low = place.astype(np.int32)
    share = (place - low)[..., None]
    return np.moveaxis(table[low] * (1 - share) + table[low + 1] * share, -1, 0).astype(np.float32)
