"""Every photo read once: whether it can be, what is wrong with it, and what finds its copies."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from mineral_recog.data.images import (
    HEIC,
    HEIC_BRANDS,
    INSTALL_HEIC,
    NEEDS_CONVERTING,
    Header,
    TooLargeError,
    examine_photo,
    reads_heic,
)
from mineral_recog.data.readers.source import Remark
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint
from mineral_recog.duplicates.photo_checks import SIDE, remarks

# What files that are no photo of ours begin with, after how many bytes.
_CONTENTS = (
    *((4, b"ftyp" + brand, "HEIC") for brand in HEIC_BRANDS),
    (4, b"ftyp", "video"), (0, b"<", "HTML, SVG or XML"), (0, b"%PDF", "PDF"), (0, b"PK", "ZIP"),
    (0, b"II*\0", "TIFF"), (0, b"MM\0*", "TIFF"), (0, b"%!PS", "EPS"),
    (0, b"\xc5\xd0\xd3\xc6", "EPS"),
    (0, b"{", "JSON"),
)  # fmt: skip
_SAME_FORMAT = ({"JPEG", "MPO"}, {"PPM", "PFM"}, {"BMP", "DIB"})  # one in the other's clothes

OpenFile = Callable[[str], BinaryIO]


@dataclass(frozen=True)
class Record:
    """What is kept of a photo, some 2 KB.

    Attributes:
        path: its name, `<class>/<file>`.
        size: of the file in bytes; 0 when it cannot be read.
        digest: SHA-256 of its bytes; "" when it cannot be read.
        width: pixels, upright; 0 when it cannot be read.
        height: likewise.
        remarks: what is wrong with it; the first says why when it cannot be read.
        fingerprint: what finds its copies; None when it cannot be read.
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
    photos: Sequence[str],
    on_read: Callable[[int], None] = lambda count: None,
) -> list[Record]:
    """Read photos in parallel, each once; no more are in memory than there are threads.

    Args:
        open_file: gives the bytes of a photo by its name; called from several threads.
        photos: their names.
        on_read: called with the number of photos read so far.

    Returns:
        A record a photo, in the order given.
    """
    records = []
    pool = ThreadPoolExecutor(os.cpu_count())  # decoding and hashing run outside Python's lock
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about a photo is a finding, no message
        try:
            for record in pool.map(partial(read_photo, open_file), photos):
                records.append(record)
                on_read(len(records))
        finally:
            pool.shutdown(cancel_futures=True)
    return records


def read_photo(open_file: OpenFile, path: str) -> Record:
    """Read one photo; whatever is wrong with its file is a remark and no error."""
    suffix = Path(path).suffix.lower()
    if suffix in NEEDS_CONVERTING:
        return _unread(path, "other_content", suffix[1:].upper())
    try:
        with open_file(path) as file:
            return _read(file, path)
    except TooLargeError:
        return _unread(path, "too_large", f"> {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} MP")
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        kind = "cut_short" if "truncated" in reason.lower() else "unreadable"
        return _unread(path, kind, " ".join(reason.split()))


def _read(file: BinaryIO, path: str) -> Record:
    digest, size = hashlib.sha256(), 0
    while block := file.read(2**20):
        digest.update(block)
        size += len(block)
    file.seek(0)
    start = file.read(16)
    if not start:
        return _unread(path, "cut_short", "0 B")
    file.seek(0)
    try:
        image, header = examine_photo(file, SIDE)
    except UnidentifiedImageError:
        told = next((name for at, sign, name in _CONTENTS if start[at:].startswith(sign)), "")
        if told == "TIFF" or (told == "HEIC" and reads_heic()):  # a photo whose table is broken
            return _unread(path, "unreadable", told)
        told += f": {INSTALL_HEIC}" if told == "HEIC" else ""
        return _unread(path, "other_content", told)
    found = (*_misnamed(path, header), *remarks(image, header))
    return Record(
        path, size, digest.hexdigest(), header.width, header.height, found, fingerprint(image)
    )


def _misnamed(path: str, header: Header) -> tuple[Remark, ...]:
    suffix = Path(path).suffix.lower()
    named = "HEIF" if suffix in HEIC else Image.registered_extensions().get(suffix)
    if named is None or named == header.format:
        return ()
    if any({named, header.format} <= same for same in _SAME_FORMAT):
        return ()
    return (Remark("misnamed", f"{suffix}: {header.format}"),)


def _unread(path: str, kind: str, told: str) -> Record:
    return Record(path, 0, "", 0, 0, (Remark(kind, told),), None)
