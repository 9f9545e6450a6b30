"""The names of splits in other datasets, and the names that classes and photos can have."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

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


def split_of_file(path: Path, root: Path) -> str | None:
    """Return the split of a file that is `root` or below it.

    It is the split of the file's folder, or else the first one that is named in a file name such as
    `train-00000-of-00003.parquet`.
    """
    folder = split_from_name(path.parent.name) if path.parent != root and path != root else None
    words = re.findall(r"[a-z]+", path.stem.lower())
    return folder or next(filter(None, map(split_from_name, words)), None)


def can_be_folder(name: str) -> bool:
    """Return whether a class name is printable text that can name one folder of DATA."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
        and name.isprintable()
        and not _FORBIDDEN & set(name)
        and name == name.strip(" ").rstrip(".")
        and not name.startswith(".")
    )


def refuse_class_names(root: Path, names: Iterable[str], remedy: str) -> None:
    """Refuse class names that cannot be folders of DATA.

    Args:
        root: The file or folder with these classes.
        names: Their names.
        remedy: What the user can do about it, in the user's language.

    Raises:
        DataError: There is such a name.
    """
    invalid = next((name for name in sorted(names) if not can_be_folder(name)), None)
    if invalid is not None:
        raise DataError(
            tr(
                f"{root} has a class {invalid!a}, which cannot be a folder name: {remedy}",
                f"{root} 里的类别 {invalid!r} 不能作文件夹名：{remedy}",
            )
        )


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name of a photo, with the first number that makes it unique if it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem} ({number}){dot}{suffix}" if dot else f"{name} ({number})"
    return free
