"""Photos as people have them: upright, RGB, whatever they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mineral_recog.data.photo import open_photo, unreadable


def corner(path: Path) -> tuple[int, ...]:
    pixel = open_photo(path).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize(
    ("mode", "colour", "suffix", "expected"),
    [
        ("RGB", (10, 200, 30), "png", (10, 200, 30)),
        ("L", 77, "png", (77, 77, 77)),
        ("1", 1, "png", (255, 255, 255)),
        ("RGBA", (10, 20, 30, 0), "png", (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), "webp", (10, 20, 30)),
        ("LA", (90, 0), "png", (255, 255, 255)),
        ("I;16", 257 * 40, "png", (40, 40, 40)),
        ("I", 257 * 40, "tiff", (40, 40, 40)),
        ("F", 40.0, "tiff", (40, 40, 40)),
        ("RGB", (10, 200, 30), "bmp", (10, 200, 30)),
    ],
)
def test_modes_become_rgb(
    tmp_path: Path, mode: str, colour: object, suffix: str, expected: tuple[int, ...]
) -> None:
    path = tmp_path / f"a.{suffix}"
    image = Image.new(mode, (8, 8), colour)  # type: ignore[arg-type]
    image.save(path, lossless=True) if suffix == "webp" else image.save(path)
    assert open_photo(path).mode == "RGB"
    assert corner(path) == pytest.approx(expected, abs=1)


def test_cmyk_and_palette(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    assert corner(tmp_path / "a.jpg")[0] > 200
    Image.new("RGB", (8, 8), (0, 0, 250)).convert("P").save(tmp_path / "a.gif")
    assert corner(tmp_path / "a.gif")[2] > 200


def test_exif_orientation_is_followed(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "black")
    image.paste((255, 255, 255), (0, 0, 20, 20))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: left becomes top
    image.save(tmp_path / "a.jpg", exif=exif)
    upright = np.asarray(open_photo(tmp_path / "a.jpg"))
    assert upright.shape == (40, 20, 3)
    assert upright[:16].mean() > 240 > 15 > upright[24:].mean()


def test_large_jpegs_are_decoded_small(tmp_path: Path) -> None:
    Image.new("RGB", (1600, 1200)).save(tmp_path / "a.jpg")
    assert open_photo(tmp_path / "a.jpg").size == (1600, 1200)
    assert open_photo(tmp_path / "a.jpg", short_side=300).size == (400, 300)


def test_the_unreadable_are_told_with_their_reason(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "good.jpg")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    paths = [tmp_path / name for name in ("good.jpg", "cut.jpg", "empty.png", "gone.png")]
    told: list[int] = []
    found = unreadable(range(4), lambda photo: paths[photo].open("rb"), told.append)
    assert [photo for photo, _ in found] == [1, 2, 3]
    assert all(reason and "\n" not in reason for _, reason in found)
    assert told == [1, 2, 3, 4]
    assert "truncated" in found[0][1]
