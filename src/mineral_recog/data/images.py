"""Opens photos upright in RGB: any format that Pillow reads, and HEIC with `pillow-heif`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from mineral_recog.cores import thread_count
from mineral_recog.data.bit_depth import (
    FILE_BITS,
    colours_to_8_bits,
    grey_to_8_bits,
    has_deep_colours,
    is_dark,
)
from mineral_recog.data.file_contents import (
    LFS_POINTER,
    RAW,
    content_name,
    is_unsupported_name,
    read_start,
)
from mineral_recog.errors import DataError, UserError, reason_of
from mineral_recog.files import dead_link
from mineral_recog.i18n import tr

MAX_MEGAPIXELS_VARIABLE = "MINERAL_RECOG_MEGAPIXELS"  # environment variable with the pixel limit
HEIC_SUFFIXES = (".heic", ".heif", ".hif")  # as phones and cameras use them
INSTALL_HEIC = "pip install 'mineral-recog[heic]'"
_DNG_VERSION = 50706  # TIFF tag


@dataclass(frozen=True)
class Header:
    """Header of a photo's file.

    Attributes:
        format: Pillow's name of the format, such as JPEG.
        width: Width of the upright photo at full size, in pixels.
        height: Height of the upright photo at full size, in pixels.
        used_bits: Bits that its values use if they are of 16 bits; the photo is scaled by these.
    """

    format: str
    width: int
    height: int
    used_bits: int = FILE_BITS


class Photo(NamedTuple):
    """A decoded photo, upright and in RGB, and what its header says."""

    image: Image.Image
    header: Header


class TooLargeError(OSError):
    """A photo has more pixels than the limit for decoding."""


class NotAPhotoError(UnidentifiedImageError):
    """A file is something other than a readable photo.

    Attributes:
        content: What it is, the same in every language; "" if unknown.
    """

    def __init__(self, content: str, message: str) -> None:
        super().__init__(message)
        self.content = content


def is_photo_name(name: str) -> bool:
    """Return whether a file name can be that of a photo: a suffix that Pillow knows, or none.

    HEIC counts even if it cannot be read, so that such photos are reported and not ignored.
    """
    suffix = Path(name).suffix.lower()
    return suffix in ("", *HEIC_SUFFIXES) or suffix in Image.registered_extensions()


@cache
def can_read_heic() -> bool:
    """Return whether HEIC can be read; the first call registers the decoder with Pillow."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def is_any_photo_name(name: str) -> bool:
    """Return whether a file name is that of a photo, including formats that need conversion."""
    return is_photo_name(name) or is_unsupported_name(name)


def open_photo(
    path: Path | BinaryIO, short_side: int | None = None, formats: tuple[str, ...] | None = None
) -> Image.Image:
    """Decode a photo, turn it upright by its EXIF orientation and convert it to RGB.

    Transparent parts become white; values of 16 bits are scaled to 8 by the bits that they use.

    Args:
        path: Path of the photo, or an open file; only the first frame of an animation is read.
        short_side: Number of pixels that the shorter side needs at least: large JPEGs are then
            decoded at a fraction of their size, several times as fast.
        formats: Pillow's names of the formats to try; by default all.

    Raises:
        OSError: The file is not a photo, is truncated, exceeds the pixel limit, or cannot be
            reached.
    """
    return open_photo_with_header(path, short_side, formats).image


def open_photo_with_header(
    path: Path | BinaryIO, short_side: int | None = None, formats: tuple[str, ...] | None = None
) -> Photo:
    """Open a photo like `open_photo`, with the same arguments, and return its header as well.

    Raises:
        OSError: As for `open_photo`; `TooLargeError` if the photo exceeds the pixel limit.
        UserError: The pixel limit in the environment is not a positive number.
    """
    _set_limit()
    with _decoder_errors():
        if isinstance(path, Path) and (reason := dead_link(path)):
            raise OSError(reason)
        return _decode(path, short_side, formats)


