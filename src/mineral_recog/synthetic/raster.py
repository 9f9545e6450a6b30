"""The canvas of one picture and how bodies are cast on it, the nearest to the viewer winning.

The camera looks along -z without perspective; x goes right, y up, and the picture spans -1 to 1.
"""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.textures import Array, noise

NOTHING = -9.0  # the depth of a pixel where nothing is cast
FAR = 9.0  # beyond anything


class Canvas:
    """What each pixel shows: its depth `z`, its normal and its colour, in linear RGB.

    Fields are (side, side), vectors and colours (3, side, side).
    """

    def __init__(self, side: int, rng: np.random.Generator) -> None:
        self.side = side
        self.x: Array = ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)
        self.y: Array = -self.x
        self.z = np.full((side, side), NOTHING, np.float32)
        self.normal = np.zeros((3, side, side), np.float32)
        self.colour = np.zeros((3, side, side), np.float32)
        self.warp = (noise(rng, side, (7, 7), 2), noise(rng, side, (7, 7), 2))

    def positions(self, warp: float) -> tuple[Array, Array]:
        """x and y of the pixels, displaced by up to about `warp`: two fields."""
        shape = self.z.shape
        x, y = np.broadcast_to(self.x, shape), np.broadcast_to(self.y[:, None], shape)
        if warp:
            x, y = x + np.float32(warp) * self.warp[0], y + np.float32(warp) * self.warp[1]
        return x, y

    def lay(self, seen: "Seen", colour: Array) -> None:
        """Show what is seen, in its colour (3, n)."""
        self.z.reshape(-1)[seen.pixels] = seen.z
        self.normal.reshape(3, -1)[:, seen.pixels] = seen.normal
        self.colour.reshape(3, -1)[:, seen.pixels] = colour


@dataclass(frozen=True)
class Seen:
    """The n pixels where bodies are seen, by their places in the flattened picture.

    `body` is which body it is; `normal` (3, n) is that of its front and `back` that of its far
    side; `edge` is 1 on the edges of crystals; `grain`, 0 to 1, is the place from the crystal's
    foot to its tip, from a ball's top to its rim or from a slice's middle to its rim.
    """

    pixels: Array
    body: Array
    z: Array
    normal: Array
    back: Array
    thickness: Array
    edge: Array
    grain: Array


@dataclass(frozen=True)
class Solids:
    """B convex bodies before the camera, with F faces in all.

    Faces follow one another body by body and, within each, those that face the viewer come
    first: body b has the faces `starts[b]` to `starts[b + 1]`, its far ones from `middles[b]`.
    `normals` and `across`, the directions across lines, are (3, F); the faces' depths at a pixel
    are `depths` (F, 3) @ (1, x, y). A ball has two faces for its two sides, with normals of zero.
    """

    normals: Array
    depths: Array
    across: Array
    starts: list[int]
    middles: list[int]
    low: Array  # corners of the boxes around the bodies (B, 3)
    high: Array
    centres: Array
    sizes: Array
    is_ball: Array
    axes: Array  # an axis @ (point - centre) is 0 in the middle and 0.5 at the tip


@dataclass(frozen=True)
class Striation:
    """Lines on faces: how deep, how many to the half width of each body, and where each begins."""

    depth: float
    lines: Array
    phase: Array


@dataclass
class _Hits:
    """For each pixel of the flattened picture what is nearest there, body -1 where nothing is."""

    z: Array
    body: Array
    second: Array  # depth of the face that would be next, near an edge nearly as near
    far: Array
    face: Array
    far_face: Array

    def keep(self, number: int, pixels: Array, *found: Array | float) -> None:
        self.body[pixels] = number
        fields = (self.z, self.second, self.far, self.face, self.far_face)
        for field, values in zip(fields, found, strict=True):
            field[pixels] = values


def cast(canvas: Canvas, solids: Solids, warp: float, striation: Striation | None = None) -> Seen:
    """Where the bodies are seen before what the canvas shows already; their outlines warped."""
    shape = canvas.z.size
    x, y = canvas.positions(warp)
    hits = _Hits(
        canvas.z.flatten(),
        np.full(shape, -1, np.int16),
        *(np.zeros(shape, np.float32) for _ in range(2)),
        *(np.zeros(shape, np.int32) for _ in range(2)),
    )
    for body, window in enumerate(_windows(solids, canvas.side, warp)):
        rows, columns = window
        if rows.stop > rows.start and columns.stop > columns.start:
            hit = _hit_ball if solids.is_ball[body] else _hit_polyhedron
            hit(hits, solids, body, (x[window], y[window]), _places(window, canvas.side))
    return _resolved(hits, solids, (x, y), striation)


def _windows(solids: Solids, side: int, warp: float) -> list[tuple[slice, slice]]:
    """Rows and columns of the pixels that each body may cover."""
    half, reach = side / 2, 2 * warp
    left, right = (solids.low[:, 0] - reach + 1) * half - 1, (solids.high[:, 0] + reach + 1) * half
    top, foot = (1 - solids.high[:, 1] - reach) * half - 1, (1 - solids.low[:, 1] + reach) * half
    edges = np.stack((top, foot + 2, left, right + 2), 1)
    limits = np.clip(edges, 0, side).astype(int).tolist()
    return [(slice(top, foot), slice(left, right)) for top, foot, left, right in limits]


