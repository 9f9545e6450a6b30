"""Changes photos as bad cameras, light and framing do, each at three strengths.

The idea is that of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", ICLR 2019. Kinds and strengths are chosen for photos of minerals, so
figures cannot be compared with theirs. A photo is changed at the size at which the model sees
it, and the same photo always changes in the same way.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from mineral_recog.data.evaluation_view import (
    BILINEAR,
    FILTERS,
    Pixels,
    evaluation_side,
    evaluation_view,
    middle_square,
)

STRENGTHS = (1, 2, 3)

Change = Callable[[Image.Image, float, np.random.Generator], Image.Image]


class Kind(NamedTuple):
    """A kind of corruption.

    Attributes:
        change: Changes a square photo by an amount.
        amounts: The amount for each of STRENGTHS.
        english: Name in English.
        chinese: Name in Chinese.
    """

    change: Change
    amounts: tuple[float, float, float]
    english: str
    chinese: str


def corrupted_views(
    photo: Image.Image, image_size: int, center_share: float, interpolation: str = BILINEAR
) -> Pixels:
    """Return the view of a photo, and its view after each corruption; uint8 [1 + 3 K, S, S, 3].

    They are in the order of `corruption_names`.

    Args:
        photo: Photo in mode RGB.
        image_size: S, see `evaluation_view`.
        center_share: See there.
        interpolation: See there.
    """
    side = evaluation_side(image_size, center_share)
    square = middle_square(photo).resize((side, side), FILTERS[interpolation])
    seed = zlib.crc32(square.tobytes())
    changed = [square]
    for number, kind in enumerate(KINDS.values()):
        # The same draw for all strengths, so that they differ in nothing else.
        changed += [
            kind.change(square, amount, np.random.default_rng([seed, number]))
            for amount in kind.amounts
        ]
    return np.stack([evaluation_view(image, image_size, center_share) for image in changed])


def corruption_names() -> list[tuple[str, int]]:
    """Return the kind and strength of each of `corrupted_views`; the first is ("", 0)."""
    return [("", 0), *((kind, strength) for kind in KINDS for strength in STRENGTHS)]


def _blur(photo: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Blur by a Gaussian whose standard deviation is a share of the side."""
    return photo.filter(ImageFilter.GaussianBlur(amount * photo.width))


def _noise(photo: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Add Gaussian noise whose standard deviation is a share of the full scale."""
    values = np.asarray(photo, np.float32)
    noise = rng.standard_normal(values.shape, np.float32)
    return _image(values + 255 * amount * noise)


def _light(photo: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Multiply all values."""
    return _image(np.asarray(photo, np.float32) * amount)


def _cast(photo: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Make the light warmer or colder: raise red and lower blue by a share, or the reverse."""
    warm = amount * rng.choice([-1, 1])
    return _image(np.asarray(photo, np.float32) * np.array([1 + warm, 1, 1 - warm], np.float32))


def _jpeg(photo: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Write as JPEG of a quality, and read again."""
    file = BytesIO()
    photo.save(file, "JPEG", quality=int(amount))
    return Image.open(file).convert("RGB")


def _small(photo: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Shrink to a share of the side, near an edge of a ground of the mean colour of the border.

    The specimen stays within the middle 7/8, which the model sees at least.
    """
    values = np.asarray(photo, np.float32)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]).mean(axis=0)
    side, small = photo.width, max(1, round(amount * photo.width))
    ground = Image.new("RGB", photo.size, tuple(border.astype(int).tolist()))
    margin = min(side / 16, (side - small) / 2)
    along, across = rng.uniform(0, 1), float(rng.integers(2))
    places = [along, across] if rng.integers(2) else [across, along]
    left, top = (round(margin + place * (side - small - 2 * margin)) for place in places)
    ground.paste(photo.resize((small, small), Image.Resampling.BILINEAR), (left, top))
    return ground


def _image(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


KINDS = {
    "blur": Kind(_blur, (0.004, 0.01, 0.02), "Blur", "模糊"),
    "noise": Kind(_noise, (0.06, 0.12, 0.24), "Noise", "噪点"),
    "dark": Kind(_light, (0.6, 0.35, 0.15), "Dark", "过暗"),
    "bright": Kind(_light, (1.4, 1.9, 2.8), "Bright", "过亮"),
    "cast": Kind(_cast, (0.15, 0.3, 0.5), "Colour cast", "偏色"),
    "jpeg": Kind(_jpeg, (30, 12, 5), "JPEG", "JPEG 压缩"),
    "small": Kind(_small, (0.7, 0.45, 0.25), "Small, off centre", "标本小且偏离中心"),
}
