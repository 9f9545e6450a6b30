"""Place and time from EXIF: as the camera wrote them, or unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from mineral_recog.identify.place_and_time import PlaceAndTime, _degrees, read_place_and_time

TIME, LATITUDE, LONGITUDE = "2024:05:03 14:22:10", (33, 51, 24.5), (151, 12, 40)
UNKNOWN = PlaceAndTime()


def write_photo(path: Path, taken: Any = None, gps: dict[int, Any] | None = None) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "camera"  # some formats write no EXIF without a tag of its own
    if taken is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    if gps is not None:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    Image.new("RGB", (40, 40), (10, 200, 30)).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_place_and_time_are_read(tmp_path: Path, suffix: str) -> None:
    gps = {1: "S", 2: LATITUDE, 3: "E", 4: LONGITUDE}
    photo = write_photo(tmp_path / f"a.{suffix}", TIME, gps)
    known = read_place_and_time(photo)
    assert known == PlaceAndTime("2024-05-03T14:22:10", -33.856806, 151.211111)


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:45 10:00:00", "yesterday", ""]
)
def test_impossible_time_is_unknown(tmp_path: Path, taken: str) -> None:
    assert read_place_and_time(write_photo(tmp_path / "a.jpg", taken)) == UNKNOWN


@pytest.mark.parametrize(
    "gps",
    [
        {},
        {1: "N", 2: LATITUDE},
        {2: LATITUDE, 4: LONGITUDE},
        {1: "X", 2: LATITUDE, 3: "E", 4: LONGITUDE},
        {1: "", 2: LATITUDE, 3: "E", 4: LONGITUDE},
        {1: "N", 2: (91, 0, 0), 3: "E", 4: LONGITUDE},
        {1: "N", 2: (90, 0, 1), 3: "E", 4: LONGITUDE},
        {1: "N", 2: LATITUDE, 3: "E", 4: (180, 59, 0)},
        {1: "N", 2: (10, 75, 0), 3: "E", 4: LONGITUDE},
        {1: "N", 2: (IFDRational(1, 0),) * 3, 3: "E", 4: LONGITUDE},
        {1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: (IFDRational(0, 0),) * 3},
        {1: "N", 2: (0, 0, 0), 3: "E", 4: (0, 0, 0)},
        {1: "N", 2: (1, 2, 3, 4), 3: "E", 4: LONGITUDE},
    ],
    ids=str,
)
def test_impossible_place_is_unknown(tmp_path: Path, gps: dict[int, Any]) -> None:
    known = read_place_and_time(write_photo(tmp_path / "a.jpg", TIME, gps))
    assert known == PlaceAndTime("2024-05-03T14:22:10")


@pytest.mark.parametrize("value", [None, (), "", (None,), ("x", 1, 2), -3.0, 10**400])
def test_values_of_other_kinds_are_unknown(value: Any) -> None:
    assert _degrees(value, "N", "NS", 90) is None


@pytest.mark.parametrize(
    ("value", "reference", "degrees"),
    [
        ((33.5,), "N", 33.5),
        ((33, 30), "S", -33.5),
        (33.5, b"N\0", 33.5),
        ((0, 0, 0), "S", 0.0),
        ((90, 0, 0), "s ", -90.0),
    ],
)
def test_short_forms_of_degrees_are_understood(value: Any, reference: Any, degrees: float) -> None:
    result = _degrees(value, reference, "NS", 90)
    assert result == degrees
    assert not str(result).startswith("-0.0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.data())
def test_damaged_exif_is_never_an_error(tmp_path: Path, data: st.DataObject) -> None:
    gps = {1: "S", 2: LATITUDE, 3: "E", 4: LONGITUDE}
    content = bytearray(write_photo(tmp_path / "a.jpg", TIME, gps).read_bytes())
    for _ in range(8):
        position = data.draw(st.integers(0, min(300, len(content) - 1)))
        content[position] = data.draw(st.integers(0, 255))
    (tmp_path / "b.jpg").write_bytes(content)
    known = read_place_and_time(tmp_path / "b.jpg")
    assert known.latitude is None or -90 <= known.latitude <= 90
    assert known.longitude is None or -180 <= known.longitude <= 180


def test_file_that_is_no_photo_has_no_place(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no photo")
    assert read_place_and_time(tmp_path / "a.jpg") == UNKNOWN
    assert read_place_and_time(tmp_path / "absent.jpg") == UNKNOWN
