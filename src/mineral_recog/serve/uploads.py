"""Uploaded photos: limited formats and pixels, both checked before decoding."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from mineral_recog.data.images import Photo, open_photo_with_header
from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import HttpError

# Formats that browsers show and whose decoders are well tested. HEIC is neither, so untrusted HEIC
# files are not decoded.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# A JPEG is decoded at a fraction of its size. Others are decoded completely, which takes over a
# second for 50 million pixels, and these fit into a file of 2 kB.
MAX_JPEG_PIXELS, MAX_OTHER_PIXELS = 50 * 10**6, 16 * 10**6


def decode_photo(body: bytes, short_side: int) -> Photo:
    """Decode a photo, upright and in RGB, at the resolution that the model needs.

    Args:
        body: Photo in one of FORMATS, which is detected from the bytes.
        short_side: Pixels that suffice for the shorter side.

    Raises:
        HttpError: 415 not a photo in these formats, 413 too many pixels, 422 damaged.
    """
    kind, (width, height) = _read_header(body)
    if width * height > max_pixels(kind):
        raise _too_many_pixels_error(f"{width} x {height}", kind)
    try:
        return open_photo_with_header(BytesIO(body), short_side, FORMATS)
    except (OSError, MemoryError):
        raise HttpError(
            422,
            tr(
                "The photo is damaged or incomplete: take or save it again.",
                "照片已损坏或不完整：请重新拍摄或保存。",
            ),
        ) from None


def max_pixels(kind: str) -> int:
    """Return the largest number of pixels of a photo in one of FORMATS."""
    return MAX_JPEG_PIXELS if kind in ("JPEG", "MPO") else MAX_OTHER_PIXELS  # MPO: JPEGs in a row


def _read_header(body: bytes) -> tuple[str, tuple[int, int]]:
    """Read the format, width and height from the header, without decoding."""
    try:
        with Image.open(BytesIO(body), formats=FORMATS) as image:
            return str(image.format), image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels_error(tr("very many", "过多"), "JPEG") from None
    except Exception:  # decoders raise arbitrary errors on damaged headers
        names = ", ".join(FORMATS)
        raise HttpError(
            415,
            tr(
                f"The file is not a photo in a supported format: send one of {names}.",
                f"文件不是受支持格式的照片：请发送 {names} 之一。",
            ),
        ) from None


def _too_many_pixels_error(size: str, kind: str) -> HttpError:
    limit = f"{max_pixels(kind) / 10**6:g}"
    return HttpError(
        413,
        tr(
            f"The photo has {size} pixels, more than the {limit} million of a {kind}: reduce its "
            "size, or send a JPEG.",
            f"照片的像素数（{size}）超过 {kind} 的上限 {limit} 百万：请缩小，或改发 JPEG。",
        ),
    )
