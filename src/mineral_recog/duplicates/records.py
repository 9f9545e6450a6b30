"""Read every photo once: check it and compute the fingerprint that finds its duplicates."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from mineral_recog.cores import thread_count
from mineral_recog.data.file_contents import content_name, is_unsupported_name, read_start
from mineral_recog.data.images import (
    HEIC_SUFFIXES,
    Header,
    NotAPhotoError,
    TooLargeError,
    open_photo_with_header,
)
from mineral_recog.data.readers.source import Remark
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint
from mineral_recog.duplicates.photo_checks import SIDE, check_photo
from mineral_recog.errors import reason_of, translate_reason

# Sets of formats that may use the same file name suffix.
_EQUIVALENT_FORMATS = ({"JPEG", "MPO"}, {"PPM", "PFM"}, {"BMP", "DIB"})

OpenFile = Callable[[str], BinaryIO]


@dataclass(frozen=True)
class Record:
    """Properties, problems and fingerprint of one photo, about 2 KB.

    Attributes:
        path: Name of the photo, `<class>/<file>`.
        size: Size of the file in bytes; 0 if it cannot be read.
        digest: SHA-256 of the file's bytes; "" if it cannot be read.
        width: Width in pixels, upright; 0 if it cannot be read.
        height: Height in pixels, upright; 0 if it cannot be read.
        remarks: Problems with the photo; if it cannot be read, the first one says why.
        fingerprint: Used to find its duplicates; None if it cannot be read.
    """

    path: str
    size: int
    digest: str
    width: int
    height: int
    remarks: tuple[Remark, ...]
    fingerprint: Fingerprint | None


def read_photos(
    open_file: OpenFile,
    paths: Sequence[str],
    on_read: Callable[[int], None] = lambda count: None,
) -> list[Record]:
    """Read photos in parallel, each once, with at most one per thread in memory.

    Args:
        open_file: Opens a photo by its name; called from several threads.
        paths: Names of the photos.
        on_read: Called with the number of photos read so far.

    Returns:
        One record per photo, in the order given.
    """
    records = []
    pool = ThreadPoolExecutor(thread_count())  # decoding and hashing release the GIL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # problems of a photo become remarks instead
        try:
            for record in pool.map(partial(read_photo, open_file), paths):
                records.append(record)
                on_read(len(records))
        finally:
            pool.shutdown(cancel_futures=True)
    return records


def read_photo(open_file: OpenFile, path: str) -> Record:
    """Read one photo; any problem with its file becomes a remark, never an error."""
    if is_unsupported_name(path):
        return _unreadable(path, "other_content", Path(path).suffix[1:].upper())
    try:
        with open_file(path) as file:
            return _read(file, path)
    except TooLargeError:
        return _unreadable(path, "too_large", f"> {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} MP")
    except (OSError, MemoryError) as error:
        kind = "cut_short" if "truncated" in str(error).lower() else "unreadable"
        english = getattr(error, "strerror", None)  # without the path, which the remark has
        return _unreadable(path, kind, translate_reason(english) if english else reason_of(error))


def _read(file: BinaryIO, path: str) -> Record:
    digest, size = hashlib.sha256(), 0
    while block := file.read(2**20):
        digest.update(block)
        size += len(block)
    if not size:
        return _unreadable(path, "cut_short", "0 B")
    file.seek(0)
    try:
        image, header = open_photo_with_header(file, SIDE)
    except NotAPhotoError as error:
        return _unreadable(path, "other_content", error.content)
    except UnidentifiedImageError:  # a supported format, so the photo is damaged
        return _unreadable(path, "unreadable", content_name(read_start(file)))
    remarks = (*_misnamed(path, header), *check_photo(image, header))
    return Record(
        path, size, digest.hexdigest(), header.width, header.height, remarks, fingerprint(image)
    )


def _misnamed(path: str, header: Header) -> tuple[Remark, ...]:
    suffix = Path(path).suffix.lower()
    expected = "HEIF" if suffix in HEIC_SUFFIXES else Image.registered_extensions().get(suffix)
    if expected in (None, header.format) or any(
        {expected, header.format} <= formats for formats in _EQUIVALENT_FORMATS
    ):
        return ()
    return (Remark("misnamed", f"{suffix}: {header.format}"),)


def _unreadable(path: str, kind: str, detail: str) -> Record:
    return Record(path, 0, "", 0, 0, (Remark(kind, detail),), None)