def convert_image(
    image: Image.Image, short_side: int | None = None, used_bits: int = FILE_BITS
) -> Photo:
    """Return an image of Pillow, which stays as it is, like `open_photo` returns a file.

    A large JPEG that is decoded already is averaged to the size at which its file would be decoded.
    This gives nearly the same pixels; to the last bit, it takes the file.

    Args:
        image: The image, loaded or not.
        short_side: As for `open_photo`.
        used_bits: Bits that its values used before they were scaled to 8, for the header.

    Raises:
        OSError: The image cannot be decoded.
    """
    with _decoder_errors():
        image.load()
        scale, kind = 1, image.format or ""
        if short_side is not None and kind in ("JPEG", "MPO"):
            fits = min(image.size) // short_side
            scale = next(scale for scale in (8, 4, 2, 1) if scale <= max(1, fits))  # as `draft`
        return _finish(image.reduce(scale), image.size, kind, used_bits)  # always copies


@contextmanager
def _decoder_errors() -> Iterator[None]:
    """Turn everything that decoders raise into OSError."""
    try:
        yield
    except Image.DecompressionBombError:
        raise TooLargeError(
            tr(
                f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels; to read it "
                f"anyway, set the environment variable {MAX_MEGAPIXELS_VARIABLE} to a larger "
                "number",
                f"超过 {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} 百万像素；如确需读取，"
                f"请把环境变量 {MAX_MEGAPIXELS_VARIABLE} 设为更大的数",
            )
        ) from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # decoders raise all kinds of errors on damaged files
        raise OSError(str(error) or type(error).__name__) from error


