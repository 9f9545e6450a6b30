"""A region of a photo, as a person types it and as the network sees it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mineral_recog.errors import DataError
from mineral_recog.identify.region import (
    WHOLE,
    Region,
    check_region,
    middle_region,
    parse_region,
)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (Region(0.5, 0.25, 0.2, 0.2), (122.5, 7.5, 55, 55)),  # around 125..175, 25..45
        (Region(0.0, 0.0, 0.2, 0.2), (0, 0, 55, 55)),  # moved inside
        (Region(0.9, 0.9, 0.1, 0.1), (222.5, 72.5, 27.5, 27.5)),
        (Region(0.0, 0.4, 1.0, 0.2), (75, 0, 100, 100)),  # longer than the short side
        (WHOLE, (75, 0, 100, 100)),
    ],
)
def test_square_has_a_margin_and_stays_inside(
    region: Region, expected: tuple[float, float, float, float]
) -> None:
    left, top, width, height = region.square(250, 100)
    assert (left * 250, top * 100, width * 250, height * 100) == pytest.approx(expected)


def test_pixels_are_those_of_the_region() -> None:
    photo = Image.new("RGB", (40, 20), "white")
    photo.paste((255, 0, 0), (20, 10, 30, 20))
    pixels = Region(0.5, 0.5, 0.25, 0.5).pixels(photo, 16)
    assert pixels.shape == (16, 16, 3)
    assert (pixels[1:-1, 1:-1] == (255, 0, 0)).all()  # the outermost are mixed with what is beside
    assert np.array_equal(WHOLE.pixels(photo.crop((0, 0, 16, 16)), 16), np.full((16, 16, 3), 255))


def test_middle_region_is_the_central_square() -> None:
    assert middle_region(200, 100, 0.8) == pytest.approx((0.3, 0.1, 0.4, 0.8))


@pytest.mark.parametrize("text", ["0.5,0.25,0.2,0.3", " 0.5 , 0.25,0.2,0.3", "0.5，0.25，0.2，0.3"])
def test_region_is_parsed(text: str) -> None:
    assert parse_region(text) == Region(0.5, 0.25, 0.2, 0.3)
    assert parse_region("0.7,0.9,0.3,0.1")  # its right side is 1 only but for rounding


@pytest.mark.parametrize(
    "text",
    [
        "", "left", "0.1,0.1,0.2", "0,0,1,1,1", "0.5,0.5,0.6,0.2", "0.5,0.5,0.2,0.6",
        "-0.1,0,0.5,0.5", "0,0,0.001,1", "0,0,1,0", "nan,0,1,1", "0,0,nan,1", "0,0,inf,1",
        "10,20,100,100", "0;0;1;1",
    ],
)  # fmt: skip
def test_what_is_no_part_of_a_photo_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DataError, match="such as") as caught:
        parse_region(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values", ["0.5,0.25,0.2,0.3", (0.1, 0.1, 0.2), (0, 0, "wide", 1), (None,) * 4, 1]
)
def test_what_is_not_four_numbers_is_refused(values: object) -> None:
    with pytest.raises(DataError, match="such as"):
        check_region(values)  # type: ignore[arg-type]
