"""Folders of photos, a folder a class, split already or not; what is odd is told."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.images import is_photo_name, may_be_photo
from mineral_recog.data.readers.source import Remark
from mineral_recog.data.readers.split_names import split_called
from mineral_recog.errors import DataError
from mineral_recog.files import open_regular
from mineral_recog.i18n import tr


class FolderPhotos:
    """Photos in `<class>/...`, or in `<split>/<class>/...` with the class names of all splits.

    A photo is named by its path; one of a split by `<class>/<split folder>/...`. Links to folders
    are followed for classes alone.

    Args:
        root: the folder.

    Raises:
        UserError: no class folders, or folders of splits beside others.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._paths: dict[str, str] = {}  # of each photo, below the root
        self._splits: dict[str, str] = {}
        self._others = Counter[str]()
        self._odd: list[tuple[str, Remark]] = []
        classes: dict[str, None] = {}
        top = self._folders("")
        splits = split_folders(root, top)
        for parent in splits or [""]:
            for name in self._folders(parent) if parent else top:
                if name not in classes and not name.isprintable():
                    self._odd.append((name, Remark("class_text", "")))
                classes[name] = None
                self._list(parent, name)
        if not classes:
            raise DataError(
                tr(
                    f"{root} has no class folders: it needs a folder a class with its photos "
                    "inside.",
                    f"{root} 里没有类别文件夹：需要一类一个，照片放在里面。",
                )
            )
        self.classes = tuple(sorted(classes))
        self.photos = tuple(sorted(self._paths))
        self.splits = self._splits
        self.others = dict(self._others)
        self.odd = tuple(self._odd)

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo.

        Raises:
            OSError: it cannot be reached, or is no regular file.
        """
        return open_regular(self.file(photo))

    def file(self, photo: str) -> Path:
        """Where a photo lies."""
        return self.root / self._paths[photo]

    def _folders(self, parent: str) -> list[str]:
        """Names of the folders in one, sorted; photos beside them and links upwards are odd."""
        folder = self.root / parent
        found = []
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            path = (Path(parent) / entry.name).as_posix()
            if not entry.is_dir():
                if is_photo_name(entry.name):
                    self._odd.append((path, Remark("no_class", "")))
            elif folder.resolve().is_relative_to(entry.resolve()):
                self._odd.append((path, Remark("link", str(entry.readlink()))))
            else:
                found.append(entry.name)
        return found

    def _list(self, parent: str, name: str) -> None:
        """Take in the files of a class folder; `parent` is the folder of its split or ""."""
        folder, named = Path(parent, name), Path(name, parent)

        def closed(error: OSError) -> None:
            at = Path(os.fsdecode(error.filename)).relative_to(self.root / folder)
            self._odd.append(((named / at).as_posix(), Remark("unreadable", error.strerror or "")))

        for at, folders, files in os.walk(self.root / folder, onerror=closed):
            below = Path(at).relative_to(self.root / folder)
            folders[:] = [one for one in folders if not one.startswith(".")]
            for one in folders:
                if (path := Path(at, one)).is_symlink():
                    told = Remark("link", str(path.readlink()))
                    self._odd.append(((named / below / one).as_posix(), told))
            for file in files:
                if not file.startswith("."):
                    self._take((named / below / file).as_posix(), folder / below / file, parent)

    def _take(self, photo: str, path: Path, parent: str) -> None:
        """Take in a file, by the name that it has as a photo."""
        if not may_be_photo(path.name):
            self._others[path.suffix] += 1
            return
        self._paths[photo] = path.as_posix()
        if split := split_called(parent):
            self._splits[photo] = split


def split_folders(root: Path, names: list[str]) -> list[str]:
    """Those of the folders in `root` that are called like splits.

    Raises:
        UserError: there are others beside them.
    """
    splits = [name for name in names if split_called(name)]
    others = [name for name in names if not split_called(name)]
    if others and "train" in map(split_called, splits):
        raise DataError(
            tr(
                f"{root} has {', '.join(splits)} beside other folders, the first {others[0]!r}: "
                "take the splits and the others apart.",
                f"{root} 里既有 {'、'.join(splits)}，又有其他文件夹（第一个为 {others[0]!r}）："
                "请把划分与其他文件夹分开。",
            )
        )
    return [] if others else splits
