"""What is drawn within minerals: bands, play of colour, tarnish and the like.

Pictures here are the n pixels of a mineral, colours (3, n), fields (n,).
"""

import colorsys

import numpy as np

from mineral_recog.synthetic.colours import linear
from mineral_recog.synthetic.raster import Canvas, Seen
from mineral_recog.synthetic.species import Variety
from mineral_recog.synthetic.textures import Array, noise, smoothstep


def patterned(
    colour: Array, canvas: Canvas, seen: Seen, variety: Variety, rng: np.random.Generator
) -> Array:
    """The colour of a mineral's pixels with its variety's pattern drawn on it."""

    def field(cells: float, octaves: int) -> Array:
        drawn = noise(rng, canvas.side, (cells, cells), octaves)
        return np.asarray(drawn.reshape(-1)[seen.pixels])

    cloud = field(3, 4)
    match variety.pattern:
        case "bands":
            grain = seen.grain + 0.09 * field(3, 4)
            drawn = _bands(rng, np.clip(grain, 0, 0.999), variety.colours)
        case "play":
            twist = 0.08 * field(9, 1)
            rows, columns = np.divmod(seen.pixels, canvas.side)
            at = np.stack((canvas.x[columns] + twist, 0.7 * twist - canvas.y[rows]), 1)
            drawn = colour + _play_of_colour(rng, at) * smoothstep(-1.6, 0.0, cloud)
        case "iridescence":
            drawn = _mixed(colour, _iridescence(field(4, 3)), smoothstep(-1.2, 0.4, cloud))
        case "verdigris":
            drawn = _mixed(colour, linear("#4ca88c")[:, None], smoothstep(0.0, 0.7, cloud))
        case "patches":
            drawn = _mixed(colour, linear("#1f8a5a")[:, None], smoothstep(0.2, 0.35, cloud))
        case "rings":
            rings = np.sin(22 * seen.grain + 3 * cloud)
            drawn = colour * (1 + 0.32 * rings + 0.1 * cloud)
        case "veils":
            drawn = colour * (1 + 0.14 * cloud) + 0.05
        case _:
            drawn = colour * (1 + 0.05 * cloud)
    return np.clip(drawn, 0.002, 0.98)


def _mixed(colour: Array, other: Array, share: Array) -> Array:
    return np.asarray(colour + (other - colour) * share)


def _bands(rng: np.random.Generator, field: Array, colours: tuple[str, ...]) -> Array:
    """Bands of irregular width and random colour along the values 0 to 1 of a field."""
    count = int(rng.integers(14, 26))
    edges = np.cumsum(rng.gamma(1.3, 1.0, count))
    # no band is of its neighbour's colour
    stops = np.cumsum(rng.integers(1, len(colours), count)) % len(colours)
    palette = np.stack([linear(colours[stop]) for stop in stops])
    palette *= rng.uniform(0.75, 1.1, (count, 1)).astype(np.float32)
    samples = np.searchsorted(edges / edges[-1], np.linspace(0, 0.999, 512))
    table = palette[samples]
    # a little mixing of neighbours, as no band of a stone ends within a hair
    table = (np.roll(table, 2, 0) + 2 * np.roll(table, 1, 0) + 3 * table) / 6
    return np.asarray(table[(field * 511).astype(np.int32)].T)


def _play_of_colour(rng: np.random.Generator, at: Array) -> Array:
    """Patches of spectral colours with dark between, as in precious opal, at the points (n, 2)."""
    count = int(rng.integers(60, 140))
    seeds = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    nearest = (at @ (-2 * seeds.T) + (seeds * seeds).sum(1)).argmin(1)
    centre, width = rng.random(), rng.uniform(0.12, 0.45)
    hues = (centre + width * rng.standard_normal(count)) % 1
    flash = 1.3 * rng.random(count) ** 1.5
    spectrum = [colorsys.hsv_to_rgb(hue, 0.9, 1.0) for hue in hues]
    palette = np.array(spectrum, np.float32) ** 1.6 * flash[:, None].astype(np.float32)
    return np.asarray(palette[nearest].T)


def _iridescence(cloud: Array) -> Array:
    """Colours of the film on a tarnished sulphide, gold to purple and blue."""
    stops = [linear(c) for c in ("#d8a93c", "#c8643a", "#a8327c", "#5a3bb0", "#2f7ec4", "#3fb59a")]
    table = np.stack(stops, 1)
    place = np.clip(2.2 + 1.5 * cloud, 0, 4.99)
    low = place.astype(np.int32)
    return _mixed(table[:, low], table[:, low + 1], place - low)
