"""A photo gives the same pixels in every form that Python programs have one in."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from mineral_recog.data.given_photos import GivenPhoto, is_one_photo, open_given
from mineral_recog.errors import UserError
from tests.deep_files import deep_png
from tests.heic import heic

RNG = np.random.default_rng(0)
# Smooth, like photos, so that a reduced size gives similar pixels however it is made.
PHOTO = Image.fromarray(RNG.integers(0, 256, (6, 8, 3)).astype(np.uint8)).resize((64, 48))
GREY = np.asarray(PHOTO.convert("L"))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(kind: str, **options: Any) -> bytes:
    """Encode the photo on its side, with the EXIF orientation that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(PHOTO.transpose(Image.Transpose.ROTATE_90), kind, exif=exif, **options)


def with_alpha() -> Image.Image:
    image = PHOTO.copy()
    image.putalpha(Image.fromarray(GREY))
    return image


FILES = {
    "plain PNG": encoded(PHOTO, "PNG"),
    "plain JPEG": encoded(PHOTO, "JPEG"),
    "turned PNG": turned("PNG"),
    "turned JPEG": turned("JPEG"),
    "turned TIFF": turned("TIFF"),
    "turned WebP": turned("WEBP", lossless=True),
    "turned HEIC": heic(PHOTO.transpose(Image.Transpose.ROTATE_90), 6),
    "RGBA": encoded(with_alpha(), "PNG"),
    "LA": encoded(with_alpha().convert("LA"), "PNG"),
    "one transparent colour": encoded(PHOTO, "PNG", transparency=PHOTO.getpixel((9, 9))),
    "palette": encoded(PHOTO.quantize(16), "PNG"),
    "transparent palette": encoded(PHOTO.quantize(8), "PNG", transparency=bytes(range(0, 256, 32))),
    "1 bit": encoded(PHOTO.convert("1"), "PNG"),
    "CMYK": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "CMYK TIFF": encoded(PHOTO.convert("CMYK"), "TIFF"),
    "LAB": encoded(Image.new("LAB", (64, 48), (120, 90, 200)), "TIFF"),
    "profile": encoded(PHOTO, "PNG", icc_profile=b"no profile at all"),
    "animation": encoded(PHOTO, "GIF", save_all=True, append_images=[ImageOps.invert(PHOTO)]),
    "animated WebP": encoded(PHOTO, "WEBP", save_all=True, append_images=[ImageOps.invert(PHOTO)]),
    "pages": encoded(PHOTO, "TIFF", save_all=True, append_images=[ImageOps.invert(PHOTO)]),
    "16 bits": encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "PNG"),
    "12 of 16 bits": encoded(Image.fromarray(GREY.astype(np.uint16) * 16 + 3), "TIFF"),
    "32 bits": encoded(Image.fromarray(GREY.astype(np.int32) * 1000 - 9), "TIFF"),
    "0 to 1": encoded(Image.fromarray((GREY / 255).astype(np.float32)), "TIFF"),
    "0 to 255": encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
    "48 bits": deep_png(np.asarray(PHOTO).astype(np.uint16) * 257),
}  # fmt: skip


def pixels(photo: GivenPhoto, short_side: int | None = None) -> np.ndarray[Any, Any]:
    return np.asarray(open_given(photo, short_side).image).astype(int)


@pytest.mark.parametrize("name", FILES)
def test_every_way_gives_the_same_pixels(name: str, tmp_path: Path) -> None:
    content = FILES[name]
    path = tmp_path / "photo"
    path.write_bytes(content)
    expected = pixels(path)
    assert expected.std() > 1
    loaded = Image.open(BytesIO(content))
    loaded.load()
    with path.open("rb") as file, Image.open(path) as lazy:
        ways: list[GivenPhoto] = [
            str(path), content, bytearray(content), memoryview(content), BytesIO(content), file,
            lazy, Image.open(BytesIO(content)), Image.open(file), loaded,
        ]  # fmt: skip
        for photo in ways:
            assert (pixels(photo) == expected).all(), type(photo)
    unturned = loaded.copy()
    assert (pixels(unturned) == expected).all()
    if "turned" in name:
        upright = FILES["plain JPEG" if "JPEG" in name else "plain PNG"]
        difference = np.abs(expected - pixels(upright)).mean()
        assert difference < 8  # of the lossy formats
        assert (pixels(ImageOps.exif_transpose(loaded)) == expected).all()


