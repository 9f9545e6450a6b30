"""Opening photos: any format that Pillow reads, and HEIC with `pillow-heif`; upright, in RGB."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr

MOST_MEGAPIXELS = "MINERAL_RECOG_MEGAPIXELS"  # environment variable: what a photo may have
HEIC = (".heic", ".heif", ".hif")  # what phones and cameras name such photos
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
INSTALL_HEIC = "pip install 'mineral-recog[heic]'"
# Photos that need another program to be read; Pillow does not know their names.
NEEDS_CONVERTING = {
    ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf",
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What a photo's file says of it.

    Attributes:
        format: Pillow's name of it, such as JPEG.
        width: pixels of the whole photo once it is upright.
        height: likewise.
    """

    format: str
    width: int
    height: int


class TooLargeError(OSError):
    """A photo of more pixels than the user lets be decoded."""


def is_photo_name(name: str) -> bool:
    """Whether a file's name may be that of a photo: a suffix that Pillow knows, or none.

    HEIC is a photo even where it cannot be read: it is named then, not passed over.
    """
    suffix = Path(name).suffix.lower()
    return suffix in ("", *HEIC) or suffix in Image.registered_extensions()


@cache
def reads_heic() -> bool:
    """Whether HEIC can be read; the first time, Pillow is told how."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def may_be_photo(name: str) -> bool:
    """Whether a file's name is that of a photo, even of one that must be converted first."""
    return is_photo_name(name) or Path(name).suffix.lower() in NEEDS_CONVERTING


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
    return examine_photo(path, short_side, formats)[0]


def examine_photo(
    path: Path | BinaryIO, short_side: int | None = None, formats: tuple[str, ...] | None = None
) -> tuple[Image.Image, Header]:
    """A photo as `open_photo` gives it, and what its file says of it; arguments as there.

    Raises:
        OSError: as for `open_photo`; `TooLargeError` for more pixels than allowed.
        UserError: the environment allows a number of megapixels that is none.
    """
    _set_limit()
    try:
        return _decode(path, short_side, formats)
    except Image.DecompressionBombError:
        raise TooLargeError(
            tr(
                f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels; to read it "
                f"all the same, set the environment variable {MOST_MEGAPIXELS} to a larger number",
                f"超过 {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} 百万像素；如确需读取，"
                f"请把环境变量 {MOST_MEGAPIXELS} 设为更大的数",
            )
        ) from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # decoders raise errors of every kind on damaged files
        raise OSError(str(error) or type(error).__name__) from error


def pixel_size(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height as the file says, not turned upright; None if it does not say."""
    _set_limit()
    try:
        with _open(file, None) as image:
            return image.width, image.height
    except Exception:  # as above; what is wrong is told when the photo is decoded
        return None


def unreadable_error(root: Path, bad: Sequence[tuple[object, str]]) -> UserError:
    """The error that names photos that cannot be read.

    Args:
        root: of their split.
        bad: where each lies, and why it cannot be read.
    """
    shown = ", ".join(f"{where} ({reason})" for where, reason in bad[:10])
    more = f", ... (+{len(bad) - 10})" if len(bad) > 10 else ""
    return DataError(
        tr(
            f"{len(bad)} photos in {root} cannot be read: {shown}{more}. Replace or remove them, "
            "or use `mineral-recog prepare`, which skips such photos.",
            f"{root} 里有 {len(bad)} 张照片无法读取：{shown}{more}。请替换或删除它们，"
            "或用 `mineral-recog prepare`（会跳过这类照片）。",
        )
    )


def _set_limit() -> None:
    """Let photos have as many pixels as the environment says; without that, as Pillow does."""
    text = os.environ.get(MOST_MEGAPIXELS)
    if not text:
        return
    try:
        most = float(text)
    except ValueError:
        most = 0.0
    if not 0 < most < float("inf"):
        raise DataError(
            tr(
                f"{MOST_MEGAPIXELS}={text}: give a number above 0, such as 500.",
                f"{MOST_MEGAPIXELS}={text}：请给出大于 0 的数，例如 500。",
            )
        )
    Image.MAX_IMAGE_PIXELS = max(1, int(most * 1e6 / 2))  # Pillow refuses from twice this on


def _decode(
    path: Path | BinaryIO, short_side: int | None, formats: tuple[str, ...] | None
) -> tuple[Image.Image, Header]:
    with _open(path, formats) as image:
        (width, height), kind = image.size, image.format or ""
        if kind == "EPS":  # a program, which Pillow would have Ghostscript run
            raise UnidentifiedImageError(
                tr("EPS is not read; save it as PNG", "不读取 EPS；请另存为 PNG")
            )
        if short_side is not None:
            image.draft("RGB", (short_side, short_side))
        image.load()
        if image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8):  # on its side
            width, height = height, width
        upright: Image.Image = image
        ImageOps.exif_transpose(upright, in_place=True)  # or it would be copied all the same
    if upright.mode.startswith(("I", "F")):
        upright = _to_8_bits(upright)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright)
    if upright.mode != "RGB":  # a conversion would copy all the same
        upright = upright.convert("RGB")
    return upright, Header(kind, width, height)


def _open(path: Path | BinaryIO, formats: tuple[str, ...] | None) -> Image.Image:
    """The photo with its header read, as HEIC only when it is no other."""
    try:
        return Image.open(path, formats=formats)
    except UnidentifiedImageError:
        if formats is not None or not _is_heic(path):
            raise
    if not reads_heic():
        raise UnidentifiedImageError(
            tr(f"a HEIC photo; to read it: {INSTALL_HEIC}", f"HEIC 照片；如需读取：{INSTALL_HEIC}")
        )
    return Image.open(path)


def _is_heic(path: Path | BinaryIO) -> bool:
    """Whether a file begins as HEIC does (ISO/IEC 23008-12)."""
    if isinstance(path, Path):
        with path.open("rb") as file:
            return _is_heic(file)
    path.seek(0)
    start = path.read(12)
    return start[4:8] == b"ftyp" and start[8:] in HEIC_BRANDS


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


def unreadable(
    photos: Sequence[int],
    open_file: Callable[[int], BinaryIO],
    on_checked: Callable[[int], None] = lambda count: None,
) -> list[tuple[int, str]]:
    """Read every photo once, in parallel; those that cannot be read, with the reason.

    Args:
        photos: their numbers.
        open_file: gives the bytes of one; called from several threads, may raise OSError.
        on_checked: called with the number of photos checked so far.
    """

    def check(photo: int) -> str | None:
        try:
            with open_file(photo) as file:
                # A small draft still reads the whole file, so that one cut short is found.
                open_photo(file, short_side=16)
        except OSError as error:
            return " ".join(str(error).split()) or type(error).__name__
        return None

    found = []
    # Pillow decodes outside Python's lock. No more at once than cores: each may take a gigabyte.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = pool.map(check, photos)
        for done, (photo, reason) in enumerate(zip(photos, reasons, strict=True), start=1):
            if reason is not None:
                found.append((photo, reason))
            on_checked(done)
    return found
