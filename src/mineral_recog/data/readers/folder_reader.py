"""Reads class folders of photos, with or without split folders; remarks on irregular entries."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.images import is_any_photo_name, is_photo_name
from mineral_recog.data.readers.source import Remark
from mineral_recog.data.readers.split_names import split_from_name
from mineral_recog.errors import DataError
from mineral_recog.files import open_regular
from mineral_recog.i18n import tr


class FolderSource:
    """Photos in `<class>/...`, or in `<split>/<class>/...` with the classes of all splits.

    The name of a photo is its path below the root; in a split it is `<class>/<split folder>/...`.
    Symbolic links to folders are followed only for class folders.

    Args:
        root: The folder.

    Raises:
        UserError: There are no class folders, or split folders are next to other folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, str] = {}  # path below the root by name
        self._splits: dict[str, str] = {}
        self._other_files = Counter[str]()
        self._remarks: list[tuple[str, Remark]] = []
        classes: dict[str, None] = {}
        top = self._list_folders("")
        splits = split_folders(root, top)
        for parent in splits or [""]:
            for name in self._list_folders(parent) if parent else top:
                if name not in classes and not name.isprintable():
                    self._remarks.append((name, Remark("class_text", "")))
                classes[name] = None
                self._add_class(parent, name)
        if not classes:
            raise DataError(
                tr(
                    f"{root} has no class folders: put the photos of each class into a folder of "
                    "that name.",
                    f"{root} 里没有类别文件夹：请为每个类别建一个文件夹，并放入该类照片。",
                )
            )
        self.classes = tuple(sorted(classes))
        self.paths = tuple(sorted(self._files))
        self.splits = self._splits
        self.other_files = dict(self._other_files)
        self.remarks = tuple(self._remarks)

    def open(self, path: str) -> BinaryIO:
        """Open a photo.

        Raises:
            OSError: The photo cannot be read, or is not a regular file.
        """
        return open_regular(self.file(path))

    def file(self, path: str) -> Path:
        """Return the file of a photo."""
        return self.root / self._files[path]

    def _list_folders(self, parent: str) -> list[str]:
        """Return the sorted names of the folders in one; remark on photos and links to parents."""
        folder = self.root / parent
        names = []
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            path = (Path(parent) / entry.name).as_posix()
            if not entry.is_dir():
                if is_photo_name(entry.name):
                    self._remarks.append((path, Remark("no_class", "")))
            elif folder.resolve().is_relative_to(entry.resolve()):
                self._remarks.append((path, Remark("link", str(entry.readlink()))))
            else:
                names.append(entry.name)
        return names

    def _add_class(self, parent: str, name: str) -> None:
        """Add the files of a class folder; `parent` is its split folder or ""."""
        folder, prefix = Path(parent, name), Path(name, parent)

        def remark_unreadable(error: OSError) -> None:
            below = Path(os.fsdecode(error.filename)).relative_to(self.root / folder)
            self._remarks.append(
                ((prefix / below).as_posix(), Remark("unreadable", error.strerror or ""))
            )

        for at, folders, files in os.walk(self.root / folder, onerror=remark_unreadable):
            below = Path(at).relative_to(self.root / folder)
            folders[:] = [subfolder for subfolder in folders if not subfolder.startswith(".")]
            for subfolder in folders:
                if (path := Path(at, subfolder)).is_symlink():
                    remark = Remark("link", str(path.readlink()))
                    self._remarks.append(((prefix / below / subfolder).as_posix(), remark))
            for file in files:
                if not file.startswith("."):
                    self._add_file(
                        (prefix / below / file).as_posix(), folder / below / file, parent
                    )

    def _add_file(self, name: str, file: Path, parent: str) -> None:
        """Add a file under the name that it has as a photo."""
        if not is_any_photo_name(file.name):
            self._other_files[file.suffix] += 1
            return
        self._files[name] = file.as_posix()
        if split := split_from_name(parent):
            self._splits[name] = split


def split_folders(root: Path, names: list[str]) -> list[str]:
    """Return the folders of `root` that have the names of splits; none if others are among them.

    Raises:
        UserError: A train folder is next to folders that are not splits.
    """
    splits = [name for name in names if split_from_name(name)]
    others = [name for name in names if not split_from_name(name)]
    if others and "train" in map(split_from_name, splits):
        raise DataError(
            tr(
                f"{root} has {', '.join(splits)} next to other folders (first: {others[0]!r}): "
                "move the splits and the other folders apart.",
                f"{root} 里既有 {'、'.join(splits)}，又有其他文件夹（第一个为 {others[0]!r}）："
                "请把划分文件夹与其他文件夹分开存放。",
            )
        )
    return [] if others else splits
