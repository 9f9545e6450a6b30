"""Rasterise bodies on the canvas of one picture; the body nearest to the viewer wins.

The camera looks along -z without perspective; x goes right, y up, and the picture spans -1 to 1.
"""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.textures import Array, noise

EMPTY_DEPTH = -9.0  # depth of a pixel that shows nothing
FAR_DEPTH = 9.0  # beyond all bodies


class Canvas:
    """Depth `z`, normal and linear RGB colour of each pixel.

    Fields are (side, side), vectors and colours (3, side, side).
    """

    def __init__(self, side: int, rng: np.random.Generator) -> None:
        self.side = side
        self.x: Array = ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)
        self.y: Array = -self.x
        self.z = np.full((side, side), EMPTY_DEPTH, np.float32)
        self.normal = np.zeros((3, side, side), np.float32)
        self.colour = np.zeros((3, side, side), np.float32)
        self.warp = (noise(rng, side, (7, 7), 2), noise(rng, side, (7, 7), 2))

    def positions(self, warp: float) -> tuple[Array, Array]:
        """Return x and y of the pixels as two fields, displaced by up to about `warp`."""
        shape = self.z.shape
        x, y = np.broadcast_to(self.x, shape), np.broadcast_to(self.y[:, None], shape)
        if warp:
            x, y = x + np.float32(warp) * self.warp[0], y + np.float32(warp) * self.warp[1]
        return x, y

    def paint(self, visible: "VisiblePixels", colour: Array) -> None:
        """Paint visible pixels in their colours (3, n)."""
        self.z.reshape(-1)[visible.pixels] = visible.z
        self.normal.reshape(3, -1)[:, visible.pixels] = visible.normal
        self.colour.reshape(3, -1)[:, visible.pixels] = colour


@dataclass(frozen=True)
class VisiblePixels:
    """The n pixels that show bodies, as indices into the flattened picture.

    `body` is the index of the body; `normal` (3, n) belongs to its front and `back` to its far
    side; `edge` is 1 on the edges of crystals; `grain`, 0 to 1, is the position from a crystal's
    base to its tip, from a ball's top to its rim or from a slice's middle to its rim.
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
    """B convex bodies in picture coordinates, with F faces in total.

    Faces are sorted by body and, within a body, faces towards the viewer come first: body b has
    the faces `starts[b]` to `starts[b + 1]`, the far ones from `back_starts[b]`. `normals` and
    `across`, the directions across striations, are (3, F); the depths of faces at a pixel are
    `depths` (F, 3) @ (1, x, y). A ball has two faces, one per side, with zero normals.
    """

    normals: Array
    depths: Array
    across: Array
    starts: list[int]
    back_starts: list[int]
    low: Array  # corners of the boxes around the bodies (B, 3)
    high: Array
    centres: Array
    sizes: Array
    is_ball: Array
    axes: Array  # an axis @ (point - centre) is 0 in the middle and 0.5 at the tip


@dataclass(frozen=True)
class Striation:
    """Striations on faces: depth, and for each body lines per half width and phase."""

    depth: float
    lines: Array
    phase: Array


@dataclass
class _Hits:
    """The nearest body at each pixel of the flattened picture; body -1 if there is none."""

    z: Array
    body: Array
    second_depth: Array  # depth of the second front face; near an edge almost that of the first
    far: Array
    face: Array
    far_face: Array

    def record(self, body: int, pixels: Array, *new_values: Array | float) -> None:
        self.body[pixels] = body
        fields = (self.z, self.second_depth, self.far, self.face, self.far_face)
        for field, values in zip(fields, new_values, strict=True):
            field[pixels] = values


def cast(
    canvas: Canvas, solids: Solids, warp: float, striation: Striation | None = None
) -> VisiblePixels:
    """Return the pixels where bodies hide what the canvas shows; their outlines are warped."""
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
            hit(hits, solids, body, (x[window], y[window]), _flat_indices(window, canvas.side))
    return _visible_pixels(hits, solids, (x, y), striation)


def _windows(solids: Solids, side: int, warp: float) -> list[tuple[slice, slice]]:
    """Return the rows and columns of the pixels that each body may cover."""
    half, reach = side / 2, 2 * warp
    left, right = (solids.low[:, 0] - reach + 1) * half - 1, (solids.high[:, 0] + reach + 1) * half
    top, foot = (1 - solids.high[:, 1] - reach) * half - 1, (1 - solids.low[:, 1] + reach) * half
    edges = np.stack((top, foot + 2, left, right + 2), 1)
    limits = np.clip(edges, 0, side).astype(int).tolist()
    return [(slice(top, foot), slice(left, right)) for top, foot, left, right in limits]


def _flat_indices(window: tuple[slice, slice], side: int) -> Array:
    """Return the indices of a window's pixels in the flattened picture, (rows, columns)."""
    rows, columns = window
    down = np.arange(rows.start * side, rows.stop * side, side)
    return down[:, None] + np.arange(columns.start, columns.stop)


