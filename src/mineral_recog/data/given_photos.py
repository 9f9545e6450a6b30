"""Opens a photo in every form that Python programs have one in, with the same pixels."""

from __future__ import annotations

import os
from io import BytesIO, TextIOBase
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from mineral_recog.data.bit_depth import FILE_BITS, to_8_bits, to_16_bits
from mineral_recog.data.images import Photo, convert_image, open_photo_with_header
from mineral_recog.errors import DataError, reason_of
from mineral_recog.i18n import tr

# A path, the bytes of a file, a binary file, an image of Pillow, or an array.
GivenPhoto: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[Any]
)
# Files and images have a position or load lazily, so two threads must not read the same one.
_SHARED = Lock()


def is_one_photo(photos: object) -> bool:
    """Return whether an object is a photo, and not several."""
    kinds: Any = str | os.PathLike | bytes | bytearray | memoryview | Image.Image | np.ndarray
    return isinstance(photos, kinds) or hasattr(photos, "read")


def can_be_read_again(photo: GivenPhoto) -> bool:
    """Return whether a photo can be opened twice, unlike a pipe or a response from the network."""
    if isinstance(photo, str | os.PathLike):
        return Path(photo).is_file()
    return bool(getattr(photo, "seekable", lambda: True)())


def open_given(photo: GivenPhoto, short_side: int | None = None) -> Photo:
    """Open a photo like `open_photo`, in whatever form it is given.

    The object stays as it is: files keep their position and stay open, and images are not turned.

    - An image of Pillow has the pixels of its file: an EXIF orientation is applied, transparent
      parts become white, and the first frame of an animation is read, unless another one was
      sought. An image that was not loaded yet is read from its file, as from a path.
    - An array is RGB or grey: [H, W], [H, W, 1], [H, W, 3] or, with transparency, [H, W, 4]; of
      bool, uint8, uint16, or floating-point numbers from 0 to 1 or from 0 to 255.

    Args:
        photo: The photo.
        short_side: As for `open_photo`.

    Raises:
        DataError: The photo cannot be read, or it is nothing of this kind.
    """
    try:
        if isinstance(photo, str | os.PathLike):
            return open_photo_with_header(Path(photo), short_side)
        if isinstance(photo, bytes | bytearray | memoryview):
            return open_photo_with_header(BytesIO(photo), short_side)
        if isinstance(photo, np.ndarray):
            return _open_array(photo, short_side)
        with _SHARED:
            if isinstance(photo, Image.Image):
                return _open_image(photo, short_side)
            return _open_file(photo, short_side)
    except (OSError, MemoryError, ValueError) as error:  # ValueError: a closed file
        reason, name = reason_of(error), _name(photo)
        raise DataError(
            tr(
                f"{name} cannot be read ({reason}): give the path or the content of a photo.",
                f"{name} 无法读取（{reason}）：请给出照片的路径或内容。",
            )
        ) from None


def _open_image(image: Image.Image, short_side: int | None) -> Photo:
    """Open an image of Pillow: from its file if it was not loaded yet, else its pixels."""
    is_unloaded = isinstance(image, ImageFile.ImageFile) and image.tile and image.tell() == 0
    file = getattr(image, "fp", None)
    if not is_unloaded or file is None:
        return convert_image(image, short_side)
    return _open_and_rewind(file, short_side)


def _open_file(file: BinaryIO, short_side: int | None) -> Photo:
    if isinstance(file, TextIOBase):
        raise DataError(
            tr(
                f"{_name(file)} is open as text: open it with mode 'rb'.",
                f"{_name(file)} 是以文本方式打开的：请用 'rb' 方式打开。",
            )
        )
    if not hasattr(file, "read"):
        kind = type(file).__name__
        raise DataError(
            tr(
                f"{kind} is no photo: give a path, bytes, a binary file, a Pillow image or an "
                "array.",
                f"{kind} 不是照片：请给出路径、字节、二进制文件、Pillow 图像或数组。",
            )
        )
    if not can_be_read_again(file):  # such as a response from the network
        return open_photo_with_header(BytesIO(file.read()), short_side)
    return _open_and_rewind(file, short_side)


def _open_and_rewind(file: BinaryIO, short_side: int | None) -> Photo:
    """Open a file's photo, from its beginning, and put the file back where it was."""
    position = file.tell()
    try:
        return open_photo_with_header(file, short_side)
    finally:
        file.seek(position)


def _open_array(array: NDArray[Any], short_side: int | None) -> Photo:
    channels = array.shape[2:]
    is_shaped = array.ndim in (2, 3) and channels in ((), (1,), (3,), (4,)) and array.size > 0
    kind = array.dtype.newbyteorder("=")
    is_typed = kind.kind == "f" or kind in (bool, np.uint8, np.uint16)
    if not (is_shaped and is_typed):
        shape = list(array.shape)
        raise DataError(
            tr(
                f"An array of shape {shape} and type {array.dtype} is no photo: give [H, W] or "
                "[H, W, 3] of uint8, uint16, bool, or floating-point numbers from 0 to 1.",
                f"形状为 {shape}、类型为 {array.dtype} 的数组不是照片：请给出 [H, W] 或 [H, W, 3]，"
                "类型为 uint8、uint16、bool，或 0 到 1 的浮点数。",
            )
        )
    values = array[..., 0] if channels == (1,) else array
    used = FILE_BITS
    if values.dtype == bool:
        values = values * np.uint8(255)
    elif values.dtype != np.uint8:
        deep = to_16_bits(values)
        if deep is None:
            low, high = values.min(), values.max()
            raise DataError(
                tr(
                    f"The array has values from {low:g} to {high:g}: give floating-point numbers "
                    "from 0 to 1, or from 0 to 255.",
                    f"数组的值从 {low:g} 到 {high:g}：浮点数请用 0 到 1，或 0 到 255。",
                )
            )
        values, used = to_8_bits(deep)
    return convert_image(Image.fromarray(np.ascontiguousarray(values)), short_side, used)


def _name(photo: object) -> str:
    """Return the path of a photo if it has one, else what it is."""
    if isinstance(photo, str | os.PathLike):
        return str(photo)
    name = getattr(photo, "filename", None) or getattr(photo, "name", None)
    kind = type(photo).__name__
    return name if isinstance(name, str) else tr(f"the photo ({kind})", f"照片（{kind}）")
