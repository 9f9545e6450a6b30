"""Compute the light that surfaces send to the viewer, by lustre and transparency."""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.lighting import Light, environment, shadow, sky_visibility
from mineral_recog.synthetic.raster import Canvas, VisiblePixels
from mineral_recog.synthetic.textures import Array, dot, normalised

VIEWER_DISTANCE = 3.4  # in half sides of the picture


@dataclass(frozen=True)
class Lustre:
    """Reflectance at normal incidence, highlight strength and sharpness, metallic share, bumps."""

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
    """Optical surface of a mineral: its lustre and the share of light that passes, 0 to 1."""

    lustre: Lustre
    transparency: float


@dataclass(frozen=True)
class _LitPixels:
    """Colour, normal and direction to the viewer of the n lit pixels of a mineral.

    `lit` and `sky` are the shares of lamp and sky that reach a pixel; `facing` is `lit` times the
    cosine of the lamp's angle.
    """

    colour: Array
    normal: Array
    view: Array
    lit: Array
    sky: Array
    facing: Array


def render_matt(canvas: Canvas, light: Light) -> Array:
    """Render the canvas (3, side, side) as matt without shadows, as seen through a crystal."""
    facing = np.maximum(dot(light.key, canvas.normal), 0)
    sky, lamp = (c[:, None, None] for c in (0.55 * light.sky, 0.75 * light.colour))
    return np.asarray(canvas.colour * (sky + lamp * facing))


def render(
    canvas: Canvas, visible: VisiblePixels, surface: Surface, light: Light, background: Array
) -> Array:
    """Return the light (3, side, side) from each pixel; only the `visible` mineral is not matt.

    `background` is the picture without the mineral.
    """
    lit, sky, normal = shadow(canvas.z, light), sky_visibility(canvas.z), normalised(canvas.normal)
    facing = np.maximum(dot(light.key, normal), 0) * lit
    upness = (0.62 + 0.38 * dot(light.up, normal)) * sky
    from_sky, from_lamp = light.sky[:, None, None], light.colour[:, None, None]
    picture = canvas.colour * (from_sky * upness + from_lamp * facing)
    flat, pixels = picture.reshape(3, -1), visible.pixels
    colour, normal = (field.reshape(3, -1)[:, pixels] for field in (canvas.colour, normal))
    lit, sky, facing = (field.reshape(-1)[pixels] for field in (lit, sky, facing))
    mineral = _LitPixels(colour, normal, _view(canvas, pixels), lit, sky, facing)
    matt = flat[:, pixels]
    if surface.transparency:
        matt += surface.transparency * (_transmitted(mineral, visible, light, background) - matt)
    flat[:, pixels] = _with_gloss(mineral, surface.lustre, light, matt) * (1 + 0.6 * visible.edge)
    return np.asarray(picture)


def _view(canvas: Canvas, pixels: Array) -> Array:
    """Return unit directions (3, n) to the viewer."""
    rows, columns = np.divmod(pixels, canvas.side)
    distance = np.full(len(pixels), VIEWER_DISTANCE, np.float32)
    return normalised(np.stack((-canvas.x[columns], -canvas.y[rows], distance)))


def _with_gloss(mineral: _LitPixels, lustre: Lustre, light: Light, matt: Array) -> Array:
    """Return the light (3, n) from a mineral: the matt light from its inside plus gloss."""
    lit, sky, lamp = mineral.lit, mineral.sky, light.colour[:, None]
    towards = np.maximum(dot(mineral.normal, mineral.view), 0)
    reflection = environment(light, 2 * towards * mineral.normal - mineral.view)
    slant = np.maximum(dot(mineral.normal, normalised(light.key[:, None] + mineral.view)), 1e-3)
    # exp of a logarithm is much faster than a power
    glint = np.exp(lustre.sharpness * np.log(slant)) * (lustre.highlight * lit) * lamp
    grazing = (1 - towards) ** 2
    fresnel = lustre.reflectance + (1 - lustre.reflectance) * grazing * grazing * (1 - towards)
    glare = reflection * reflection / (reflection + 0.6)  # glass hardly shows dim surroundings
    glass = matt + glare * (fresnel * sky * (0.35 + 0.65 * lit)) + 0.55 * glint
    if not lustre.metal:
        return np.asarray(glass)
    shine = (0.12 + reflection) * (sky * (0.5 + 0.5 * lit)) + glint + 0.3 * lamp * mineral.facing
    metal = mineral.colour * shine + 0.4 * (glass - matt)
    return np.asarray(glass + lustre.metal * (metal - glass))


def _transmitted(
    mineral: _LitPixels, visible: VisiblePixels, light: Light, background: Array
) -> Array:
    """Return light from inside a crystal: far-facet reflections and background, tinted."""
    side = background.shape[-1]
    refracted = normalised(0.55 * mineral.normal - mineral.view)  # roughly by Snell's law
    far = np.maximum(dot(refracted, visible.back), 0)
    inside = environment(light, refracted - 2 * far * visible.back)
    inside *= 1.4 * inside / (inside + 0.7)
    rows, columns = np.divmod(visible.pixels, side)
    shift = visible.thickness * np.float32(side * 0.26)
    right, up = ((shift * mineral.normal[c]).astype(np.int32) for c in (0, 1))
    through = background[:, np.clip(rows - up, 0, side - 1), np.clip(columns + right, 0, side - 1)]
    reflected_share = np.clip(1.5 - 1.6 * far, 0.06, 0.9)  # at a slanting facet
    path = np.clip(visible.thickness / 0.5, 0.5, 2.0)
    tint = np.exp(np.log(np.clip(mineral.colour, 0.004, 0.99)) * path)
    glow = (0.05 * light.colour)[:, None]
    light_out = through + reflected_share * (inside - through) + glow
    return np.asarray(tint * light_out * (0.55 + 0.45 * mineral.sky))