def _hit_polyhedron(
    hits: _Hits, solids: Solids, body: int, xy: tuple[Array, Array], flat_indices: Array
) -> None:
    """Cast a polyhedron; its front is the minimum of the planes that face the viewer."""
    start, back_start, end = solids.starts[body], solids.back_starts[body], solids.starts[body + 1]
    front_count = back_start - start
    table = solids.depths[start:end, :, None, None]
    x, y = xy
    if x.strides[0] == 0:  # without warp, depth is the sum of a row term and a column term
        planes = (table[:, 0] + table[:, 1] * x[None, :1]) + table[:, 2] * y[None, :, :1]
    else:
        planes = table[:, 0] + table[:, 1] * x + table[:, 2] * y
    front, back = planes[:front_count].min(0, initial=FAR_DEPTH), planes[front_count:].max(0)
    where = np.flatnonzero((front > back) & (front > hits.z[flat_indices]))
    if not len(where):
        return
    front_planes, far = planes.reshape(len(planes), -1)[:, where], back.reshape(-1)[where]
    front_planes, back_planes = front_planes[:front_count], front_planes[front_count:]
    face = front_planes.argmin(0)
    front_planes[face, np.arange(len(where))] = FAR_DEPTH
    hits.record(
        body,
        flat_indices.reshape(-1)[where],
        *(
            front.reshape(-1)[where],
            front_planes.min(0),
            far,
            start + face,
            back_start + back_planes.argmax(0),
        ),
    )


def _hit_ball(
    hits: _Hits, solids: Solids, body: int, xy: tuple[Array, Array], flat_indices: Array
) -> None:
    centre, radius = solids.centres[body], solids.sizes[body]
    x, y = xy[0] - centre[0], xy[1] - centre[1]
    height = radius**2 - x * x - y * y
    rise = np.sqrt(np.maximum(height, 0))
    where = (height > 0) & (rise + centre[2] > hits.z[flat_indices])
    rise = rise[where]
    first = solids.starts[body]
    hits.record(
        body,
        flat_indices[where],
        *(centre[2] + rise, np.float32(FAR_DEPTH), centre[2] - rise, first, first + 1),
    )


def _visible_pixels(
    hits: _Hits, solids: Solids, xy: tuple[Array, Array], striation: Striation | None
) -> VisiblePixels:
    """Return the pixels that were hit, with their normals and other properties."""
    pixels = np.flatnonzero(hits.body >= 0)
    body, z = hits.body[pixels], hits.z[pixels]
    face, far_face, size = hits.face[pixels], hits.far_face[pixels], solids.sizes[body]
    points = np.stack((xy[0].reshape(-1)[pixels], xy[1].reshape(-1)[pixels], z))
    points -= solids.centres.T[:, body]
    normal, back = solids.normals[:, face], solids.normals[:, far_face]
    grain = 0.5 + (solids.axes.T[:, body] * points).sum(0)
    if solids.is_ball.any():
        out = points * (solids.is_ball / solids.sizes)[body].astype(np.float32)
        normal, back = normal + out, back + out * np.array([[1], [1], [-1]], np.float32)
        grain += 0.5 * solids.is_ball[body]
    if striation:
        across = solids.across[:, face]
        angle = (across * points).sum(0) * (2 * np.pi * striation.lines[body] / size)
        angle += striation.phase[body]
        ripple = np.sin(angle + 1.3 * np.sin(0.37 * angle)) + 0.6 * np.sin(2.33 * angle)
        normal = normal + across * (striation.depth * ripple)
    edge = np.exp((z - hits.second_depth[pixels]) / (0.05 * size))
    thickness = z - hits.far[pixels]
    return VisiblePixels(pixels, body, z, normal, back, thickness, edge, np.clip(grain, 0, 1))


def cast_slab(canvas: Canvas, frame: Array, centre: Array, outline: Array) -> VisiblePixels:
    """Return the pixels that show a flat disc, its outline warped by the field `outline`.

    The first two columns of `frame` (3, 3) span its plane; the third is its normal.
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
    return VisiblePixels(
        pixels, np.zeros(len(pixels), np.int16), z, normal, -normal, thickness, edge, grain
    )
