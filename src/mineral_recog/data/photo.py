"""Opening photos: any format that Pillow reads, upright, in RGB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps


def is_photo_name(name: str) -> bool:
    """Whether a file's name may be that of a photo: a suffix that Pillow knows, or none."""
    suffix = Path(name).suffix.lower()
    return suffix == "" or suffix in Image.registered_extensions()


def open_photo(
    path: Path | BinaryIO, short_side: int | None = None, formats: tuple[str, ...] | None = None
) -> Image.Image:
    """Decode a photo, turn it upright by its EXIF orientation and convert it to RGB.

    Transparent parts become white; 16-bit grey is scaled to 8 bits.

    Args:
        path: of the photo, or a file of its bytes; of an animation, the first frame is taken.
        short_side: pixels that suffice for the shorter side: large JPEGs are then decoded at a
            fraction of their size, several times as fast.
        formats: Pillow's names of those to try, by default all.

    Raises:
        OSError: the file is not a photo, is cut short, absurdly large or cannot be reached.
    """
    try:
        return _decode(path, short_side, formats)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # decoders raise errors of every kind on damaged files
        raise OSError(str(error) or type(error).__name__) from error


def _decode(
    path: Path | BinaryIO, short_side: int | None, formats: tuple[str, ...] | None
) -> Image.Image:
    with Image.open(path, formats=formats) as image:
        if short_side is not None:
            image.draft("RGB", (short_side, short_side))
        image.load()
        upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        upright = _to_8_bits(upright)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright)
    return upright.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits by its full scale, or by its own range where that is unknown."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 257).convert("L")
    low, high = image.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if low >= 0 and high <= 255:
        return image.convert("L")
    if image.mode == "I" and low >= 0 and high <= 65535:
        return image.point(lambda value: value / 257).convert("L")
    scale = 255 / ((high - low) or 1)
    return image.point(lambda value: value * scale + -low * scale).convert("L")


def why_unreadable(path: Path) -> str | None:
    """What is wrong with a photo, in a few words, or None if it can be read to its end."""
    try:
        # A small draft still reads the whole file, so that one cut short is found.
        open_photo(path, short_side=16)
    except OSError as error:
        return " ".join(str(error).split()) or type(error).__name__
    return None


def unreadable(
    paths: Sequence[Path], on_checked: Callable[[int], None] = lambda count: None
) -> list[tuple[Path, str]]:
    """Read every photo once, in parallel; those that cannot be read, with the reason.

    Args:
        paths: of the photos.
        on_checked: called with the number of photos checked so far.
    """
    found = []
    with ThreadPoolExecutor() as pool:  # Pillow decodes outside Python's lock
        for count, (path, reason) in enumerate(
            zip(paths, pool.map(why_unreadable, paths), strict=True), start=1
        ):
            if reason is not None:
                found.append((path, reason))
            on_checked(count)
    return found
