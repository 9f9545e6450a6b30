"""The names of splits in other datasets, and the names that classes and photos can have."""

from __future__ import annotations

import re
from collections.abc import Container

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
MAX_NAME_BYTES = 200  # of a class name; file systems allow 255
# Path separators, and the characters that Windows forbids: DATA may be moved there.
_FORBIDDEN = set('/\\:*?"<>|')


def split_from_name(name: str) -> str | None:
    """Return the split (train, val or test) that a name means, ignoring case; None if none."""
    return SPLIT_NAMES.get(name.strip().casefold())


def split_from_file_name(name: str) -> str | None:
    """Return the first split named in a file name such as `train-00000-of-00003.parquet`."""
    return next(filter(None, map(split_from_name, re.findall(r"[a-z]+", name.lower()))), None)


def can_be_folder(name: str) -> bool:
    """Return whether a class name is printable text that can name one folder of DATA."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
        and name.isprintable()
        and not _FORBIDDEN & set(name)
        and name == name.strip(" ").rstrip(".")
        and not name.startswith(".")
    )


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name of a photo, with the first number that makes it unique if it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem} ({number}){dot}{suffix}" if dot else f"{name} ({number})"
    return free
