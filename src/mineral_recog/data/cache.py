"""Cache of the reduced photos of a split, so that no epoch decodes large photos again.

DATA/.cache/SPLIT-SIDE, or SPLIT-SIDE-bicubic for that filter, holds two files. `pixels` contains
the photos one after the other as raw uint8 [h, w, 3]: nothing is lost, and nothing needs decoding.
`index` contains one record of fixed size per photo. Both files begin with the same random token. A
record is written only after its pixels are on the disk, so a process that is killed at any moment
leaves complete photos and at most a tail of pixels without records.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.data.dataset import Dataset
from mineral_recog.data.evaluation_view import BILINEAR, FILTERS
from mineral_recog.data.images import open_photo_with_header
from mineral_recog.i18n import tr

CACHE_ROOT, PIXELS_FILE, INDEX_FILE = ".cache", "pixels", "index"
INDEX_MAGIC, TOKEN_BYTES = b"mineral-recog reduced photos 1\n\0", 16
# Long side over short side. In a longer photo no random crop of 8 % or more of the area fits, so
# that the middle is used anyway.
MAX_ASPECT_RATIO = 16
MAX_RECORDS = 10_000_000  # an index with more records is not used

# `name` is a digest of the photo's path in the split; `bytes` and `mtime` (ns) are of its file.
RECORD = np.dtype(
    [
        ("name", "V16"),
        ("bytes", "<i8"),
        ("mtime", "<i8"),
        ("offset", "<i8"),
        ("height", "<i4"),
        ("width", "<i4"),
    ]
)
Records = NDArray[np.void]
Pixels = NDArray[np.uint8]


def reduced_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Return width and height of a photo in a cache: its short side is `side`, or stays smaller.

    The number of pixels next to the middle square is an integer, and equal on both sides of it. A
    photo with an aspect ratio above 16 is cropped to its middle.
    """
    short, long = min(width, height), max(width, height)
    if short <= side and long <= MAX_ASPECT_RATIO * short:
        return width, height
    reduced = min(short, side)
    margin = min(long - short, (MAX_ASPECT_RATIO - 1) * short) // 2 * reduced // short
    longer = reduced + 2 * margin
    return (longer, reduced) if width >= height else (reduced, longer)


def reduced_photo(file: Path | BinaryIO, side: int, interpolation: str = BILINEAR) -> Pixels:
    """Read a photo upright in RGB, resized to `reduced_size`; uint8 [h, w, 3].

    Its middle square has the same pixels as the middle square of the photo after the resize of the
    evaluation transform, so that validation gives the same result with a cache and without; where a
    JPEG is decoded at a fraction of its size, they agree to half a pixel. With bicubic, a pixel or
    two at the edge of the square may differ, since its filter sees what is beside the square.

    Raises:
        OSError: As for `open_photo`.
    """
    photo, header = open_photo_with_header(file, side)
    size = reduced_size(header.width, header.height, side)
    if photo.size != size:
        square = min(photo.size)
        spans = [_span(*axis, square, min(size)) for axis in zip(photo.size, size, strict=True)]
        (left, right), (top, bottom) = spans
        # The filter of the evaluation transform; Pillow widens it by the scale.
        photo = photo.resize(size, FILTERS[interpolation], (left, top, right, bottom))
    return np.asarray(photo)


def _span(pixels: int, reduced: int, square: int, reduced_square: int) -> tuple[float, float]:
    """Return which part of an axis is reduced: the middle square and the margins, to scale."""
    start = round((pixels - square) / 2)
    margin = (reduced - reduced_square) / 2 * square / reduced_square
    margin = min(margin, start, pixels - square - start)  # a draft may be a pixel too short
    return start - margin, start + square + margin


@dataclass(frozen=True)
class Cache:
    """The reduced photos of a split, for reading.

    Attributes:
        folder: Folder of the cache.
        token: Token at the start of its files when the records were read.
        records: Records of the split's photos in order, [N].
    """

    folder: Path
    token: bytes
    records: Records

    @contextmanager
    def open_pixels(self) -> Iterator[FileIO]:
        """Open the pixel file for `read_rows`; each process must open the file for itself.

        Raises:
            OSError: The file is missing, or belongs to a newer cache.
        """
        with FileIO(self.folder / PIXELS_FILE) as file:
            if file.read(TOKEN_BYTES) != self.token:
                path = self.folder / PIXELS_FILE
                raise OSError(tr(f"{path} was replaced", f"{path} 已被替换"))
            yield file

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of a reduced photo."""
        record = self.records[index]
        return int(record["width"]), int(record["height"])

    def read_rows(self, file: FileIO, index: int, top: int, height: int) -> Pixels:
        """Read `height` rows of a photo from row `top` on, uint8 [height, w, 3].

        Raises:
            OSError: The file is truncated.
        """
        width, _ = self.size(index)
        pixels = np.empty((height, width, 3), dtype=np.uint8)
        file.seek(int(self.records[index]["offset"]) + 3 * top * width)
        if file.readinto(pixels.data) != pixels.nbytes:
            path = self.folder / PIXELS_FILE
            raise OSError(tr(f"{path} is truncated", f"{path} 不完整"))
        return pixels

    def read_photo(self, index: int) -> Image.Image:
        """Read a reduced photo.

        Raises:
            OSError: As for `open_pixels` and `read_rows`.
        """
        with self.open_pixels() as file:
            _, height = self.size(index)
            return Image.fromarray(self.read_rows(file, index, 0, height))


def cache_folder(dataset: Dataset, side: int, interpolation: str = BILINEAR) -> Path:
    """Return the folder of the cache of a split."""
    suffix = "" if interpolation == BILINEAR else f"-{interpolation}"
    return dataset.root.parent / CACHE_ROOT / f"{dataset.root.name}-{side}{suffix}"


def path_digest(path: str) -> bytes:
    """Return the digest that identifies a photo's path in a record."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def read_records(folder: Path, side: int) -> tuple[bytes, Records] | None:
    """Return the token of a cache and its records, oldest first; None if there is no such cache.

    The files may contain anything: records are left out if their pixels are not in the pixel file,
    or if their photo cannot have that size in this cache.
    """
    try:
        with (folder / INDEX_FILE).open("rb") as file, (folder / PIXELS_FILE).open("rb") as pixels:
            magic, token = file.read(len(INDEX_MAGIC)), file.read(TOKEN_BYTES)
            valid = (
                magic == INDEX_MAGIC
                and len(token) == TOKEN_BYTES
                and token == pixels.read(TOKEN_BYTES)
            )
            if not valid or os.fstat(file.fileno()).st_size > MAX_RECORDS * RECORD.itemsize:
                return None
            data, end = file.read(), os.fstat(pixels.fileno()).st_size
    except OSError:
        return None
    count = len(data) // RECORD.itemsize  # the last record may be truncated
    records: Records = np.frombuffer(data, dtype=RECORD, count=count)
    height, width = records["height"], records["width"]
    short, long = np.minimum(height, width), np.maximum(height, width)
    valid_records = (short >= 1) & (short <= side) & (long <= MAX_ASPECT_RATIO * side)
    valid_records &= (records["offset"] >= TOKEN_BYTES) & (
        records["offset"] <= end - pixel_bytes(records)
    )
    return token, records[valid_records]


def pixel_bytes(records: Records) -> NDArray[np.int64]:
    """Return the number of bytes of each photo's pixels."""
    size: NDArray[np.int64] = 3 * records["height"].astype(np.int64) * records["width"]
    return size
