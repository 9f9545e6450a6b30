"""What splits are called elsewhere, and which names classes and photos can have."""

from __future__ import annotations

import re
from collections.abc import Container

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
LONGEST = 200  # bytes of a class name; file systems end at 255
# What separates folders, and what Windows allows in no name: DATA may move there.
_FORBIDDEN = set('/\\:*?"<>|')


def split_called(name: str) -> str | None:
    """The split (train, val or test) that a name stands for, if it does; case is ignored."""
    return SPLIT_NAMES.get(name.strip().casefold())


def split_in(name: str) -> str | None:
    """The split that a word in a file's name stands for, as in `train-00000-of-00003.parquet`."""
    return next(filter(None, map(split_called, re.findall(r"[a-z]+", name.lower()))), None)


def can_be_folder(name: str) -> bool:
    """Whether a class name can be a folder of DATA: readable, and never a path to elsewhere."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST
        and name.isprintable()
        and not _FORBIDDEN & set(name)
        and name == name.strip(" ").rstrip(".")
        and not name.startswith(".")
    )


def free_name(name: str, taken: Container[str]) -> str:
    """The name of a photo, or the first of it with a number that is not taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem} ({number}){dot}{suffix}" if dot else f"{name} ({number})"
    return free
