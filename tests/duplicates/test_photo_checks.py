"""Checks of one photo report its problems and pass good photos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from mineral_recog.data.images import Header
from mineral_recog.duplicates.photo_checks import check_photo
from tests.duplicates.scenes import scene


def kinds(image: Image.Image) -> list[str]:
    return [remark.kind for remark in check_photo(image, Header("PNG", *image.size))]


def small_stone(size: int) -> Image.Image:
    """Draw a stone on white paper that fills a ninth of the photo."""
    photo = Image.new("RGB", (size, size), "white")
    photo.paste(scene(1, size // 3, size // 3), (size // 3, size // 3))
    return photo


def placeholder() -> Image.Image:
    image = Image.new("RGB", (400, 300), "#eeeeee")
    ImageDraw.Draw(image).text((150, 140), "No image available", fill="#888888")
    return image


def night_photo() -> Image.Image:
    return scene(1, 300, 300).point(lambda value: value // 8)


def bright_spot() -> Image.Image:
    """Draw a lit stone on black velvet: mostly dark, but a good photo."""
    photo = Image.new("RGB", (300, 300))
    photo.paste(scene(1, 90, 90), (100, 100))
    return photo


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (scene(1, 300, 300), []),
        (small_stone(300), []),
        (bright_spot(), []),
        (scene(1, 333, 112), []),
        (scene(1, 300, 111), ["small"]),
        (scene(1, 680, 224), ["ribbon"]),
        (scene(1, 224, 680), ["ribbon"]),
        (night_photo(), ["dark"]),
        (scene(1, 300, 300).filter(ImageFilter.GaussianBlur(6)), ["blurred"]),
        (scene(1, 1200, 1200).filter(ImageFilter.GaussianBlur(24)), ["blurred"]),
        (placeholder(), ["flat"]),
        (Image.new("RGB", (300, 300), "black"), ["flat"]),
        (Image.new("RGB", (1, 1)), ["small", "flat"]),
        (scene(1, 5, 40), ["small", "ribbon"]),  # too few pixels to check for blur
        (Image.new("RGB", (4000, 1)), ["small", "ribbon", "flat"]),
    ],
)
def test_each_problem_is_reported_and_no_other(image: Image.Image, expected: list[str]) -> None:
    assert kinds(image) == expected


def test_close_up_that_is_sharp_in_one_place_passes() -> None:
    photo = scene(1, 300, 300).filter(ImageFilter.GaussianBlur(6))
    photo.paste(scene(2, 70, 70), (20, 20))
    assert kinds(photo) == []


def test_sharpness_is_measured_at_the_size_that_the_network_sees() -> None:
    # Soft at 2,048 pixels, sharp at 256.
    large = scene(3, 256, 256).resize((2048, 2048), Image.Resampling.BICUBIC)
    assert kinds(large) == []


@pytest.mark.parametrize(("used_bits", "details"), [(16, []), (12, ["12 / 16"])])
def test_unused_bits_are_reported(used_bits: int, details: list[str]) -> None:
    header = Header("TIFF", 300, 300, used_bits)
    assert [remark.detail for remark in check_photo(scene(1, 300, 300), header)] == details


def test_remarks_state_the_figures() -> None:
    columns = np.tile(np.arange(10, dtype=np.uint8) * 4, (200, 20))  # 0, 4, ... 36
    dark = Image.fromarray(columns).convert("RGB")
    assert [remark.detail for remark in check_photo(dark, Header("PNG", 100, 80))] == [
        "100 × 80",
        "36 / 255",
    ]
