"""What a folder of photos holds, with what is odd about its folders told and nothing raised."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.audit.checks import Remark
from mineral_recog.audit.reading import NEEDS_CONVERTING
from mineral_recog.data.index import SPLITS
from mineral_recog.data.photo import is_photo_name
from mineral_recog.errors import UserError
from mineral_recog.language import tr


@dataclass(frozen=True)
class Listing:
    """What lies in a folder of photos; all paths are below it.

    Attributes:
        classes: names of the class folders, sorted.
        photos: files in class folders that may be photos, sorted.
        others: files in class folders that are not, by suffix.
        odd: paths with what is odd about them.
    """

    classes: tuple[str, ...]
    photos: tuple[str, ...]
    others: dict[str, int]
    odd: tuple[tuple[str, Remark], ...]


def list_photos(source: Path) -> Listing:
    """List folders of photos, a folder a class; hidden ones are left out, links not followed.

    Raises:
        UserError: no such folder, no class folders, or a folder that is split already.
    """
    if not source.is_dir():
        raise UserError(
            tr(
                f"{source} is not a folder: give the folder that holds a folder a class.",
                f"{source} 不是文件夹：请给出一类一个子文件夹的文件夹。",
            )
        )
    entries = sorted(entry for entry in source.iterdir() if not entry.name.startswith("."))
    odd = [
        (entry.name, Remark("no_class", ""))
        for entry in entries
        if not entry.is_dir() and is_photo_name(entry.name)
    ]
    photos, others, classes = [], Counter[str](), []
    for entry in entries:
        if not entry.is_dir():
            continue
        if source.resolve().is_relative_to(entry.resolve()):
            odd.append((entry.name, Remark("link", str(entry.readlink()))))
            continue
        classes.append(entry.name)
        if not entry.name.isprintable():
            odd.append((entry.name, Remark("class_text", "")))
        for file in _files(source, entry, odd):
            if is_photo_name(file) or Path(file).suffix.lower() in NEEDS_CONVERTING:
                photos.append(file)
            else:
                others[Path(file).suffix] += 1
    _refuse_no_classes(source, classes)
    return Listing(tuple(classes), tuple(photos), dict(others), tuple(odd))


def _files(source: Path, folder: Path, odd: list[tuple[str, Remark]]) -> list[str]:
    """Files in a class folder and the folders in it, sorted; what cannot be entered is `odd`."""

    def closed(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename)).relative_to(source).as_posix()
        odd.append((path, Remark("unreadable", error.strerror or "")))

    found = []
    for parent, folders, files in os.walk(folder, onerror=closed):
        below = Path(parent).relative_to(source)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (path := Path(parent, name)).is_symlink():
                odd.append(((below / name).as_posix(), Remark("link", str(path.readlink()))))
        found += [(below / file).as_posix() for file in files if not file.startswith(".")]
    return sorted(found)


def _refuse_no_classes(source: Path, classes: list[str]) -> None:
    if not classes:
        raise UserError(
            tr(
                f"{source} has no class folders: it needs a folder a class with its photos inside.",
                f"{source} 里没有类别文件夹：需要一类一个，照片放在里面。",
            )
        )
    if set(classes) <= set(SPLITS):
        raise UserError(
            tr(
                f"{source} is split already ({', '.join(classes)}): give the folder that it was "
                "made from.",
                f"{source} 已经划分过（{'、'.join(classes)}）：请给划分前的文件夹。",
            )
        )
