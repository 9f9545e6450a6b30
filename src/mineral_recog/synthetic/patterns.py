"""Draw patterns on minerals: bands, play of colour, tarnish and others.

Only the n pixels of a mineral are processed: colours are (3, n), fields (n,).
"""

import colorsys

import numpy as np

from mineral_recog.synthetic.colours import linear_rgb
from mineral_recog.synthetic.raster import Canvas, VisiblePixels
from mineral_recog.synthetic.species import Variety
from mineral_recog.synthetic.textures import Array, noise, smoothstep


def add_pattern(
    colour: Array,
    canvas: Canvas,
    visible: VisiblePixels,
    variety: Variety,
    rng: np.random.Generator,
) -> Array:
    """Return the colours of a mineral's pixels with the variety's pattern."""

    def field(cells: float, octaves: int) -> Array:
        drawn = noise(rng, canvas.side, (cells, cells), octaves)
        return np.asarray(drawn.reshape(-1)[visible.pixels])

    cloud = field(3, 4)
    match variety.pattern:
        case "bands":
            grain = visible.grain + 0.09 * field(3, 4)
            drawn = _bands(rng, np.clip(grain, 0, 0.999), variety.colours)
        case "play":
            twist = 0.08 * field(9, 1)
            rows, columns = np.divmod(visible.pixels, canvas.side)
            points = np.stack((canvas.x[columns] + twist, 0.7 * twist - canvas.y[rows]), 1)
            drawn = colour + _play_of_colour(rng, points) * smoothstep(-1.6, 0.0, cloud)
        case "iridescence":
            drawn = _blend(colour, _iridescence(field(4, 3)), smoothstep(-1.2, 0.4, cloud))
        case "verdigris":
            drawn = _blend(colour, linear_rgb("#4ca88c")[:, None], smoothstep(0.0, 0.7, cloud))
        case "patches":
            drawn = _blend(colour, linear_rgb("#1f8a5a")[:, None], smoothstep(0.2, 0.35, cloud))
        case "rings":
            rings = np.sin(22 * visible.grain + 3 * cloud)
            drawn = colour * (1 + 0.32 * rings + 0.1 * cloud)
        case "veils":
            drawn = colour * (1 + 0.14 * cloud) + 0.05
        case _:
            drawn = colour * (1 + 0.05 * cloud)
    return np.clip(drawn, 0.002, 0.98)


def _blend(colour: Array, other: Array, share: Array) -> Array:
    return np.asarray(colour + (other - colour) * share)


def _bands(rng: np.random.Generator, field: Array, colours: tuple[str, ...]) -> Array:
    """Return bands of irregular width and random colour along the values 0 to 1 of a field."""
    count = int(rng.integers(14, 26))
    edges = np.cumsum(rng.gamma(1.3, 1.0, count))
    # neighbouring bands differ in colour
    stops = np.cumsum(rng.integers(1, len(colours), count)) % len(colours)
    palette = np.stack([linear_rgb(colours[stop]) for stop in stops])
    palette *= rng.uniform(0.75, 1.1, (count, 1)).astype(np.float32)
    samples = np.searchsorted(edges / edges[-1], np.linspace(0, 0.999, 512))
    table = palette[samples]
    # blend neighbours a little: bands in stone have no perfectly sharp edges
    table = (np.roll(table, 2, 0) + 2 * np.roll(table, 1, 0) + 3 * table) / 6
    return np.asarray(table[(field * 511).astype(np.int32)].T)


def _play_of_colour(rng: np.random.Generator, points: Array) -> Array:
    """Return the colours of precious opal at points (n, 2): spectral patches with dark between."""
    count = int(rng.integers(60, 140))
    seeds = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    nearest = (points @ (-2 * seeds.T) + (seeds * seeds).sum(1)).argmin(1)
    centre, width = rng.random(), rng.uniform(0.12, 0.45)
    hues = (centre + width * rng.standard_normal(count)) % 1
    flash = 1.3 * rng.random(count) ** 1.5
    spectrum = [colorsys.hsv_to_rgb(hue, 0.9, 1.0) for hue in hues]
    palette = np.array(spectrum, np.float32) ** 1.6 * flash[:, None].astype(np.float32)
    return np.asarray(palette[nearest].T)


def _iridescence(cloud: Array) -> Array:
    """Return the colours of a tarnish film on a sulphide, from gold to purple and blue."""
    stops = [
        linear_rgb(c) for c in ("#d8a93c", "#c8643a", "#a8327c", "#5a3bb0", "#2f7ec4", "#3fb59a")
    ]
    table = np.stack(stops, 1)
    position = np.clip(2.2 + 1.5 * cloud, 0, 4.99)
    low = position.astype(np.int32)
    return _blend(table[:, low], table[:, low + 1], position - low)
