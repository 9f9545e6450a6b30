"""Scales pixels of more than 8 bits to 8 bits, by the bits that they use.

Cameras and microscopes write 10, 12 or 14 bits into files of 16. By the scale of the file such a
photo is black: its brightest pixel may be a sixteenth of white.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.i18n import tr

FILE_BITS = 16
_CAMERA_BITS = (8, 10, 12, 14)
# Formats of 16 bits per channel that Pillow reads as the high byte of each value, and the format
# that gives the low byte instead.
_NATIVE, _SWAPPED = ("16L", "16B") if sys.byteorder == "little" else ("16B", "16L")
_LOW_BYTE_FORMATS = {
    f"{bands};{order}": f"{bands};{low}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, low in (("16L", "16B"), ("16B", "16L"), ("16N", _SWAPPED))
}


def used_bits(values: NDArray[np.uint16]) -> int:
    """Return how many of 16 bits values use: 8, 10, 12 or 14 if the highest fits, else 16.

    The highest value decides, so that no pixel is ever clipped. A photo of all 16 bits that has no
    value above a quarter counts as one of 14 bits or fewer: it is so dark that it gains by it.
    Multiples of 257 are 8 bits that were stretched to 16; these keep the brightness that they have
    in 8 bits.
    """
    highest = int(values.max())
    if highest >= 2 ** _CAMERA_BITS[-1] or not (values % 257).any():
        return FILE_BITS
    return next(bits for bits in _CAMERA_BITS if highest < 2**bits)


def to_8_bits(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], int]:
    """Scale values to 8 bits.

    Args:
        values: [H, W], [H, W, 3] or [H, W, 4]; a fourth channel is transparency and has its own
            scale.

    Returns:
        The 8 highest bits of those that are used, and how many are used.
    """
    colours = values[..., :3] if values.ndim == 3 else values
    used = used_bits(colours)
    scaled = (colours >> (used - 8)).astype(np.uint8)
    if values.ndim == 3 and values.shape[2] == 4:
        alpha = values[..., 3:]
        scaled = np.dstack([scaled, (alpha >> (used_bits(alpha) - 8)).astype(np.uint8)])
    return scaled, used


def to_16_bits(values: NDArray[Any]) -> NDArray[np.uint16] | None:
    """Bring numbers of a known scale to 16 bits; None if the scale is unknown.

    Floating-point numbers are from 0 to 1 or, if one is above 1, from 0 to 255; integers are from
    0 to 65535.

    Raises:
        OSError: Values are infinite or not numbers.
    """
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise OSError(tr("some values are not finite numbers", "有些值不是有限的数"))
    if low < 0:
        return None
    if values.dtype.kind == "f":
        if high > 255:
            return None
        scale = 65535.0 if high <= 1 else 257.0
        values = np.rint(values.astype(np.float32) * scale)
    elif high > 65535:
        return None
    deep: NDArray[np.uint16] = values.astype(np.uint16)
    return deep


def grey_to_8_bits(image: Image.Image) -> tuple[Image.Image, int]:
    """Scale a grey image of more than 8 bits to 8, and return how many of 16 bits it uses.

    Values of unknown scale are stretched from the lowest to the highest.

    Args:
        image: Loaded image of one of the modes I;16, I and F.

    Raises:
        OSError: Values are infinite or not numbers.
    """
    values = np.asarray(image.convert("I") if image.mode.startswith("I;16") else image)
    deep = to_16_bits(values)
    if deep is None:
        low, high = float(values.min()), float(values.max())
        share = (values - low) / ((high - low) or 1.0)
        deep = np.rint(share * 65535).astype(np.uint16)
    grey, used = to_8_bits(deep)
    scaled = Image.fromarray(grey)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return scaled, used


def has_deep_colours(image: Image.Image) -> bool:
    """Return whether an opened image, not loaded yet, has colours of 16 bits per channel."""
    return any(_raw_format(tile) in _LOW_BYTE_FORMATS for tile in getattr(image, "tile", ()))


def is_dark(image: Image.Image) -> bool:
    """Return whether no colour of a loaded RGB image reaches a quarter, as with 14 of 16 bits."""
    return bool(np.asarray(image)[..., :3].max() < 2 ** (_CAMERA_BITS[-1] - 8))


def colours_to_8_bits(image: Image.Image, again: Image.Image) -> tuple[Image.Image, int]:
    """Scale colours of 16 bits per channel to 8, and return how many bits they use.

    Args:
        image: Loaded image, which has the high byte of each value.
        again: The same image opened once more, not loaded yet.
    """
    again.tile = [_with_low_byte(tile) for tile in again.tile]  # type: ignore[attr-defined]
    again.load()
    deep = np.asarray(image).astype(np.uint16) << 8 | np.asarray(again)
    colours, used = to_8_bits(deep)
    scaled = Image.fromarray(colours)
    scaled.info = image.info
    return scaled, used


def _raw_format(tile: Any) -> str:
    """Return the format of the pixels in a part of a file, such as RGB;16B."""
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _with_low_byte(tile: Any) -> Any:
    """Return a part of a file that is decoded to the low bytes of its values."""
    arguments, low = tile[3], _LOW_BYTE_FORMATS[_raw_format(tile)]
    changed = (low, *arguments[1:]) if isinstance(arguments, tuple) else low
    # A named tuple since Pillow 11.
    return tile._replace(args=changed) if hasattr(tile, "_replace") else (*tile[:3], changed)
