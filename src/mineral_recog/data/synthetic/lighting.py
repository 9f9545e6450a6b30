"""Light: lamps and surroundings, shadows, and what each lustre makes of them."""

from dataclasses import dataclass

import numpy as np

from mineral_recog.data.synthetic.raster import Canvas
from mineral_recog.data.synthetic.textures import Array, blurred, smoothstep

VIEWER = 3.4  # distance of the viewer, in half sides of the picture


@dataclass(frozen=True)
class Lustre:
    """How a surface shines: reflectance straight on, highlight and its sharpness, metal, bumps."""

    reflectance: float
    highlight: float
    sharpness: float
    metal: float
    bumps: float


LUSTRES = {
    "vitreous": Lustre(0.055, 1.0, 70, 0, 0.02),
    "adamantine": Lustre(0.17, 1.6, 110, 0, 0.02),
    "metallic": Lustre(0.3, 1.2, 40, 1, 0.035),
    "submetallic": Lustre(0.22, 0.9, 40, 0.6, 0.035),
    "resinous": Lustre(0.08, 0.8, 26, 0, 0.04),
    "silky": Lustre(0.05, 0.45, 9, 0, 0.04),
    "waxy": Lustre(0.05, 0.5, 22, 0, 0.025),
    "dull": Lustre(0.01, 0.05, 5, 0, 0.14),
}
TRANSPARENCY = {"transparent": 0.86, "translucent": 0.5, "opaque": 0.0}


@dataclass(frozen=True)
class Light:
    """The lamps: unit directions (3,) to the key lamp, to a strip lamp and up; colours (3,)."""

    key: Array
    strip: Array
    up: Array
    colour: Array
    sky: Array
    bounce: Array
    hardness: float


@dataclass(frozen=True)
class Surface:
    """A material: its lustre, the share of light that passes (0 to 1), its bumps' strength."""

    lustre: Lustre
    clear: float
    bumps: float


def some_light(rng: np.random.Generator, up: Array) -> Light:
    """A random set-up: daylight or lamp, warm or cold, from any side above."""
    angle, height = rng.uniform(0.15, 0.85) * np.pi, rng.uniform(0.5, 1.1)
    if rng.random() < 0.2:
        angle += np.pi * rng.uniform(0.3, 0.7)
    key = np.array([np.cos(angle), np.sin(angle), height])
    strip = np.array([-np.cos(angle) * 1.2, 0.35, rng.uniform(0.1, 0.7)])
    warmth = rng.normal(0, 0.09)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    share = rng.uniform(0.35, 0.8)  # of the lamp in the light of all
    sky = np.array([0.93, 0.98, 1.06]) * (1.05 - 0.75 * share)
    return Light(
        key=_unit(key),
        strip=_unit(strip),
        up=up.astype(np.float32),
        colour=(tint * 2.6 * share).astype(np.float32),
        sky=sky.astype(np.float32),
        bounce=(0.35 * sky * np.array([1.05, 1.0, 0.93])).astype(np.float32),
        hardness=float(rng.uniform(1.2, 4.0)),
    )


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _dot(vector: Array, field: Array) -> Array:
    return np.asarray(vector[0] * field[0] + vector[1] * field[1] + vector[2] * field[2])


def _inner(a: Array, b: Array) -> Array:
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def surroundings(light: Light, way: Array) -> Array:
    """What a mirror sees in the directions `way` (3, ...): sky, table and two soft lamps."""
    height = smoothstep(-0.35, 0.75, _dot(light.up, way))
    lamp = 3.2 * smoothstep(0.72, 0.93, _dot(light.key, way))
    strip = 1.1 * smoothstep(0.8, 0.95, _dot(light.strip, way))
    return np.stack(
        [
            0.5 * light.bounce[c]
            + height * light.sky[c]
            + light.colour[c] * (0.55 * lamp + 0.4 * strip)
            for c in range(3)
        ]
    )


def shadow(depth: Array, light: Light) -> Array:
    """The share of the lamp that reaches each pixel, as the depths (side, side) block its way."""
    side = depth.shape[0]
    block = np.zeros_like(depth)
    for step in np.geomspace(0.025, 1.25, 14):
        right, up = (round(float(v) * step * side / 2) for v in light.key[:2])
        if max(abs(right), abs(up)) >= side:
            break
        ahead = np.full_like(depth, -99)
        source = depth[max(-up, 0) : side - max(up, 0), max(right, 0) : side + min(right, 0)]
        ahead[max(up, 0) : side - max(-up, 0), max(-right, 0) : side - max(right, 0)] = source
        rise = ahead - depth - light.key[2] * step - 0.015
        np.maximum(block, rise * np.float32(light.hardness / step), out=block)
    return blurred(1 - np.minimum(block, 1), 0.025)


