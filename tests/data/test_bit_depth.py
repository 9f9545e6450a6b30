"""Photos of more than 8 bits are scaled by the bits that they use."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.data.bit_depth import to_8_bits, to_16_bits, used_bits
from mineral_recog.data.images import open_photo, open_photo_with_header
from tests.deep_files import deep_png, deep_tiff

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (9, 14, 3)).astype(np.uint8)


def with_bits(values: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    """Return values with more bits, whose 8 highest are those given; the others are noise."""
    noise = RNG.integers(0, 2 ** (bits - 8), values.shape)
    deep: NDArray[np.uint16] = (values.astype(int) * 2 ** (bits - 8) + noise).astype(np.uint16)
    return deep


@pytest.mark.parametrize(
    ("highest", "bits"),
    [
        (1, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16383, 14),
        (16384, 16), (65535, 16),
    ],
)  # fmt: skip
def test_highest_value_decides(highest: int, bits: int) -> None:
    assert used_bits(np.array([0, highest], np.uint16)) == bits


def test_8_bits_that_were_stretched_keep_their_brightness() -> None:
    dark = np.arange(30, dtype=np.uint16)
    assert used_bits(np.zeros(3, np.uint16)) == 16
    scaled, used = to_8_bits(dark.reshape(5, 6) * 257)
    assert (scaled.ravel() == dark).all()
    assert used == 16


def test_transparency_has_its_own_scale() -> None:
    values = np.dstack([with_bits(COLOURS, 12), np.full((9, 14), 65535, np.uint16)])
    scaled, used = to_8_bits(values)
    assert used == 12
    assert (scaled[..., :3] == COLOURS).all()
    assert (scaled[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0]), [0, 32768, 65535]),
        (np.array([0.0, 0.5, 1.0], np.float16), [0, 32768, 65535]),  # the type ends at 65504
        (np.array([0.0, 40.0, 255.0], np.float32), [0, 40 * 257, 65535]),
        (np.array([0, 65535]), [0, 65535]),
    ],
)
def test_known_scales_become_16_bits(values: NDArray[np.float64], expected: list[int]) -> None:
    deep = to_16_bits(values)
    assert deep is not None
    assert deep.tolist() == expected


@pytest.mark.parametrize("values", [np.array([0.0, 256.0]), np.array([-0.1, 1.0]), np.array([-1])])
def test_other_scales_are_unknown(values: NDArray[np.float64]) -> None:
    assert to_16_bits(values) is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_make_a_photo_unreadable(wrong: float) -> None:
    file = BytesIO()
    Image.fromarray(np.array([[0.5, wrong]], np.float32)).save(file, "TIFF")
    with pytest.raises(OSError, match="not finite"):
        open_photo(file)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_grey_files_are_scaled_by_the_used_bits(kind: str, bits: int) -> None:
    grey, file = COLOURS[..., 0], BytesIO()
    Image.fromarray(with_bits(grey, bits)).save(file, kind)
    photo, header = open_photo_with_header(file)
    assert header.used_bits == bits
    assert (np.asarray(photo)[..., 0] == grey).all()


def test_dark_floats_are_scaled_like_integers() -> None:
    grey, file = COLOURS[..., 0], BytesIO()
    Image.fromarray((with_bits(grey, 12) / 65535).astype(np.float32)).save(file, "TIFF")
    photo, header = open_photo_with_header(file)
    assert header.used_bits == 12
    assert (np.asarray(photo)[..., 0] == grey).all()


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize(
    "encode",
    [
        deep_png,
        deep_tiff,
        lambda values: deep_tiff(values, ">"),
        lambda values: deep_tiff(values, "<", compressed=True),
        lambda values: deep_tiff(values, ">", compressed=True),
        lambda values: deep_png(np.dstack([values, np.full((9, 14), 65535, np.uint16)])),
    ],
    ids=["png", "tiff", "big-endian", "deflated", "deflated big-endian", "png with alpha"],
)
def test_colour_files_are_scaled_by_the_used_bits(encode: type[bytes], bits: int) -> None:
    photo, header = open_photo_with_header(BytesIO(encode(with_bits(COLOURS, bits))))
    assert header.used_bits == bits
    assert (np.asarray(photo) == COLOURS).all()


def test_scaled_colours_are_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = with_bits(COLOURS, 12)
    for content in (deep_png(values, exif.tobytes()[6:]), deep_tiff(values, orientation=6)):
        photo, header = open_photo_with_header(BytesIO(content))
        assert (np.asarray(photo) == np.rot90(COLOURS, -1)).all()
        assert (header.width, header.height, header.used_bits) == (9, 14, 12)


def test_transparent_value_of_16_bit_grey_becomes_white() -> None:
    grey, file = with_bits(COLOURS[..., 0], 16), BytesIO()
    Image.fromarray(grey).save(file, "PNG", transparency=int(grey[0, 0]))
    pixels = np.asarray(open_photo(file))[..., 0]
    assert pixels[0, 0] == 255
    assert (pixels[grey != grey[0, 0]] == (grey >> 8)[grey != grey[0, 0]]).all()