@pytest.mark.parametrize(
    ("name", "convert"),
    [
        ("plain PNG", np.asarray),
        ("RGBA", np.asarray),
        ("1 bit", np.asarray),
        ("16 bits", np.asarray),
        ("12 of 16 bits", np.asarray),
        ("0 to 1", np.asarray),
        ("0 to 255", np.asarray),
        ("16 bits", lambda image: np.asarray(image)[..., None]),
        ("16 bits", lambda image: np.asarray(image).astype(">u2")),
        ("plain PNG", lambda image: np.asarray(image).astype(np.uint16) * 257),
        ("plain PNG", lambda image: (np.asarray(image) / 255).astype(np.float32)),
        ("RGBA", lambda image: np.asarray(image) / 255),
        ("plain PNG", lambda image: np.asfortranarray(np.asarray(image))),
    ],
)
def test_arrays_give_the_pixels_of_the_file(
    name: str, convert: Callable[[Image.Image], np.ndarray[Any, Any]]
) -> None:
    array = convert(Image.open(BytesIO(FILES[name])))
    before = array.copy()
    assert (pixels(array) == pixels(FILES[name])).all()
    assert (array == before).all()


def test_what_the_caller_gave_stays_as_it_is(tmp_path: Path) -> None:
    for name, content in FILES.items():
        path = tmp_path / "photo"
        path.write_bytes(content)
        with path.open("rb") as file:
            file.seek(5)
            open_given(file)
            assert (file.tell(), file.closed) == (5, False)
            lazy = Image.open(file)
            open_given(lazy, 8)
            loaded = Image.open(BytesIO(content))
            loaded.load()
            before = (loaded.size, loaded.mode, dict(loaded.info), loaded.tobytes())
            open_given(loaded, 8)
            assert before == (loaded.size, loaded.mode, dict(loaded.info), loaded.tobytes())
            lazy.load()  # still possible, and at the full size
            assert (lazy.size, lazy.tobytes()) == (loaded.size, loaded.tobytes()), name


def test_frame_that_was_sought_is_read() -> None:
    image = Image.open(BytesIO(FILES["pages"]))
    image.seek(1)
    assert (pixels(image) == 255 - pixels(FILES["plain PNG"])).all()
    assert image.tell() == 1


def test_large_jpegs_are_reduced_in_every_form() -> None:
    content = encoded(PHOTO.resize((640, 480)), "JPEG", quality=95)
    expected, loaded = pixels(content, 100), Image.open(BytesIO(content))
    assert expected.shape == (120, 160, 3)
    assert (pixels(Image.open(BytesIO(content)), 100) == expected).all()
    loaded.load()
    assert np.abs(pixels(loaded, 100) - expected).mean() < 1
    assert pixels(np.asarray(loaded), 100).shape == (480, 640, 3)  # of an unknown format


def test_files_that_cannot_seek_are_read() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as pipe:
        pipe.write(FILES["plain PNG"])
    with os.fdopen(read, "rb") as photo:
        assert (pixels(photo) == pixels(FILES["plain PNG"])).all()


def closed(content: bytes) -> BinaryIO:
    file = BytesIO(content)
    file.close()
    return file


def closed_image() -> Image.Image:
    file = BytesIO(FILES["plain PNG"])
    image = Image.open(file)
    file.close()
    return image


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (np.zeros(5, np.uint8), r"shape \[5\]"),
        (np.zeros((3, 8, 9), np.uint8), r"shape \[3, 8, 9\]"),
        (np.zeros((2, 8, 9, 3), np.uint8), "shape"),
        (np.zeros((8, 9, 2), np.uint8), "shape"),
        (np.zeros((0, 9, 3), np.uint8), "shape"),
        (np.zeros((8, 9, 3), np.int64), "type int64"),
        (np.zeros((8, 9, 3), complex), "type complex"),
        (np.array([["a"]]), "type <U1"),
        (np.full((8, 9), np.nan), "not finite"),
        (np.array([[0, 300.0]]), "from 0 to 300"),
        (np.array([[-1.5, 1]]), "from -1.5 to 1"),
        (b"", "cannot be read"),
        (b"no photo", r"\(not a photo in a known format\)"),
        (FILES["plain JPEG"][:-200], "truncated"),
        (closed(FILES["plain PNG"]), "closed"),
        (closed_image(), "cannot be read"),
        (StringIO("text"), "'rb'"),
        ("absent.jpg", r"absent\.jpg cannot be read"),
        (".", "cannot be read"),
        ("\0", "cannot be read"),
        (5, "int is no photo"),
        (None, "NoneType is no photo"),
        ([], "list is no photo"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_anything_else_is_refused_in_one_line(photo: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        open_given(photo)
    assert "\n" not in str(error.value)


def test_one_photo_is_told_from_several(tmp_path: Path) -> None:
    for photo in ("a", tmp_path, b"a", BytesIO(), Image.new("L", (1, 1)), np.zeros((1, 1))):
        assert is_one_photo(photo)
    for photos in (["a"], ("a", "b"), iter(["a"]), {"a": 1}.keys()):
        assert not is_one_photo(photos)
