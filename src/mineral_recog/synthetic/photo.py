"""Draw one photo: grow a specimen, place it, light it and photograph it; or a ground alone."""

from functools import cache

import numpy as np
from PIL import Image
from threadpoolctl import ThreadpoolController

from mineral_recog.synthetic.camera import Camera, outline_points, project_crystals, random_camera
from mineral_recog.synthetic.colours import random_colour
from mineral_recog.synthetic.film import develop
from mineral_recog.synthetic.grounds import add_prop, random_ground
from mineral_recog.synthetic.habits import RIND_THICKNESS, Body, Crystal, Slab, grow_specimen
from mineral_recog.synthetic.lighting import random_light
from mineral_recog.synthetic.patterns import add_pattern
from mineral_recog.synthetic.polyhedra import chunk
from mineral_recog.synthetic.raster import Canvas, Striation, VisiblePixels, cast, cast_slab
from mineral_recog.synthetic.shading import (
    LUSTRES,
    TRANSPARENCY,
    Surface,
    render,
    render_matt,
)
from mineral_recog.synthetic.species import Variety, all_species
from mineral_recog.synthetic.textures import Array, noise, slopes

WARP = {"nugget": 0.05, "massive": 0.018, "botryoidal": 0.004}
ROUGH = ("massive", "nugget")


def draw_photo(species: str, size: int, rng: np.random.Generator) -> Image.Image:
    """Draw a photo of a mineral, RGB, size x size; the same random state gives the same one."""
    return draw_variety(all_species()[species].random_variety(rng), size, rng)


