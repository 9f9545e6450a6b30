"""Photos that come over the network: few formats, few pixels, and nothing decoded before that."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from mineral_recog.data.images import open_photo
from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import RefusedError

# What browsers show, with decoders that are well worn. HEIC is neither: not for bytes of strangers.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 50 * 10**6


def decode(body: bytes, short_side: int) -> Image.Image:
    """A photo from its bytes, upright and in RGB, decoded as far as the model needs it.

    Args:
        body: of one of FORMATS, which is told by the bytes.
        short_side: pixels that suffice for the shorter side.

    Raises:
        RefusedError: 415 no such photo, 413 too many pixels, 422 damaged.
    """
    width, height = _size(body)
    if width * height > MOST_PIXELS:
        raise _too_many_pixels(f"{width} x {height}")
    try:
        return open_photo(BytesIO(body), short_side, FORMATS)
    except (OSError, MemoryError):
        raise RefusedError(
            422,
            tr(
                "The photo is damaged or cut short: take or save it again.",
                "照片已损坏或不完整：请重新拍摄或保存。",
            ),
        ) from None


def _size(body: bytes) -> tuple[int, int]:
    """Width and height by the header alone."""
    try:
        with Image.open(BytesIO(body), formats=FORMATS) as image:
            size: tuple[int, int] = image.size
        return size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(tr("very many", "过多")) from None
    except Exception:  # decoders raise errors of every kind on damaged headers
        raise _no_photo() from None


def _no_photo() -> RefusedError:
    names = ", ".join(FORMATS)
    return RefusedError(
        415,
        tr(
            f"That is not a photo of a known format: send one of {names}.",
            f"这不是已知格式的照片：请发送 {names} 之一。",
        ),
    )


def _too_many_pixels(size: str) -> RefusedError:
    most = f"{MOST_PIXELS / 10**6:g}"
    return RefusedError(
        413,
        tr(
            f"The photo has {size} pixels, more than {most} million: make it smaller.",
            f"照片的像素为 {size}，超过 {most} 百万：请缩小后再发送。",
        ),
    )