def openness(depth: Array) -> Array:
    """How much sky each pixel sees, 0.25 to 1: less where the depths about it are nearer."""
    hollow = sum(
        np.clip(blurred(depth, radius) - depth, 0, 0.35) * weight
        for radius, weight in ((0.07, 3.2), (0.22, 2.0), (0.5, 0.8))
    )
    return np.asarray(np.maximum(1 - hollow, 0.25), np.float32)


def plainly_lit(canvas: Canvas, light: Light) -> Array:
    """The canvas (3, side, side) in matt light without shadows, as seen through a crystal."""
    facing = np.maximum(_dot(light.key, canvas.normal), 0)
    return np.stack(
        [
            canvas.colour[c] * (0.55 * light.sky[c] + 0.75 * light.colour[c] * facing)
            for c in range(3)
        ]
    )


def shaded(canvas: Canvas, surfaces: list[Surface], light: Light, behind: Array) -> Array:
    """The light (3, side, side) that each pixel sends, by its surface (one for each layer)."""
    table = np.array(
        [
            (s.lustre.reflectance, s.lustre.highlight, s.lustre.sharpness, s.lustre.metal, s.clear)
            for s in surfaces
        ],
        np.float32,
    )
    straight, highlight, sharpness, metal, clear = np.moveaxis(table[canvas.layer], -1, 0)
    view = _view(canvas)
    normal = canvas.normal / np.sqrt(_inner(canvas.normal, canvas.normal))
    lit = shadow(canvas.z, light)
    sky = openness(canvas.z)
    towards = np.maximum(_inner(normal, view), 0)
    mirror = 2 * towards * normal - view
    fresnel = straight + (1 - straight) * (1 - towards) ** 5
    facing = np.maximum(_dot(light.key, normal), 0)
    half = light.key[:, None, None] + view
    half /= np.sqrt(_inner(half, half))
    glint = np.maximum(_inner(normal, half), 0) ** sharpness * highlight * lit
    around = surroundings(light, mirror)
    glare = around * around / (around + 0.6)  # a dim room is not seen in glass
    upness = 0.62 + 0.38 * _dot(light.up, normal)
    seen_into = any(surface.clear for surface in surfaces)
    within = _within(canvas, light, normal, view, behind, sky) if seen_into else behind
    gleam = 1 + 0.6 * canvas.edge * (canvas.layer > 0)
    picture = np.empty_like(canvas.colour)
    for c in range(3):
        body = canvas.colour[c]
        matt = body * (light.sky[c] * upness * sky + light.colour[c] * facing * lit)
        matt += clear * (within[c] - matt)
        gloss = glare[c] * fresnel * sky * (0.35 + 0.65 * lit) + 0.55 * glint * light.colour[c]
        polished = body * ((0.12 + around[c]) * sky * (0.5 + 0.5 * lit) + glint * light.colour[c])
        polished += 0.3 * body * light.colour[c] * facing * lit
        picture[c] = (matt + gloss + metal * (polished - matt - 0.6 * gloss)) * gleam
    return picture


def _view(canvas: Canvas) -> Array:
    """Unit directions (3, side, side) to the viewer."""
    x, y = np.broadcast_arrays(canvas.x[None, :], canvas.y[:, None])
    view = np.stack((-x, -y, np.full_like(x, VIEWER)))
    return np.asarray(view / np.sqrt(_inner(view, view)))


def _within(
    canvas: Canvas, light: Light, normal: Array, view: Array, behind: Array, sky: Array
) -> Array:
    """Light out of a crystal: the far facets' mirrors and what lies behind, through its colour."""
    side = canvas.side
    bent = 0.55 * normal - view  # the way on into the crystal, roughly by Snell
    bent /= np.sqrt(_inner(bent, bent))
    far = np.maximum(_inner(bent, canvas.back), 0)
    inside = surroundings(light, bent - 2 * far * canvas.back)
    inside *= inside / (inside + 0.45)
    shift = (canvas.thickness * side * 0.22).astype(np.float32)
    columns = np.arange(side)[None, :] + (shift * normal[0]).astype(np.int32)
    rows = np.arange(side)[:, None] - (shift * normal[1]).astype(np.int32)
    seen = behind[:, np.clip(rows, 0, side - 1), np.clip(columns, 0, side - 1)]
    total = np.clip(1.35 - 1.25 * far, 0.12, 0.85)  # of the light is mirrored at a slanting facet
    path = np.clip(canvas.thickness / 0.5, 0.5, 2.0)
    logs = np.log(np.clip(canvas.colour, 0.004, 0.99))
    glow = 0.3 * light.colour * np.float32(0.5)
    return np.stack(
        [
            np.exp(logs[c] * path)
            * (total * inside[c] + (1 - total) * seen[c] + glow[c])
            * (0.55 + 0.45 * sky)
            for c in range(3)
        ]
    )
