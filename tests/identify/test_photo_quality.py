"""What is said of photos that are too small, dark, blurred or blank."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mineral_recog.data.given_photos import open_given
from mineral_recog.identify.photo_quality import find_problems, quality_warnings


def stone(size: int = 200) -> Image.Image:
    """Return a photo of coarse patches with grain on them."""
    rng = np.random.default_rng(0)
    patches = np.kron(rng.integers(60, 190, (5, 5, 3)), np.ones((40, 40, 1)))
    grain = rng.integers(-20, 20, patches.shape)
    return Image.fromarray((patches + grain).astype(np.uint8)[:size, :size])


def uneven_light(bend: float) -> Image.Image:
    """Return a wall that is bright on one side, and brightest in the middle if there is a bend."""
    place = np.linspace(-1, 1, 200)
    light = 120 + 60 * place[None] + 40 * place[:, None] + bend * (1 - 3 * place[None] ** 2)
    return Image.fromarray(np.repeat(light[..., None], 3, axis=2).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("image", "kinds"),
    [
        (stone(), []),
        (stone(79), ["small"]),
        (stone(80), []),  # half of the model's 160 pixels
        (stone().point([value // 8 for value in range(256)] * 3), ["dark"]),
        (stone().filter(ImageFilter.GaussianBlur(6)), ["blurred"]),
        (stone().filter(ImageFilter.GaussianBlur(40)), ["flat"]),
        (Image.new("RGB", (200, 200), "white"), ["blank"]),
        (Image.new("RGB", (200, 200)), ["blank"]),
        (Image.new("RGB", (1, 1), "brown"), ["small", "blank"]),
        (uneven_light(bend=0), ["blank"]),
        (uneven_light(bend=20), ["flat"]),  # no plane
        (Image.new("RGB", (1, 200), "white"), ["small", "blank"]),
        (
            Image.fromarray(np.full((200, 200, 3), 90, np.uint8) + np.arange(3, dtype=np.uint8)),
            ["blank"],
        ),
    ],
)
def test_problems_are_found(image: Image.Image, kinds: list[str]) -> None:
    problems = find_problems(open_given(image), 160)
    assert list(problems) == kinds


def test_warnings_name_the_photo_among_several() -> None:
    [warning] = quality_warnings([{"dark": "20 / 255"}])
    assert warning["en"] == "The photo is too dark: take another one in more light."
    assert warning["zh"] == "照片太暗：请在更亮的光线下重拍。"
    first, second = quality_warnings([{}, {"small": "9 × 9", "blurred": "3.1"}])
    assert first["en"] == "Photo 2 is too small (9 × 9 px): send a larger one."
    assert first["zh"] == "第 2 张照片太小（9 × 9 像素）：请换一张更大的照片。"
    assert second["en"].startswith("Photo 2 is blurred")
    assert quality_warnings([{}]) == []
