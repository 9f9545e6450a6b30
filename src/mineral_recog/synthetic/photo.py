"""One photo: a specimen is grown, laid down, lit and taken with a camera that isn't perfect."""

from functools import cache

import numpy as np
from PIL import Image
from threadpoolctl import ThreadpoolController

from mineral_recog.synthetic.camera import Camera, outline, solids, some_camera
from mineral_recog.synthetic.colours import between
from mineral_recog.synthetic.film import taken
from mineral_recog.synthetic.grounds import lay_beside, some_ground
from mineral_recog.synthetic.habits import RIND, Body, Crystal, Slab, grown
from mineral_recog.synthetic.lighting import some_light
from mineral_recog.synthetic.patterns import patterned
from mineral_recog.synthetic.polyhedra import chunk
from mineral_recog.synthetic.raster import Canvas, Seen, Striation, cast, cast_slab
from mineral_recog.synthetic.shading import (
    LUSTRES,
    TRANSPARENCY,
    Surface,
    plainly_lit,
    shaded,
)
from mineral_recog.synthetic.species import Variety, all_species
from mineral_recog.synthetic.textures import Array, noise, slopes

WARP = {"nugget": 0.05, "massive": 0.018, "botryoidal": 0.004}
ROUGH = ("massive", "nugget")


def draw_photo(species: str, size: int, rng: np.random.Generator) -> Image.Image:
    """A photo of a mineral, RGB, size x size; the same generator gives the same picture."""
    return photo_of(all_species()[species].drawn_variety(rng), size, rng)


