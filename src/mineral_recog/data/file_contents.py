"""Says what a file is that is not a readable photo, by its first bytes and its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

START_BYTES = 256  # that a name of the content needs
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Photos that another program must convert first; Pillow does not know their suffixes.
UNSUPPORTED_SUFFIXES = {
    ".jxl", ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".rw2",
    ".raf", ".pef", ".srw", ".x3f", ".3fr", ".iiq", ".erf", ".kdc", ".dcr", ".mrw", ".rwl",
}  # fmt: skip
LFS_POINTER = "git-LFS pointer: git lfs pull"
RAW = "raw camera file"
# Offset in bytes, signature, name of the content; the first one that fits counts.
_SIGNATURES = (
    *((4, b"ftyp" + brand, "HEIC") for brand in HEIC_BRANDS),
    (4, b"ftypcrx ", RAW), (8, b"CR\2\0", RAW), (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"IIRO", RAW), (0, b"IIRS", RAW), (0, b"MMOR", RAW), (0, b"IIU\0", RAW),
    (4, b"ftyp", "video"), (0, b"%PDF", "PDF"), (0, b"PK", "ZIP"),
    (0, b"II*\0", "TIFF"), (0, b"MM\0*", "TIFF"), (0, b"%!PS", "EPS"),
    (0, b"\xc5\xd0\xd3\xc6", "EPS"),
    (0, b"version https://git-lfs.github.com/", LFS_POINTER),
)  # fmt: skip
# Texts may begin with a byte order mark and blanks; they are compared in lower case.
_TEXTS = (
    (rb"<!doctype html|<html|<head|<body|<script", "HTML"),
    (rb"<svg", "SVG"),
    (rb"<\?xml[^>]*>\s*(<!--.*?-->\s*)?(<!doctype svg|<svg)", "SVG"),
    (rb"<\?xml[^>]*>\s*<!doctype html", "HTML"),
    (rb"<", "HTML or XML"),
    (rb"[{\[]\s*[\"{}\]]", "JSON"),
)


def read_start(path: Path | BinaryIO) -> bytes:
    """Return the first bytes of a file.

    Raises:
        OSError: The file cannot be read.
    """
    if isinstance(path, Path):
        with path.open("rb") as file:
            return file.read(START_BYTES)
    path.seek(0)
    return path.read(START_BYTES)


def content_name(start: bytes) -> str:
    """Return what a file is by its first bytes, the same in every language; "" if unknown."""
    for offset, signature, name in _SIGNATURES:
        if start[offset:].startswith(signature):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((name for pattern, name in _TEXTS if re.match(pattern, text, re.DOTALL)), "")


def is_unsupported_name(name: str) -> bool:
    """Return whether a file name is that of a photo that another program must convert."""
    return Path(name).suffix.lower() in UNSUPPORTED_SUFFIXES
