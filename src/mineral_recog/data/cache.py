"""Photos of a split reduced once and kept, so that no epoch decodes large photos again.

DATA/.cache/SPLIT-SIDE holds two files. `pixels` has the photos one after the other, raw uint8
[h, w, 3]: nothing is lost, and nothing is to be decoded. `index` has a record of fixed size for
each. Both begin with the same random mark. A record is written once its pixels are on the disk, so
a process that is killed at any moment leaves whole photos and at most a tail that no record names.
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
from mineral_recog.data.images import examine_photo

HIDDEN, PIXELS, RECORDS = ".cache", "pixels", "index"
KIND, MARK = b"mineral-recog reduced photos 1\n\0", 16  # how an index begins; bytes of the mark
# Times the short side. A random crop of 8 % or more of a longer photo is its middle anyway.
LONGEST = 16
MOST_RECORDS = 10_000_000  # an index of more is none of ours

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
    """Width and height of a photo in a cache: its short side is `side`; a smaller one stays.

    Beside the middle square lie whole pixels, as many on one side as on the other. Of a photo more
    than 16 times as long as it is wide, the middle is kept.
    """
    short, long = min(width, height), max(width, height)
    if short <= side and long <= LONGEST * short:
        return width, height
    reduced = min(short, side)
    beside = min(long - short, (LONGEST - 1) * short) // 2 * reduced // short
    longer = reduced + 2 * beside
    return (longer, reduced) if width >= height else (reduced, longer)


def reduced_photo(file: Path | BinaryIO, side: int) -> Pixels:
    """A photo upright in RGB, of `reduced_size`; uint8 [h, w, 3].

    Its middle square has the pixels that the evaluation view gives to that of the photo, so that
    validation on a cache is validation on the photos; to half a pixel where a JPEG is decoded at a
    fraction of its size.

    Raises:
        OSError: as for `open_photo`.
    """
    photo, header = examine_photo(file, side)
    size = reduced_size(header.width, header.height, side)
    if photo.size != size:
        square = min(photo.size)
        spans = [
            _span(*of_axis, square, min(size)) for of_axis in zip(photo.size, size, strict=True)
        ]
        (left, right), (top, bottom) = spans
        # The filter of the evaluation view; Pillow widens it with the reduction.
        photo = photo.resize(size, Image.Resampling.BILINEAR, (left, top, right, bottom))
    return np.asarray(photo)


def _span(pixels: int, reduced: int, square: int, reduced_square: int) -> tuple[float, float]:
    """Where along an axis the pixels lie that are reduced: about the middle square, to scale."""
    start = round((pixels - square) / 2)
    beside = (reduced - reduced_square) / 2 * square / reduced_square
    beside = min(beside, start, pixels - square - start)  # a draft may be a pixel short
    return start - beside, start + square + beside


@dataclass(frozen=True)
class Cache:
    """The reduced photos of a split, to be read.

    Attributes:
        folder: of the cache.
        mark: that its files began with when the records were read.
        records: of the split's photos in order, [N].
    """

    folder: Path
    mark: bytes
    records: Records

    @contextmanager
    def opened(self) -> Iterator[FileIO]:
        """The file of pixels, for `rows`; opened where it is read, for no process shares it.

        Raises:
            OSError: it is gone, or was made anew.
        """
        with FileIO(self.folder / PIXELS) as file:
            if file.read(MARK) != self.mark:
                raise OSError(f"{self.folder / PIXELS} was made anew")
            yield file

    def size(self, photo: int) -> tuple[int, int]:
        """Width and height."""
        record = self.records[photo]
        return int(record["width"]), int(record["height"])

    def rows(self, file: FileIO, photo: int, top: int, height: int) -> Pixels:
        """Some rows of a photo, uint8 [height, w, 3].

        Raises:
            OSError: the file is cut short.
        """
        width, _ = self.size(photo)
        pixels = np.empty((height, width, 3), dtype=np.uint8)
        file.seek(int(self.records[photo]["offset"]) + 3 * top * width)
        if file.readinto(pixels.data) != pixels.nbytes:
            raise OSError(f"{self.folder / PIXELS} is cut short")
        return pixels

    def photo(self, photo: int) -> Image.Image:
        """A whole photo.

        Raises:
            OSError: as for `opened` and `rows`.
        """
        with self.opened() as file:
            _, height = self.size(photo)
            return Image.fromarray(self.rows(file, photo, 0, height))


def cache_folder(dataset: Dataset, side: int) -> Path:
    """Where the cache of a split lies."""
    return dataset.root.parent / HIDDEN / f"{dataset.root.name}-{side}"


def name_of(path: str) -> bytes:
    """The digest that stands for a photo's path in a record."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def read_records(folder: Path, side: int) -> tuple[bytes, Records] | None:
    """The mark of a cache and its records, oldest first; None where there is no such cache.

    The files may hold anything: a record that does not lie in the file of pixels, or whose photo
    has no size of this cache, is left out.
    """
    try:
        with (folder / RECORDS).open("rb") as file, (folder / PIXELS).open("rb") as pixels:
            kind, mark = file.read(len(KIND)), file.read(MARK)
            ours = kind == KIND and len(mark) == MARK and mark == pixels.read(MARK)
            if not ours or os.fstat(file.fileno()).st_size > MOST_RECORDS * RECORD.itemsize:
                return None
            data, end = file.read(), os.fstat(pixels.fileno()).st_size
    except OSError:
        return None
    whole = len(data) // RECORD.itemsize  # the last may be cut short
    records: Records = np.frombuffer(data, dtype=RECORD, count=whole)
    height, width = records["height"], records["width"]
    short, long = np.minimum(height, width), np.maximum(height, width)
    fits = (short >= 1) & (short <= side) & (long <= LONGEST * side)
    fits &= (records["offset"] >= MARK) & (records["offset"] <= end - bytes_of(records))
    return mark, records[fits]


def bytes_of(records: Records) -> NDArray[np.int64]:
    """Bytes of the pixels of each photo."""
    height, width = (records[key].astype(np.int64) for key in ("height", "width"))
    size: NDArray[np.int64] = 3 * height * width
    return size
