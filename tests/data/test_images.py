"""Photos in every format are opened upright in RGB; unreadable ones are reported."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mineral_recog.data.images import (
    TooLargeError,
    can_read_heic,
    find_unreadable,
    is_photo_name,
    open_photo,
    open_photo_with_header,
)
from mineral_recog.files import open_regular
from tests.heic import heic, without_heic


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


@pytest.mark.parametrize(
    ("mode", "low", "high"), [("I", 0, 200_000), ("I", -5, 5), ("F", 0.0, 1000.0), ("F", -1.0, 0.5)]
)
def test_grey_of_unknown_scale_is_scaled_by_its_range(
    tmp_path: Path, mode: str, low: float, high: float
) -> None:
    image = Image.new(mode, (3, 1), low)
    image.putpixel((1, 0), (low + high) / 2 if mode == "F" else int(low + high) // 2)
    image.putpixel((2, 0), high)
    image.save(tmp_path / "a.tiff")
    assert np.asarray(open_photo(tmp_path / "a.tiff"))[0, :, 0].tolist() == pytest.approx(
        [0, 127.5, 255], abs=1
    )


def test_cmyk_and_palette_become_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    assert corner(tmp_path / "a.jpg")[0] > 200
    Image.new("RGB", (8, 8), (0, 0, 250)).convert("P").save(tmp_path / "a.gif")
    assert corner(tmp_path / "a.gif")[2] > 200


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "black")
    image.paste((255, 255, 255), (0, 0, 20, 20))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise: left becomes top
    image.save(tmp_path / "a.jpg", exif=exif)
    upright = np.asarray(open_photo(tmp_path / "a.jpg"))
    assert upright.shape == (40, 20, 3)
    assert upright[:16].mean() > 240 > 15 > upright[24:].mean()


@pytest.mark.parametrize(
    ("orientation", "size", "white"),
    [
        (1, (64, 32), "left"),
        (2, (64, 32), "right"),
        (3, (64, 32), "right"),
        (6, (32, 64), "top"),
        (8, (32, 64), "bottom"),
    ],
)
def test_heic_is_rotated_only_once(
    tmp_path: Path, orientation: int, size: tuple[int, int], white: str
) -> None:
    image = Image.new("RGB", (64, 32), "black")
    image.paste("white", (0, 0, 32, 32))
    (tmp_path / "a.heic").write_bytes(heic(image, orientation))
    upright, header = open_photo_with_header(tmp_path / "a.heic")
    assert (header.format, header.width, header.height) == ("HEIF", *size)
    assert (upright.size, upright.mode) == (size, "RGB")
    pixels = np.asarray(upright.convert("L"))
    halves = {
        "left": pixels[:, : size[0] // 2],
        "right": pixels[:, size[0] // 2 :],
        "top": pixels[: size[1] // 2],
        "bottom": pixels[size[1] // 2 :],
    }
    assert max(halves, key=lambda half: halves[half].mean()) == white
    assert halves[white].mean() > 250


def test_heic_has_the_same_limit_and_is_reported_if_it_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = heic(Image.new("RGB", (64, 32), "red"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # the limit is twice this
    with pytest.raises(TooLargeError):
        open_photo(BytesIO(content))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2048)
    assert open_photo(BytesIO(content)).size == (64, 32)
    with pytest.raises(OSError, match="cannot identify"):
        open_photo(BytesIO(content), formats=("JPEG", "PNG"))
    with without_heic(monkeypatch), pytest.raises(OSError, match=r"pip install .*\[heic\]"):
        open_photo(BytesIO(content))
    (tmp_path / "cut.heic").write_bytes(content[:-5])
    [(index, reason)] = find_unreadable([0], lambda _: (tmp_path / "cut.heic").open("rb"))
    assert index == 0
    assert reason


def test_photo_names_do_not_depend_on_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a.HEIC", "a.heif", "a.jpg", "a", "a.txt"]
    expected = [True, True, True, True, False]
    assert can_read_heic()
    assert [is_photo_name(name) for name in names] == expected
    with without_heic(monkeypatch):
        assert [is_photo_name(name) for name in names] == expected


def test_eps_is_not_opened(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    for path in (tmp_path / "a.eps", BytesIO((tmp_path / "a.eps").read_bytes())):
        with pytest.raises(OSError, match="EPS is not supported"):
            open_photo(path)


def test_pillow_heif_is_not_imported_before_a_photo_needs_it(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    program = (
        "import sys; from pathlib import Path\n"
        "from mineral_recog.data.images import is_photo_name, open_photo\n"
        f"is_photo_name('a.heic'); open_photo(Path({str(tmp_path / 'a.png')!r}))\n"
        "assert 'pillow_heif' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_large_jpegs_are_decoded_at_reduced_size(tmp_path: Path) -> None:
    Image.new("RGB", (1600, 1200)).save(tmp_path / "a.jpg")
    assert open_photo(tmp_path / "a.jpg").size == (1600, 1200)
    assert open_photo(tmp_path / "a.jpg", short_side=300).size == (400, 300)


def test_unreadable_photos_are_listed_with_a_reason(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "good.jpg")
    content = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    paths = [tmp_path / name for name in ("good.jpg", "cut.jpg", "empty.png", "gone.png")]
    progress: list[int] = []
    unreadable = find_unreadable(range(4), lambda index: paths[index].open("rb"), progress.append)
    assert [index for index, _ in unreadable] == [1, 2, 3]
    assert all(reason and "\n" not in reason for _, reason in unreadable)
    assert progress == [1, 2, 3, 4]
    assert "truncated" in unreadable[0][1]


def test_link_to_nothing_is_called_so(tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to("gone.png")
    for opens in (open_photo, open_regular):
        with pytest.raises(OSError, match=r"^links to gone\.png, which does not exist$"):
            opens(link)
    with pytest.raises(FileNotFoundError):
        open_photo(tmp_path / "never there.png")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jpg", b"<!DOCTYPE html><title>404</title>", "HTML, not a photo"),
        ("a.jpg", b"\xef\xbb\xbf\n <html>", "HTML, not a photo"),
        ("a.jpg", b"<?xml version='1.0'?><svg/>", "SVG, not a photo"),
        ("a.jpg", b"version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"),
        ("a.jpg", b"", "empty"),
        ("a.jpg", b"FUJIFILMCCD-RAW 0201", "raw camera file; convert it"),
        ("a.NEF", b"anything", "NEF; convert it to JPEG"),
        ("a.jpg", b"only words", "not a photo in a known format"),
    ],
)
def test_file_that_is_no_photo_says_what_it_is(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OSError, match=message):
        open_photo(tmp_path / name)
    [(_, reason)] = find_unreadable([0], lambda _: (tmp_path / name).open("rb"))
    assert message in reason


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}])
def test_raw_file_in_tiff_is_not_read_as_its_thumbnail(tmp_path: Path, tags: object) -> None:
    assert isinstance(tags, dict)
    Image.new("RGB", (16, 12)).save(tmp_path / "a.tif", tiffinfo=tags)
    with pytest.raises(OSError, match="raw camera file"):
        open_photo(tmp_path / "a.tif")


def test_raw_file_of_canon_is_not_read_as_its_thumbnail() -> None:
    target = BytesIO()
    Image.new("RGB", (16, 12)).save(target, "TIFF")
    tiff = target.getvalue()
    assert tiff[:8] == b"II*\0\x08\0\0\0"  # the directory follows; in CR2, after its own header
    with pytest.raises(OSError, match="raw camera file"):
        open_photo(BytesIO(b"II*\0\x10\0\0\0CR\2\0\0\0\0\0" + tiff[8:]))
