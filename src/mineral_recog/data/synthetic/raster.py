"""The canvas of one picture and how bodies are painted on it, the nearest to the viewer winning.

The camera looks along -z without perspective; x goes right, y up, and the picture spans -1 to 1.
"""

from dataclasses import dataclass

import numpy as np

from mineral_recog.data.synthetic.textures import Array, noise

NOTHING = -9.0  # the depth of a pixel where nothing is painted


class Canvas:
    """What each pixel shows: depth, front and back normal, thickness, colour and material.

    Fields are (side, side), vectors and colours (3, side, side), colours in linear RGB;
    `layer` is the number of the material, 0 for the ground; `edge` is 1 on the edges of crystals;
    `grain` is the place within the stone, 0 to 1, which bands follow.
    """

    def __init__(self, side: int, rng: np.random.Generator) -> None:
        self.side = side
        self.x: Array = ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)
        self.y: Array = -self.x
        self.z = np.full((side, side), NOTHING, np.float32)
        self.normal = np.zeros((3, side, side), np.float32)
        self.back = np.zeros((3, side, side), np.float32)
        self.colour = np.zeros((3, side, side), np.float32)
        self.thickness = np.zeros((side, side), np.float32)
        self.edge = np.zeros((side, side), np.float32)
        self.grain = np.zeros((side, side), np.float32)
        self.layer = np.zeros((side, side), np.uint8)
        self.warp = (noise(rng, side, (7, 7), 2), noise(rng, side, (7, 7), 2))

    def window(self, low: Array, high: Array) -> tuple[slice, slice]:
        """Rows and columns that cover the points between two corners (x, y, ...)."""
        half = self.side / 2
        left, right = (
            int(np.clip((v + 1) * half + o, 0, self.side)) for v, o in ((low[0], -1), (high[0], 2))
        )
        top, foot = (
            int(np.clip((1 - v) * half + o, 0, self.side)) for v, o in ((high[1], -1), (low[1], 2))
        )
        return slice(top, foot), slice(left, right)

    def positions(self, rows: slice, columns: slice, warp: float) -> tuple[Array, Array]:
        """x and y of the pixels of a window, displaced by up to about `warp`."""
        x, y = self.x[None, columns], self.y[rows, None]
        if warp:
            x = x + warp * self.warp[0][rows, columns]
            y = y + warp * self.warp[1][rows, columns]
        return x, y


@dataclass(frozen=True)
class Ink:
    """How a body is painted: colour (3,), colour of its tip (3,), material, lines and warp."""

    colour: Array
    tip: Array
    layer: int
    striation: float = 0.0
    lines: float = 5.0  # per half width of the crystal
    phase: float = 0.0
    warp: float = 0.0


@dataclass(frozen=True)
class Facets:
    """A polyhedron before the camera: planes, lines' directions, vertices, centre and size."""

    normals: Array
    offsets: Array
    across: Array
    corners: Array
    axis: Array  # gives -1 at the foot and 1 at the tip
    centre: Array
    size: float


def paint_polyhedron(canvas: Canvas, body: Facets, ink: Ink) -> None:
    """Paint a convex body: its front is the lowest of the planes that face the viewer."""
    rows, columns = canvas.window(body.corners.min(0) - ink.warp, body.corners.max(0) + ink.warp)
    x, y = canvas.positions(rows, columns, ink.warp)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    if 0 in shape:
        return
    front, second = np.full(shape, 9.0, np.float32), np.full(shape, 9.0, np.float32)
    back = np.full(shape, -9.0, np.float32)
    face, far_face = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for number, ((nx, ny, nz), offset) in enumerate(zip(body.normals, body.offsets, strict=True)):
        # a plane seen from its edge is as good as one seen a thousandth from it
        depth = nz if abs(nz) > 1e-3 else np.float32(1e-3)
        plane = (offset / depth - (nx / depth) * x) - (ny / depth) * y
        if depth > 0:
            np.minimum(second, np.maximum(front, plane), out=second)
            np.copyto(face, number, where=plane < front)
            np.minimum(front, plane, out=front)
        else:
            np.copyto(far_face, number, where=plane > back)
            np.maximum(back, plane, out=back)
    seen = (front > back) & (front > canvas.z[rows, columns])
    pixels = np.nonzero(seen)
    if not len(pixels[0]):
        return
    place = (pixels[0] + rows.start, pixels[1] + columns.start)
    z = front[pixels]
    points = np.stack(np.broadcast_arrays(x, y))[:, pixels[0], pixels[1]]
    points = np.concatenate((points, z[None])) - body.centre[:, None]
    canvas.z[place] = z
    canvas.thickness[place] = z - back[pixels]
    canvas.back[:, place[0], place[1]] = body.normals.T[:, far_face[pixels]]
    canvas.edge[place] = np.exp((z - second[pixels]) / (0.05 * body.size))
    canvas.layer[place] = ink.layer
    canvas.normal[:, place[0], place[1]] = _striated(points, face[pixels], body, ink)
    along = np.clip(0.5 + 0.5 * (body.axis @ points), 0, 1)
    canvas.grain[place] = along
    along = np.clip((along - 0.32) / 0.36, 0, 1)
    canvas.colour[:, place[0], place[1]] = (
        ink.colour[:, None] * (1 - along) + ink.tip[:, None] * along
    )


