"""Simulate a camera: exposure, white balance, blur, vignette and noise."""

import numpy as np
from PIL import Image, ImageFilter

from mineral_recog.synthetic.textures import Array


def develop(light: Array, size: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo, size x size, of the light (3, side, side) in linear RGB."""
    side = light.shape[-1]
    middle = light[:, side // 5 : -side // 5, side // 5 : -side // 5]
    exposure = (0.30 / (float(middle.mean()) + 0.06)) ** 0.55 * np.exp(rng.normal(0, 0.16)) * 0.9
    balance = np.exp(rng.normal(0, 0.045, 3))
    axis = np.linspace(-1, 1, side, dtype=np.float32) ** 2
    dark = np.float32(rng.uniform(0, 0.11)) * (axis[None, :] + axis[:, None])
    x = light * (exposure * balance).astype(np.float32)[:, None, None] * (1 - dark)
    photo = Image.fromarray(np.ascontiguousarray(np.moveaxis(_srgb_bytes(x), 0, -1)))
    blur = max(0.0, rng.normal(0.0, 0.006)) * side / 2
    if blur > 0.3:
        photo = photo.filter(ImageFilter.GaussianBlur(blur))
    if side != size:
        photo = photo.resize((size, size), Image.Resampling.BILINEAR)
    grain = np.float32(rng.gamma(2.0, 1.1))
    noisy = np.asarray(photo) + grain * rng.standard_normal((size, size, 3), np.float32)
    return Image.fromarray(np.clip(noisy + np.float32(0.5), 0, 255).astype(np.uint8))


def _srgb_bytes(light: Array) -> Array:
    """Return light as sRGB bytes."""
    x = np.maximum(light, 1e-6)
    # film curve: soft shoulder, deep blacks
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    x = np.exp(np.log(np.minimum(x, 1)) * np.float32(1 / 2.2))  # much faster than a power
    return np.asarray(x * 255 + 0.5).astype(np.uint8)