def pixel_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height from the header, before EXIF rotation; None if unknown."""
    _set_limit()
    try:
        with _open(file, None) as image:
            return image.width, image.height
    except Exception:  # as above; decoding the photo reports the error
        return None


def unreadable_photos_error(root: Path, bad: Sequence[tuple[object, str]]) -> UserError:
    """Return the error that lists photos that cannot be read.

    Args:
        root: Folder of their split.
        bad: Location of each photo, and the reason why it cannot be read.
    """
    shown = ", ".join(f"{path} ({reason})" for path, reason in bad[:10])
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
    """Set the pixel limit of the environment; without one, the limit of Pillow stays."""
    text = os.environ.get(MAX_MEGAPIXELS_VARIABLE)
    if not text:
        return
    try:
        megapixels = float(text)
    except ValueError:
        megapixels = 0.0
    if not 0 < megapixels < float("inf"):
        raise DataError(
            tr(
                f"{MAX_MEGAPIXELS_VARIABLE}={text}: give a number above 0, such as 500.",
                f"{MAX_MEGAPIXELS_VARIABLE}={text}：请给出大于 0 的数，例如 500。",
            )
        )
    Image.MAX_IMAGE_PIXELS = max(1, int(megapixels * 1e6 / 2))  # Pillow refuses twice this


def _decode(
    path: Path | BinaryIO, short_side: int | None, formats: tuple[str, ...] | None
) -> Photo:
    with _open(path, formats) as opened:
        image: Image.Image = opened
        full_size, kind, used = image.size, image.format or "", FILE_BITS
        if kind == "EPS":  # a program, which Pillow would run with Ghostscript
            raise _not_a_photo(kind)
        if short_side is not None:
            opened.draft("RGB", (short_side, short_side))
        is_deep = has_deep_colours(opened)
        opened.load()
        if is_deep and is_dark(opened):
            with _open(path, formats) as again:
                image, used = colours_to_8_bits(opened, again)
        return _finish(image, full_size, kind, used)


def _finish(image: Image.Image, full_size: tuple[int, int], kind: str, used: int) -> Photo:
    """Return a loaded image, which may be changed, upright and in RGB."""
    width, height = full_size
    if image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8):  # a quarter turn
        width, height = height, width
    ImageOps.exif_transpose(image, in_place=True)  # otherwise always copies
    if image.mode.startswith(("I", "F")):
        image, used = grey_to_8_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image)
    if image.mode != "RGB":  # convert always copies
        image = image.convert("RGB")
    return Photo(image, Header(kind, width, height, used))


def _open(path: Path | BinaryIO, formats: tuple[str, ...] | None) -> Image.Image:
    """Open a photo and read its header; try HEIC only if no other format fits."""
    if formats is not None:
        return Image.open(path, formats=formats)
    name = str(getattr(path, "name", ""))
    if is_unsupported_name(name):
        raise _not_a_photo(Path(name).suffix[1:].upper())
    try:
        image = Image.open(path)
    except UnidentifiedImageError:
        content = _check_content(path)
        if content == "HEIC" and can_read_heic():
            return Image.open(path)
        raise _not_a_photo(content) from None
    if image.format == "TIFF" and _is_raw(image, path):
        image.close()
        raise _not_a_photo(RAW)
    return image


def _check_content(path: Path | BinaryIO) -> str:
    """Return what a file is that Pillow does not identify.

    Raises:
        OSError: It is empty, or damaged in a format that Pillow supports.
    """
    start = read_start(path)
    if not start:
        raise OSError(tr("the file is empty (0 bytes)", "文件是空的（0 字节）"))
    content = content_name(start)
    if content == "TIFF":
        raise UnidentifiedImageError(tr("a damaged TIFF file", "TIFF 文件已损坏"))
    return content


def _is_raw(image: Image.Image, path: Path | BinaryIO) -> bool:
    """Return whether a TIFF file is a raw camera file, of which Pillow would read a thumbnail."""
    if content_name(read_start(path)) == RAW:
        return True
    tags = image.getexif()
    is_reduced = bool(int(tags.get(ExifTags.Base.NewSubfileType, 0)) & 1)
    return _DNG_VERSION in tags or (is_reduced and ExifTags.Base.SubIFDs in tags)


def _not_a_photo(content: str) -> NotAPhotoError:
    """Return the error for a file that is something else, with what to do about it."""
    if content == "HEIC":
        return NotAPhotoError(
            f"HEIC: {INSTALL_HEIC}",
            tr(f"a HEIC photo; to read it: {INSTALL_HEIC}", f"HEIC 照片；如需读取：{INSTALL_HEIC}"),
        )
    if content == LFS_POINTER:
        english = "a git-LFS pointer in place of the photo; run `git lfs pull`"
        return NotAPhotoError(
            content, tr(english, "这是 git-LFS 指针而非照片；请运行 `git lfs pull`")
        )
    if content == "EPS":
        return NotAPhotoError(
            content, tr("EPS is not supported; save it as PNG", "不支持 EPS；请另存为 PNG")
        )
    if content == RAW or is_unsupported_name(f"_.{content}"):
        return NotAPhotoError(
            content, tr(f"{content}; convert it to JPEG", f"{content}；请先转换为 JPEG")
        )
    if not content:
        return NotAPhotoError("", tr("not a photo in a known format", "不是已知格式的照片"))
    return NotAPhotoError(content, tr(f"{content}, not a photo", f"{content}，不是照片"))


def find_unreadable(
    indices: Sequence[int],
    open_file: Callable[[int], BinaryIO],
    on_checked: Callable[[int], None] = lambda count: None,
) -> list[tuple[int, str]]:
    """Decode every photo once, in parallel, and return those that cannot be read.

    Args:
        indices: Indices of the photos.
        open_file: Opens the photo of an index; called from several threads, may raise OSError.
        on_checked: Called with the number of photos checked so far.

    Returns:
        Index and reason for each photo that cannot be read.
    """

    def check(index: int) -> str | None:
        try:
            with open_file(index) as file:
                # Even a small draft reads the complete file, so truncated files are detected.
                open_photo(file, short_side=16)
        except OSError as error:
            return reason_of(error)
        return None

    unreadable = []
    # Pillow releases the GIL while it decodes. One thread per core: each may take a gigabyte.
    with ThreadPoolExecutor(thread_count()) as pool:
        reasons = pool.map(check, indices)
        for done, (index, reason) in enumerate(zip(indices, reasons, strict=True), start=1):
            if reason is not None:
                unreadable.append((index, reason))
            on_checked(done)
    return unreadable