def draw_variety(variety: Variety, size: int, rng: np.random.Generator) -> Image.Image:
    """Draw a photo of one variety of a mineral, RGB, size x size."""
    with _libraries().limit(limits=1):  # the matrices are too small for threads to help
        bodies = grow_specimen(variety, rng)
        rock = _rock(bodies, rng) if rng.random() < variety.matrix else None
        camera = random_camera(bodies, rock is not None, variety.habit == "cluster", rng)
        # small photos are drawn larger, then reduced
        side = max(64, size * 3 // 2) if size <= 256 else size
        canvas = Canvas(side, rng)
        light = random_light(rng, camera.rotation[:, 2])
        _paint_ground(canvas, camera, [rock] if rock else bodies, rng)
        if rock:
            _paint_rock(canvas, camera, rock, random_colour(variety.rock, rng), rng)
        background = render_matt(canvas, light)
        visible = _paint_mineral(canvas, camera, variety, bodies, rng)
        transparency = TRANSPARENCY[variety.transparency] * float(rng.uniform(0.9, 1.05))
        surface = Surface(LUSTRES[variety.lustre], min(transparency, 0.97))
        return develop(render(canvas, visible, surface, light, background), size, rng)


def draw_ground(size: int, rng: np.random.Generator) -> Image.Image:
    """Draw a photo of a ground without a mineral, RGB, size x size, seen from above."""
    colour, _ = random_ground(rng, size)
    add_prop(rng, colour, 1.0)
    return develop(colour, size, rng)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _rock(bodies: list[Body], rng: np.random.Generator) -> Crystal:
    """Return a lump of rock below the bodies."""
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
    """Paint a floor under the bodies and, where it ends, a wall behind them."""
    points = np.concatenate([camera.project(outline_points(body)) for body in lowest]).astype(
        np.float32
    )
    up = camera.rotation[:, 2].astype(np.float32)
    floor_height = (points @ up).min() + np.float32(0.03)
    colour, height = random_ground(rng, canvas.side)
    add_prop(rng, colour, max(float(up[2]), 0.35))
    x, y = canvas.x[None, :], canvas.y[:, None]
    floor = (floor_height - up[0] * x - up[1] * y) / up[2]
    wall = points[:, 2].min() - np.float32(rng.uniform(0.3, 1.2))
    bend = 0.12  # the paper curves up the wall without a fold
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
    """Paint a broken and stained lump of rock."""
    visible = cast(canvas, project_crystals([rock], camera), warp=0.03)
    side, pixels = canvas.side, visible.pixels
    stains, fine = noise(rng, side, (4, 4), 3), noise(rng, side, (44, 44))
    light = np.clip(0.78 * (1 + 0.16 * stains + 0.16 * fine), 0.25, 1.2).reshape(-1)[pixels]
    # ridges at the zero crossings of noise look like the edges of broken stone
    creased = np.abs(noise(rng, side, (5, 5), 2)) + 0.4 * np.abs(stains) + 0.02 * fine
    for c, slope in enumerate(slopes(creased)):
        rough = 0.10 * slope + 0.04 * noise(rng, side, (11, 11), 2)
        visible.normal[c] += rough.reshape(-1)[pixels]
    canvas.paint(visible, colour[:, None] * (light * (1 + 0.6 * visible.edge)))


def _paint_mineral(
    canvas: Canvas, camera: Camera, variety: Variety, bodies: list[Body], rng: np.random.Generator
) -> VisiblePixels:
    """Paint the mineral and return its visible pixels."""
    if isinstance(bodies[0], Slab):
        visible = _cast_slice(canvas, camera, bodies[0], random_colour(variety.rock, rng), rng)
        shade = np.ones(len(visible.pixels), np.float32)
    else:
        crystals = [body for body in bodies if isinstance(body, Crystal)]
        visible = _cast_crystals(canvas, camera, variety, crystals, rng)
        shade = np.array([crystal.shade for crystal in crystals], np.float32)[visible.body]
    colour = random_colour(variety.colours, rng)
    tip = random_colour(variety.tips, rng) if variety.tips else colour
    along = np.clip((visible.grain - 0.32) / 0.36, 0, 1)
    painted = np.minimum((colour[:, None] + (tip - colour)[:, None] * along) * shade, 0.98)
    bumps = LUSTRES[variety.lustre].bumps * rng.uniform(0.6, 1.6)
    bumps += 0.06 * (variety.habit in ROUGH)
    for c in (0, 1):
        visible.normal[c] += (
            bumps * noise(rng, canvas.side, (11, 11), 2).reshape(-1)[visible.pixels]
        )
    canvas.paint(visible, add_pattern(painted, canvas, visible, variety, rng))
    return visible


def _cast_crystals(
    canvas: Canvas,
    camera: Camera,
    variety: Variety,
    crystals: list[Crystal],
    rng: np.random.Generator,
) -> VisiblePixels:
    """Return the visible pixels of crystals, with striated faces."""
    count = len(crystals)
    lines, phase = rng.uniform((1.6, 0), (2.6, 7), (count, 2)).astype(np.float32).T
    striation = Striation(variety.striation, lines, phase) if variety.striation else None
    warp = WARP.get(variety.habit, 0.0) * camera.scale
    return cast(canvas, project_crystals(crystals, camera), warp, striation)


def _cast_slice(
    canvas: Canvas, camera: Camera, slab: Slab, rock: Array, rng: np.random.Generator
) -> VisiblePixels:
    """Paint the rind of a slice, which shows as a rim below it; return the slice's pixels."""
    outline_noise = 0.1 * noise(rng, canvas.side, (3, 3), 3)
    frame = (camera.scale * camera.rotation @ slab.frame).astype(np.float32)
    if frame[2, 2] < 0:
        frame[:, 2] *= -1
    centre = camera.project(slab.centre[None])[0].astype(np.float32)
    down = -RIND_THICKNESS / 6 * frame[:, 2]
    for depth in (6, 5, 4, 3, 2, 1):
        rind = cast_slab(canvas, frame, centre + depth * down, outline_noise - 0.03)
        canvas.paint(rind, rock[:, None] * (0.9 - 0.06 * depth) * (1 + 0.6 * rind.edge))
    return cast_slab(canvas, frame, centre, outline_noise)