def _places(window: tuple[slice, slice], side: int) -> Array:
    """The places of a window's pixels in the flattened picture, (rows, columns)."""
    rows, columns = window
    down = np.arange(rows.start * side, rows.stop * side, side)
    return down[:, None] + np.arange(columns.start, columns.stop)


def _hit_polyhedron(
    hits: _Hits, solids: Solids, body: int, at: tuple[Array, Array], places: Array
) -> None:
    """Cast a polyhedron: its front is the lowest of the planes that face the viewer."""
    start, middle, end = solids.starts[body], solids.middles[body], solids.starts[body + 1]
    middle_here = middle - start
    table = solids.depths[start:end, :, None, None]
    x, y = at
    if x.strides[0] == 0:  # not warped: a plane's depth is that of its row and of its column
        planes = (table[:, 0] + table[:, 1] * x[None, :1]) + table[:, 2] * y[None, :, :1]
    else:
        planes = table[:, 0] + table[:, 1] * x + table[:, 2] * y
    front, back = planes[:middle_here].min(0, initial=FAR), planes[middle_here:].max(0)
    where = np.flatnonzero((front > back) & (front > hits.z[places]))
    if not len(where):
        return
    near, far = planes.reshape(len(planes), -1)[:, where], back.reshape(-1)[where]
    near, beyond = near[:middle_here], near[middle_here:]
    face = near.argmin(0)
    near[face, np.arange(len(where))] = FAR
    hits.keep(
        body,
        places.reshape(-1)[where],
        *(front.reshape(-1)[where], near.min(0), far, start + face, middle + beyond.argmax(0)),
    )


def _hit_ball(
    hits: _Hits, solids: Solids, body: int, at: tuple[Array, Array], places: Array
) -> None:
    centre, radius = solids.centres[body], solids.sizes[body]
    x, y = at[0] - centre[0], at[1] - centre[1]
    height = radius**2 - x * x - y * y
    rise = np.sqrt(np.maximum(height, 0))
    where = (height > 0) & (rise + centre[2] > hits.z[places])
    rise = rise[where]
    first = solids.starts[body]
    hits.keep(
        body,
        places[where],
        *(centre[2] + rise, np.float32(FAR), centre[2] - rise, first, first + 1),
    )


def _resolved(
    hits: _Hits, solids: Solids, at: tuple[Array, Array], striation: Striation | None
) -> Seen:
    """Normals and the like of the pixels that were hit."""
    pixels = np.flatnonzero(hits.body >= 0)
    body, z = hits.body[pixels], hits.z[pixels]
    face, far_face, size = hits.face[pixels], hits.far_face[pixels], solids.sizes[body]
    points = np.stack((at[0].reshape(-1)[pixels], at[1].reshape(-1)[pixels], z))
    points -= solids.centres.T[:, body]
    normal, back = solids.normals[:, face], solids.normals[:, far_face]
    grain = 0.5 + (solids.axes.T[:, body] * points).sum(0)
    if solids.is_ball.any():
        out = points * (solids.is_ball / solids.sizes)[body].astype(np.float32)
        normal, back = normal + out, back + out * np.array([[1], [1], [-1]], np.float32)
        grain += 0.5 * solids.is_ball[body]
    if striation:
        across = solids.across[:, face]
        place = (across * points).sum(0) * (2 * np.pi * striation.lines[body] / size)
        place += striation.phase[body]
        sway = np.sin(place + 1.3 * np.sin(0.37 * place)) + 0.6 * np.sin(2.33 * place)
        normal = normal + across * (striation.depth * sway)
    edge = np.exp((z - hits.second[pixels]) / (0.05 * size))
    thickness = z - hits.far[pixels]
    return Seen(pixels, body, z, normal, back, thickness, edge, np.clip(grain, 0, 1))


def cast_slab(canvas: Canvas, frame: Array, centre: Array, outline: Array) -> Seen:
    """Where a flat disc is seen whose plane two columns of `frame` (3, 3) span, third its normal.

    Its outline is warped by the field `outline`.
    """
    inverse = np.linalg.inv(frame[:2, :2])
    x, y = canvas.x[None, :] - centre[0], canvas.y[:, None] - centre[1]
    right, up = (inverse[row, 0] * x + inverse[row, 1] * y for row in (0, 1))
    radius = np.sqrt(right**2 + up**2) + outline
    z = centre[2] + frame[2, 0] * right + frame[2, 1] * up
    pixels = np.flatnonzero((radius < 1) & (z > canvas.z))
    radius, z = radius.reshape(-1)[pixels], z.reshape(-1)[pixels]
    unit = (frame[:, 2] / np.linalg.norm(frame[:, 2])).astype(np.float32)
    normal = np.repeat(unit[:, None], len(pixels), 1)
    thickness = np.full_like(z, 0.4)
    edge, grain = np.exp((radius - 1) / 0.012), np.clip(radius, 0, 1)
    return Seen(pixels, np.zeros(len(pixels), np.int16), z, normal, -normal, thickness, edge, grain)
