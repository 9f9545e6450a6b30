"""One photo: a specimen is grown, laid down, lit and taken with a camera that isn't perfect."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from mineral_recog.data.synthetic import lighting
from mineral_recog.data.synthetic.grounds import lay_beside, some_ground
from mineral_recog.data.synthetic.habits import Ball, Body, Crystal, Slab, grown
from mineral_recog.data.synthetic.polyhedra import chunk
from mineral_recog.data.synthetic.raster import (
    Canvas,
    Facets,
    Ink,
    paint_ball,
    paint_polyhedron,
    paint_slab,
)
from mineral_recog.data.synthetic.species import Variety, all_species
from mineral_recog.data.synthetic.textures import (
    Array,
    bands,
    between,
    iridescence,
    linear,
    noise,
    play_of_colour,
    slopes,
    smoothstep,
)

GROUND, MINERAL, ROCK = 0, 1, 2
WARP = {"nugget": 0.05, "massive": 0.018, "botryoidal": 0.004}


@dataclass(frozen=True)
class Camera:
    """Where the camera stands: specimen points p are seen at scale * turn @ p + shift."""

    turn: Array
    scale: float
    shift: Array

    def place(self, points: Array) -> Array:
        """Points (n, 3) of the specimen as seen."""
        return np.asarray(points @ (self.scale * self.turn).T + self.shift)


def draw_photo(species: str, size: int, rng: np.random.Generator) -> Image.Image:
    """A photo of a mineral, RGB, size x size; the same generator gives the same picture."""
    return photo_of(all_species()[species].drawn_variety(rng), size, rng)


def photo_of(variety: Variety, size: int, rng: np.random.Generator) -> Image.Image:
    """A photo of one variety of a mineral, RGB, size x size."""
    bodies = grown(variety, rng)
    rock = _rock(bodies, rng) if rng.random() < variety.matrix else None
    camera = _camera(bodies, rock is not None, rng)
    side = max(128, 2 * size) if size <= 256 else size  # small ones are drawn large and shrunk
    canvas = Canvas(side, rng)
    light = lighting.some_light(rng, camera.turn[:, 2])
    _paint_ground(canvas, camera, [rock] if rock else bodies, rng)
    rock_colour = between(variety.rock, rng)
    if rock:
        ink = Ink(rock_colour, rock_colour, ROCK, warp=0.03)
        _paint_body(canvas, camera, rock, ink)
        _weather(canvas, rng)
    behind = lighting.plainly_lit(canvas, light)
    _paint_mineral(canvas, camera, variety, bodies, rock_colour, rng)
    _draw_pattern(canvas, variety, rng)
    surfaces = _surfaces(variety, rng)
    _roughen(canvas, surfaces, rng)
    return _taken(lighting.shaded(canvas, surfaces, light, behind), size, rng)


def _rock(bodies: list[Body], rng: np.random.Generator) -> Crystal:
    """A lump of rock beneath the bodies."""
    reach = max(float(np.linalg.norm(body.centre[:2])) for body in bodies) + 0.5
    width = np.array([rng.uniform(1.0, 1.35), rng.uniform(0.8, 1.2)]) * max(reach, 0.85)
    height = rng.uniform(0.35, 0.6)
    lump = chunk(rng, 1.0)
    return Crystal(
        lump, np.diag([*width, height]), np.array([0, 0, 0.1 - height * lump.corners[:, 2].max()])
    )


def _points(body: Body) -> Array:
    match body:
        case Crystal():
            return np.asarray(body.form.corners @ body.frame.T + body.centre)
        case Ball():
            return body.centre + body.radius * np.concatenate((np.eye(3), -np.eye(3)))
        case Slab():
            angle = np.linspace(0, 2 * np.pi, 16)
            rim = np.stack((np.cos(angle), np.sin(angle)), 1)
            return np.asarray(rim @ body.frame[:, :2].T)


def _camera(bodies: list[Body], on_rock: bool, rng: np.random.Generator) -> Camera:
    """A camera that sees the bodies at a random angle, size and place, mostly whole."""
    pitch = np.radians(rng.uniform(22, 62) if rng.random() < 0.7 else rng.uniform(62, 90))
    if isinstance(bodies[0], Slab):
        pitch = max(pitch, np.radians(50))  # a slice is shown by its face
    yaw, roll = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.06)
    nod = np.array(
        [[1, 0, 0], [0, np.sin(pitch), np.cos(pitch)], [0, -np.cos(pitch), np.sin(pitch)]]
    )
    turn = _about_z(roll) @ nod @ _about_z(yaw)
    seen = np.concatenate([_points(body) for body in bodies]) @ turn.T
    low, high = seen.min(0), seen.max(0)
    reach = rng.uniform(0.6, 0.94) * (0.88 if on_rock else 1.0)
    if rng.random() < 0.1:
        reach *= 1.4
    scale = 2 * reach / max(high[0] - low[0], high[1] - low[1])
    shift = -scale * (low + high) / 2 + np.append(rng.normal(0, 0.07, 2), 0)
    return Camera(turn, float(scale), shift)


def _about_z(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _paint_ground(
    canvas: Canvas, camera: Camera, lowest: list[Body], rng: np.random.Generator
) -> None:
    """A floor under the bodies and, where it ends, a wall behind."""
    points = np.concatenate([camera.place(_points(body)) for body in lowest]).astype(np.float32)
    up = camera.turn[:, 2].astype(np.float32)
    floor_height = (points @ up).min() + np.float32(0.03)
    colour, height = some_ground(rng, canvas.side)
    lay_beside(rng, colour, max(float(up[2]), 0.35))
    x, y = canvas.x[None, :], canvas.y[:, None]
    floor = (floor_height - up[0] * x - up[1] * y) / up[2]
    wall = points[:, 2].min() - np.float32(rng.uniform(0.3, 1.2))
    bend = 0.12  # the paper is rolled up the wall, not folded
    gap = np.clip((floor - wall) / bend, -20, 20)
    rolled = np.exp(gap)
    share = rolled / (1 + rolled)
    canvas.z[:] = wall + bend * np.log1p(rolled) + height
    back = np.array([0, 0.35, 0.94], np.float32)
    right, rise = slopes(height)
    for c, tilt in enumerate((right, rise, 0.0)):
        canvas.normal[c] = up[c] * share + back[c] * (1 - share) - tilt
    canvas.colour[:] = colour


def _paint_body(canvas: Canvas, camera: Camera, body: Body, ink: Ink) -> None:
    match body:
        case Crystal():
            paint_polyhedron(canvas, _facets(body, camera), ink)
        case Ball():
            centre = camera.place(body.centre[None])[0].astype(np.float32)
            paint_ball(canvas, centre, camera.scale * body.radius, ink)
        case Slab():
            raise TypeError("a slab is painted with its rind")


def _facets(body: Crystal, camera: Camera) -> Facets:
    """A crystal's planes as the camera sees them: normals change by the inverse transposed."""
    frame = camera.scale * camera.turn @ body.frame
    centre = camera.place(body.centre[None])[0]
    inverse = np.linalg.inv(frame)
    normals = body.form.normals @ inverse
    norms = np.linalg.norm(normals, axis=1)
    normals /= norms[:, None]
    offsets = body.form.offsets / norms + normals @ centre
    size = float(np.cbrt(abs(np.linalg.det(frame))))
    across = body.form.across @ frame.T
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    axis = inverse[2] / np.abs(body.form.corners[:, 2]).max()
    corners = camera.place(_points(body))
    return Facets(
        normals.astype(np.float32),
        offsets.astype(np.float32),
        across.astype(np.float32),
        corners.astype(np.float32),
        axis.astype(np.float32),
        centre.astype(np.float32),
        size,
    )


