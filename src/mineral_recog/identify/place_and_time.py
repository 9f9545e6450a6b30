"""Where and when a photo was taken, by its EXIF data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ExifTags, Image

from mineral_recog.data.images import can_read_heic

GPS = ExifTags.GPS


class PlaceAndTime(NamedTuple):
    """Where and when a photo was taken, as far as that is known.

    Attributes:
        taken_at: Local time of the camera in ISO 8601, or an empty text.
        latitude: Degrees north, negative in the south.
        longitude: Degrees east, negative in the west.
    """

    taken_at: str = ""
    latitude: float | None = None
    longitude: float | None = None


def read_place_and_time(path: Path) -> PlaceAndTime:
    """Read place and time of a photo; what is missing, damaged or impossible stays unknown."""
    can_read_heic()
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
            place = _place(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # decoders raise all kinds of errors on damaged files
        return PlaceAndTime()
    return PlaceAndTime(_iso_time(taken), *place)


def _iso_time(value: object) -> str:
    """Return the ISO form of a time as EXIF writes it, 2024:05:03 14:22:10."""
    try:
        return datetime.strptime(_text(value), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""


def _place(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "EW", 180)
    # Receivers without a position write zeros; one half of a position is of no use.
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None, None
    return latitude, longitude


def _degrees(value: Any, reference: object, directions: str, limit: int) -> float | None:
    """Return signed decimal degrees, or None if an angle is not possible.

    Args:
        value: Degrees, minutes and seconds; the last ones may be missing.
        reference: The direction, one of `directions`.
        directions: The letters of the positive and of the negative direction.
        limit: Largest number of degrees.
    """
    direction = _text(reference).upper()
    try:
        parts = [float(part) for part in (value if isinstance(value, tuple) else (value,))]
    except (TypeError, ValueError, ArithmeticError):
        return None
    if len(direction) != 1 or direction not in directions or not 1 <= len(parts) <= 3:
        return None
    degrees, minutes, seconds = (*parts, 0.0, 0.0)[:3]
    if not (
        all(math.isfinite(part) and part >= 0 for part in parts) and max(minutes, seconds) < 60
    ):
        return None
    angle = degrees + minutes / 60 + seconds / 3600
    if angle > limit:
        return None
    return round(angle if direction == directions[0] else -angle, 6) + 0.0  # no negative zero


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip("\0 ")