def photo_of(variety: Variety, size: int, rng: np.random.Generator) -> Image.Image:
    """A photo of one variety of a mineral, RGB, size x size."""
    with _libraries().limit(limits=1):  # matrices here are small: threads would only wait
        return _photo_of(variety, size, rng)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _photo_of(variety: Variety, size: int, rng: np.random.Generator) -> Image.Image:
    bodies = grown(variety, rng)
    rock = _rock(bodies, rng) if rng.random() < variety.matrix else None
    camera = some_camera(bodies, rock is not None, variety.habit == "cluster", rng)
    side = max(64, size * 3 // 2) if size <= 256 else size  # small ones are drawn large and shrunk
    canvas = Canvas(side, rng)
    light = some_light(rng, camera.turn[:, 2])
    _paint_ground(canvas, camera, [rock] if rock else bodies, rng)
    if rock:
        _paint_rock(canvas, camera, rock, between(variety.rock, rng), rng)
    behind = plainly_lit(canvas, light)
    seen = _paint_mineral(canvas, camera, variety, bodies, rng)
    clear = TRANSPARENCY[variety.transparency] * float(rng.uniform(0.9, 1.05))
    surface = Surface(LUSTRES[variety.lustre], min(clear, 0.97))
    return taken(shaded(canvas, seen, surface, light, behind), size, rng)


def _rock(bodies: list[Body], rng: np.random.Generator) -> Crystal:
    """A lump of rock beneath the bodies."""
    reach = max(float(np.linalg.norm(body.centre[:2])) for body in bodies) + 0.5
    width = np.array([rng.uniform(1.0, 1.35), rng.uniform(0.8, 1.2)]) * max(reach, 0.85)
    height = rng.uniform(0.35, 0.6)
    lump = chunk(rng, 1.0)
    return Crystal(
        lump, np.diag([*width, height]), np.array([0, 0, 0.1 - height * lump.corners[:, 2].max()])
    )


def _paint_ground(
    canvas: Canvas, camera: Camera, lowest: list[Body], rng: np.random.Generator
) -> None:
    """A floor under the bodies and, where it ends, a wall behind."""
    points = np.concatenate([camera.place(outline(body)) for body in lowest]).astype(np.float32)
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
    canvas.normal[:] = back[:, None, None] + (up - back)[:, None, None] * share
    canvas.normal[:2] -= slopes(height)
    canvas.colour[:] = colour


def _paint_rock(
    canvas: Canvas, camera: Camera, rock: Crystal, colour: Array, rng: np.random.Generator
) -> None:
    """A lump of rock, broken and stained."""
    seen = cast(canvas, solids([rock], camera), warp=0.03)
    side, pixels = canvas.side, seen.pixels
    stains, fine = noise(rng, side, (4, 4), 3), noise(rng, side, (44, 44))
    light = np.clip(0.78 * (1 + 0.16 * stains + 0.16 * fine), 0.25, 1.2).reshape(-1)[pixels]
    # ridges, where noise goes through zero, look like the edges of broken stone
    creased = np.abs(noise(rng, side, (5, 5), 2)) + 0.4 * np.abs(stains) + 0.02 * fine
    for c, slope in enumerate(slopes(creased)):
        rough = 0.10 * slope + 0.04 * noise(rng, side, (11, 11), 2)
        seen.normal[c] += rough.reshape(-1)[pixels]
    canvas.lay(seen, colour[:, None] * (light * (1 + 0.6 * seen.edge)))


def _paint_mineral(
    canvas: Canvas, camera: Camera, variety: Variety, bodies: list[Body], rng: np.random.Generator
) -> Seen:
    """The mineral; where it is seen."""
    if isinstance(bodies[0], Slab):
        seen = _cut_slice(canvas, camera, bodies[0], between(variety.rock, rng), rng)
        shade = np.ones(len(seen.pixels), np.float32)
    else:
        crystals = [body for body in bodies if isinstance(body, Crystal)]
        seen = _cast_crystals(canvas, camera, variety, crystals, rng)
        shade = np.array([crystal.shade for crystal in crystals], np.float32)[seen.body]
    colour = between(variety.colours, rng)
    tip = between(variety.tips, rng) if variety.tips else colour
    along = np.clip((seen.grain - 0.32) / 0.36, 0, 1)
    painted = np.minimum((colour[:, None] + (tip - colour)[:, None] * along) * shade, 0.98)
    bumps = LUSTRES[variety.lustre].bumps * rng.uniform(0.6, 1.6)
    bumps += 0.06 * (variety.habit in ROUGH)
    for c in (0, 1):
        seen.normal[c] += bumps * noise(rng, canvas.side, (11, 11), 2).reshape(-1)[seen.pixels]
    canvas.lay(seen, patterned(painted, canvas, seen, variety, rng))
    return seen


def _cast_crystals(
    canvas: Canvas,
    camera: Camera,
    variety: Variety,
    crystals: list[Crystal],
    rng: np.random.Generator,
) -> Seen:
    """Where crystals are seen, their faces striated."""
    count = len(crystals)
    lines, phase = rng.uniform((1.6, 0), (2.6, 7), (count, 2)).astype(np.float32).T
    striation = Striation(variety.striation, lines, phase) if variety.striation else None
    warp = WARP.get(variety.habit, 0.0) * camera.scale
    return cast(canvas, solids(crystals, camera), warp, striation)


def _cut_slice(
    canvas: Canvas, camera: Camera, slab: Slab, rock: Array, rng: np.random.Generator
) -> Seen:
    """A slice of stone, its rind of rock painted, which shows as a rim beneath."""
    outlined = 0.1 * noise(rng, canvas.side, (3, 3), 3)
    frame = (camera.scale * camera.turn @ slab.frame).astype(np.float32)
    if frame[2, 2] < 0:
        frame[:, 2] *= -1
    centre = camera.place(slab.centre[None])[0].astype(np.float32)
    down = -RIND / 6 * frame[:, 2]
    for depth in (6, 5, 4, 3, 2, 1):
        rind = cast_slab(canvas, frame, centre + depth * down, outlined - 0.03)
        canvas.lay(rind, rock[:, None] * (0.9 - 0.06 * depth) * (1 + 0.6 * rind.edge))
    return cast_slab(canvas, frame, centre, outlined)