def _paint_mineral(
    canvas: Canvas,
    camera: Camera,
    variety: Variety,
    bodies: list[Body],
    rock: Array,
    rng: np.random.Generator,
) -> None:
    colour = between(variety.colours, rng)
    tip = between(variety.tips, rng) if variety.tips else colour
    warp = WARP.get(variety.habit, 0.0) * camera.scale
    for body in bodies:
        if isinstance(body, Slab):
            _paint_slice(canvas, camera, body, (rock, colour), rng)
            continue
        ink = Ink(
            np.minimum(colour * body.shade, 0.98),
            np.minimum(tip * body.shade, 0.98),
            MINERAL,
            variety.striation,
            lines=float(rng.uniform(1.6, 2.6)),
            phase=float(rng.uniform(0, 7)),
            warp=warp,
        )
        _paint_body(canvas, camera, body, ink)


def _paint_slice(
    canvas: Canvas,
    camera: Camera,
    body: Slab,
    colours: tuple[Array, Array],
    rng: np.random.Generator,
) -> None:
    """A slab on its rind of rock, which shows as a rim beneath."""
    outline = (0.1 * noise(rng, canvas.side, (3, 3), 3)).astype(np.float32)
    frame = (camera.scale * camera.turn @ body.frame).astype(np.float32)
    if frame[2, 2] < 0:
        frame[:, 2] *= -1
    centre = camera.place(body.centre[None])[0].astype(np.float32)
    down = -0.022 * frame[:, 2]
    for depth in (6, 5, 4, 3, 2, 1):
        rind = Ink(colours[0] * (0.9 - 0.06 * depth), colours[0], ROCK)
        paint_slab(canvas, frame, centre + depth * down, outline - 0.03, rind)
    paint_slab(canvas, frame, centre, outline, Ink(colours[1], colours[1], MINERAL))