def _striated(points: Array, face: Array, body: Facets, ink: Ink) -> Array:
    """Normals (3, n) of the faces at the points, swaying across the lines of striated faces."""
    normals = body.normals.T[:, face]
    if not ink.striation:
        return np.asarray(normals)
    across = body.across.T[:, face]
    place = (across * points).sum(0) * (2 * np.pi * ink.lines / body.size) + ink.phase
    sway = np.sin(place + 1.3 * np.sin(0.37 * place)) + 0.6 * np.sin(2.33 * place)
    return np.asarray(normals + across * (ink.striation * sway), np.float32)


def paint_ball(canvas: Canvas, centre: Array, radius: float, ink: Ink) -> None:
    """Paint a ball at centre (3,)."""
    reach = radius + 2 * ink.warp
    rows, columns = canvas.window(centre - reach, centre + reach)
    x, y = canvas.positions(rows, columns, ink.warp)
    x, y = np.broadcast_arrays(x - centre[0], y - centre[1])
    height = radius**2 - x * x - y * y
    z = np.sqrt(np.maximum(height, 0)) + centre[2]
    pixels = np.nonzero((height > 0) & (z > canvas.z[rows, columns]))
    place = (pixels[0] + rows.start, pixels[1] + columns.start)
    rise = z[pixels] - centre[2]
    normal = np.stack((x[pixels], y[pixels], rise)) / np.float32(radius)
    canvas.z[place] = z[pixels]
    canvas.normal[:, place[0], place[1]] = normal
    canvas.back[:, place[0], place[1]] = normal * np.array([[1], [1], [-1]], np.float32)
    canvas.thickness[place] = 2 * rise
    canvas.edge[place] = 0
    canvas.layer[place] = ink.layer
    canvas.grain[place] = 1 - rise / radius
    canvas.colour[:, place[0], place[1]] = ink.colour[:, None]


def paint_slab(canvas: Canvas, frame: Array, centre: Array, outline: Array, ink: Ink) -> None:
    """Paint a flat disc whose plane is spanned by two columns of `frame` (3, 3), third its normal.

    Its outline is warped by the field `outline`; its grain is 0 in the middle, 1 at the rim.
    """
    inverse = np.linalg.inv(frame[:2, :2])
    x, y = canvas.x[None, :] - centre[0], canvas.y[:, None] - centre[1]
    right, up = (inverse[row, 0] * x + inverse[row, 1] * y for row in (0, 1))
    radius = np.sqrt(right**2 + up**2) + outline
    z = centre[2] + frame[2, 0] * right + frame[2, 1] * up
    seen = (radius < 1) & (z > canvas.z)
    unit = (frame[:, 2] / np.linalg.norm(frame[:, 2])).astype(np.float32)
    canvas.z[seen] = z[seen]
    canvas.normal[:, seen] = unit[:, None]
    canvas.back[:, seen] = -unit[:, None]
    canvas.thickness[seen] = 0.4
    canvas.edge[seen] = np.exp((radius[seen] - 1) / 0.012)
    canvas.layer[seen] = ink.layer
    canvas.grain[seen] = np.clip(radius[seen], 0, 1)
    canvas.colour[:, seen] = ink.colour[:, None]
