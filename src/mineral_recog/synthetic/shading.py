"""The light that surfaces send to the viewer, by what they are made of."""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.lighting import Light, openness, shadow, surroundings
from mineral_recog.synthetic.raster import Canvas, Seen
from mineral_recog.synthetic.textures import Array, dot, normalised

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
TRANSPARENCY = {"transparent": 0.95, "translucent": 0.5, "opaque": 0.0}


@dataclass(frozen=True)
class Surface:
    """What a mineral is to light: its lustre and the share of light that passes, 0 to 1."""

    lustre: Lustre
    clear: float


@dataclass(frozen=True)
class _Lit:
    """The n pixels of a mineral in light, each with its colour, normal and way to the viewer.

    `lit`, `sky` and `facing` are the shares of the lamp, of the sky and of the lamp by its slant.
    """

    colour: Array
    normal: Array
    view: Array
    lit: Array
    sky: Array
    facing: Array


def plainly_lit(canvas: Canvas, light: Light) -> Array:
    """The canvas (3, side, side) in matt light without shadows, as seen through a crystal."""
    facing = np.maximum(dot(light.key, canvas.normal), 0)
    sky, lamp = (c[:, None, None] for c in (0.55 * light.sky, 0.75 * light.colour))
    return np.asarray(canvas.colour * (sky + lamp * facing))


def shaded(canvas: Canvas, seen: Seen, surface: Surface, light: Light, behind: Array) -> Array:
    """The light (3, side, side) that each pixel sends; the mineral is what is `seen`.

    All else is matt. `behind` is the picture without the mineral.
    """
    lit, sky, normal = shadow(canvas.z, light), openness(canvas.z), normalised(canvas.normal)
    facing = np.maximum(dot(light.key, normal), 0) * lit
    upness = (0.62 + 0.38 * dot(light.up, normal)) * sky
    from_sky, from_lamp = light.sky[:, None, None], light.colour[:, None, None]
    picture = canvas.colour * (from_sky * upness + from_lamp * facing)
    flat, pixels = picture.reshape(3, -1), seen.pixels
    colour, normal = (field.reshape(3, -1)[:, pixels] for field in (canvas.colour, normal))
    lit, sky, facing = (field.reshape(-1)[pixels] for field in (lit, sky, facing))
    mineral = _Lit(colour, normal, _view(canvas, pixels), lit, sky, facing)
    matt = flat[:, pixels]
    if surface.clear:
        matt += surface.clear * (_within(mineral, seen, light, behind) - matt)
    flat[:, pixels] = _polished(mineral, surface.lustre, light, matt) * (1 + 0.6 * seen.edge)
    return np.asarray(picture)


def _view(canvas: Canvas, pixels: Array) -> Array:
    """Unit directions (3, n) to the viewer."""
    rows, columns = np.divmod(pixels, canvas.side)
    away = np.full(len(pixels), VIEWER, np.float32)
    return normalised(np.stack((-canvas.x[columns], -canvas.y[rows], away)))


def _polished(mineral: _Lit, lustre: Lustre, light: Light, matt: Array) -> Array:
    """The light (3, n) from a mineral with its gloss, above that of its inside, `matt`."""
    lit, sky, lamp = mineral.lit, mineral.sky, light.colour[:, None]
    towards = np.maximum(dot(mineral.normal, mineral.view), 0)
    around = surroundings(light, 2 * towards * mineral.normal - mineral.view)
    slant = np.maximum(dot(mineral.normal, normalised(light.key[:, None] + mineral.view)), 1e-3)
    # e to a logarithm is a power in far less time
    glint = np.exp(lustre.sharpness * np.log(slant)) * (lustre.highlight * lit) * lamp
    grazing = (1 - towards) ** 2
    fresnel = lustre.reflectance + (1 - lustre.reflectance) * grazing * grazing * (1 - towards)
    glare = around * around / (around + 0.6)  # a dim room is not seen in glass
    glass = matt + glare * (fresnel * sky * (0.35 + 0.65 * lit)) + 0.55 * glint
    if not lustre.metal:
        return np.asarray(glass)
    shine = (0.12 + around) * (sky * (0.5 + 0.5 * lit)) + glint + 0.3 * lamp * mineral.facing
    metal = mineral.colour * shine + 0.4 * (glass - matt)
    return np.asarray(glass + lustre.metal * (metal - glass))


def _within(mineral: _Lit, seen: Seen, light: Light, behind: Array) -> Array:
    """Light out of a crystal: the far facets' mirrors and what lies behind, through its colour."""
    side = behind.shape[-1]
    bent = normalised(0.55 * mineral.normal - mineral.view)  # the way on, roughly by Snell
    far = np.maximum(dot(bent, seen.back), 0)
    inside = surroundings(light, bent - 2 * far * seen.back)
    inside *= 1.4 * inside / (inside + 0.7)
    rows, columns = np.divmod(seen.pixels, side)
    shift = seen.thickness * np.float32(side * 0.26)
    right, up = ((shift * mineral.normal[c]).astype(np.int32) for c in (0, 1))
    through = behind[:, np.clip(rows - up, 0, side - 1), np.clip(columns + right, 0, side - 1)]
    total = np.clip(1.5 - 1.6 * far, 0.06, 0.9)  # of the light is mirrored at a slanting facet
    path = np.clip(seen.thickness / 0.5, 0.5, 2.0)
    dyed = np.exp(np.log(np.clip(mineral.colour, 0.004, 0.99)) * path)
    glow = (0.05 * light.colour)[:, None]
    light_out = through + total * (inside - through) + glow
    return np.asarray(dyed * light_out * (0.55 + 0.45 * mineral.sky))