def _weather(canvas: Canvas, rng: np.random.Generator) -> None:
    """Break and stain the rock."""
    where = canvas.layer == ROCK
    stains, fine = noise(rng, canvas.side, (4, 4), 3), noise(rng, canvas.side, (44, 44))
    light = 0.78 * (1 + 0.16 * stains + 0.16 * fine)
    canvas.colour[:, where] *= np.clip(light[where], 0.25, 1.2)
    # ridges, where noise goes through zero, look like the edges of broken stone
    creased = np.abs(noise(rng, canvas.side, (5, 5), 2)) + 0.4 * np.abs(stains) + 0.02 * fine
    for c, slope in enumerate(slopes(creased)):
        canvas.normal[c, where] += 0.10 * slope[where]


def _draw_pattern(canvas: Canvas, variety: Variety, rng: np.random.Generator) -> None:
    """Bands, play of colour, tarnish and the like, on the mineral's pixels."""
    side, where = canvas.side, canvas.layer == MINERAL
    cloud = noise(rng, side, (3, 3), 4)
    match variety.pattern:
        case "bands":
            grain = canvas.grain + 0.09 * noise(rng, side, (3, 3), 4)
            drawn = bands(rng, np.clip(grain, 0, 0.999), variety.colours)
        case "play":
            drawn = canvas.colour + play_of_colour(rng, side) * smoothstep(-1.6, 0.0, cloud)
        case "iridescence":
            share = smoothstep(-1.2, 0.4, cloud)
            drawn = canvas.colour * (1 - share) + iridescence(rng, side) * share
        case "verdigris":
            share = smoothstep(0.0, 0.7, cloud)
            drawn = canvas.colour * (1 - share) + linear("#4ca88c")[:, None, None] * share
        case "patches":
            share = smoothstep(0.2, 0.35, cloud)
            drawn = canvas.colour * (1 - share) + linear("#1f8a5a")[:, None, None] * share
        case "rings":
            rings = np.sin(22 * canvas.grain + 3 * cloud)
            drawn = canvas.colour * (1 + 0.32 * rings + 0.1 * cloud)
        case "veils":
            drawn = canvas.colour * (1 + 0.14 * cloud) + 0.05
        case _:
            drawn = canvas.colour * (1 + 0.05 * cloud)
    canvas.colour[:, where] = np.clip(drawn, 0.002, 0.98)[:, where]


def _surfaces(variety: Variety, rng: np.random.Generator) -> list[lighting.Surface]:
    """The surfaces of the three layers."""
    lustre = lighting.LUSTRES[variety.lustre]
    clear = lighting.TRANSPARENCY[variety.transparency] * rng.uniform(0.85, 1.1)
    dull = lighting.LUSTRES["dull"]
    own = lustre.bumps * rng.uniform(0.6, 1.6) + 0.06 * (variety.habit in ("massive", "nugget"))
    return [
        lighting.Surface(dull, 0, 0),
        lighting.Surface(lustre, float(min(clear, 0.93)), own),
        lighting.Surface(dull, 0, 0.04),
    ]


def _roughen(canvas: Canvas, surfaces: list[lighting.Surface], rng: np.random.Generator) -> None:
    """Sway the normals as the surfaces are rough."""
    strength = np.array([surface.bumps for surface in surfaces], np.float32)[canvas.layer]
    for c in (0, 1):
        canvas.normal[c] += strength * noise(rng, canvas.side, (11, 11), 2)


def _taken(light: Array, size: int, rng: np.random.Generator) -> Image.Image:
    """The photo of a picture (3, side, side): exposure, white balance, blur, vignette, noise."""
    side = light.shape[-1]
    middle = light[:, side // 5 : -side // 5, side // 5 : -side // 5]
    exposure = (0.30 / (float(middle.mean()) + 0.06)) ** 0.55 * np.exp(rng.normal(0, 0.16)) * 0.9
    balance = np.exp(rng.normal(0, 0.045, 3))
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    dark = rng.uniform(0, 0.22) * (axis[None, :] ** 2 + axis[:, None] ** 2) / 2
    gains = (exposure * balance).astype(np.float32)
    x = light * gains[:, None, None] * (1 - dark).astype(np.float32)
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)  # film: soft shoulder, firm blacks
    coded = np.clip(x, 0, 1) ** np.float32(1 / 2.2)
    photo = Image.fromarray((np.moveaxis(coded, 0, -1) * 255 + 0.5).astype(np.uint8))
    blur = max(0.0, rng.normal(0.0, 0.006)) * side / 2
    if blur > 0.3:
        photo = photo.filter(ImageFilter.GaussianBlur(blur))
    if side != size:
        photo = photo.resize((size, size), Image.Resampling.HAMMING)
    grain = rng.gamma(2.0, 1.1)
    shape = (size, size, 3)
    noisy = np.asarray(photo, np.float32) + grain * rng.standard_normal(shape, np.float32)
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
