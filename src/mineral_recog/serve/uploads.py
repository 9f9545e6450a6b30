"""Uploaded photos: limited formats and pixels, both checked before decoding."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from mineral_recog.data.file_contents import START_BYTES, content_name
from mineral_recog.data.images import Photo, can_read_heic, open_photo_with_header
from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import HttpError

# Formats that browsers show and whose decoders are well tested.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_NAMES = {"HEIF": "HEIC"}  # of Pillow's formats, where people know another one
# A JPEG is decoded at a fraction of its size. Others are decoded completely, which takes over a
# second for 50 million pixels, and these fit into a file of 2 kB. Phones take HEIC photos of 24
# million pixels.
MAX_JPEG_PIXELS, MAX_HEIC_PIXELS, MAX_OTHER_PIXELS = 50 * 10**6, 25 * 10**6, 16 * 10**6


def decode_photo(body: bytes, short_side: int) -> Photo:
    """Decode a photo, upright and in RGB, at the resolution that the model needs.

    Args:
        body: Photo in one of `readable_formats`, which is detected from the bytes.
        short_side: Pixels that suffice for the shorter side.

    Raises:
        HttpError: 415 not a photo in these formats, 413 too many pixels, 422 damaged.
    """
    kind, (width, height) = _read_header(body)
    if width * height > max_pixels(kind):
        raise _too_many_pixels_error(f"{width} x {height}", kind)
    try:
        return open_photo_with_header(BytesIO(body), short_side, readable_formats())
    except (OSError, MemoryError):
        raise HttpError(
            422,
            tr(
                "The photo is damaged or incomplete: take or save it again.",
                "照片已损坏或不完整：请重新拍摄或保存。",
            ),
        ) from None


def readable_formats() -> tuple[str, ...]:
    """Return FORMATS, and HEIC (HEIF for Pillow) where its decoder is installed."""
    return (*FORMATS, *_NAMES) if can_read_heic() else FORMATS


def max_pixels(kind: str) -> int:
    """Return the largest number of pixels of a photo in one of `readable_formats`."""
    if kind in ("JPEG", "MPO"):  # MPO: JPEGs in a row
        return MAX_JPEG_PIXELS
    return MAX_HEIC_PIXELS if kind == "HEIF" else MAX_OTHER_PIXELS


def _read_header(body: bytes) -> tuple[str, tuple[int, int]]:
    """Read the format, width and height from the header, without decoding."""
    if not body:
        raise HttpError(
            415,
            tr(
                "The file is empty (0 bytes): choose another one.",
                "文件是空的（0 字节）：请另选一个。",
            ),
        )
    try:
        with Image.open(BytesIO(body), formats=readable_formats()) as image:
            return str(image.format), image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels_error(tr("very many", "过多"), "JPEG") from None
    except Exception:  # decoders raise arbitrary errors on damaged headers
        raise _unsupported_error(body) from None


def _unsupported_error(body: bytes) -> HttpError:
    if content_name(body[:START_BYTES]) == "HEIC" and not can_read_heic():
        text = tr(
            "This server does not read HEIC: save the photo as JPEG and send that.",
            "本服务器不能读取 HEIC：请把照片另存为 JPEG 再发送。",
        )
    else:
        names = ", ".join(_NAMES.get(name, name) for name in readable_formats())
        text = tr(
            f"The file is not a photo in a supported format: send one of {names}.",
            f"文件不是受支持格式的照片：请发送 {names} 之一。",
        )
    return HttpError(415, text)


def _too_many_pixels_error(size: str, kind: str) -> HttpError:
    limit, kind = f"{max_pixels(kind) / 10**6:g}", _NAMES.get(kind, kind)
    return HttpError(
        413,
        tr(
            f"The photo has {size} pixels, more than the {limit} million of a {kind}: reduce its "
            "size, or send a JPEG.",
            f"照片的像素数（{size}）超过 {kind} 的上限 {limit} 百万：请缩小，或改发 JPEG。",
        ),
    )
