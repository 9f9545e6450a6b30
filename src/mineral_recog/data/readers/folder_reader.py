"""Reads class folders of photos, with or without split folders; remarks on irregular entries."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mineral_recog.data.dataset import walk_visible
from mineral_recog.data.images import is_any_photo_name, is_photo_name
from mineral_recog.data.readers.source import FileSource, Remark
from mineral_recog.data.readers.split_names import split_from_name
from mineral_recog.errors import DataError, translate_reason
from mineral_recog.files import dead_link, encoding_error
from mineral_recog.i18n import tr


class FolderSource(FileSource):
    """Photos in `<class>/...`, or in `<split>/<class>/...` with the classes of all splits.

    The name of a photo is its path below the root; in a split it is `<class>/<split folder>/...`.
    Symbolic links to folders are followed only for class folders.

    Args:
        root: The folder.

    Raises:
        UserError: There are no class folders, split folders are next to other folders, or the
            locale reads their names wrongly.
    """

    def __init__(self, root: Path) -> None:
        files: dict[str, str] = {}
        splits: dict[str, str] = {}
        other_files = Counter[str]()
        remarks: list[tuple[str, Remark]] = []
        classes: set[str] = set()
        top = _list_folders(root, "", remarks)
        for parent in _split_folders(root, top) or [""]:
            split = split_from_name(parent)
            for name in _list_folders(root, parent, remarks) if parent else top:
                if error := encoding_error(name):
                    raise error
                if name not in classes and not name.isprintable():
                    remarks.append((name, Remark("class_text", "")))
                classes.add(name)
                folder, photo_folder = Path(parent, name), Path(name, parent).as_posix()
                for file in _files_in_class(root / folder, photo_folder, remarks):
                    if not is_any_photo_name(file):
                        other_files[Path(file).suffix] += 1
                        continue
                    photo = f"{photo_folder}/{file}"
                    files[photo] = f"{folder.as_posix()}/{file}"
                    if split:
                        splits[photo] = split
        if not classes:
            raise DataError(
                tr(
                    f"{root} has no class folders: put the photos of each class into a folder of "
                    "that name.",
                    f"{root} 里没有类别文件夹：请为每个类别建一个文件夹，并放入该类照片。",
                )
            )
        self._files = files
        super().__init__(root, classes, files, splits, other_files, remarks)


def _list_folders(root: Path, parent: str, remarks: list[tuple[str, Remark]]) -> list[str]:
    """Return the sorted names of the folders in one; remark on photos and links to parents."""
    folder = root / parent
    names = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        path = Path(parent, entry.name).as_posix()
        if reason := dead_link(entry):
            remarks.append((path, Remark("unreadable", reason)))
        elif not entry.is_dir():
            if is_photo_name(entry.name):
                remarks.append((path, Remark("no_class", "")))
        elif folder.resolve().is_relative_to(entry.resolve()):
            remarks.append((path, Remark("link", str(entry.readlink()))))
        else:
            names.append(entry.name)
    return names


def _files_in_class(
    folder: Path, photo_folder: str, remarks: list[tuple[str, Remark]]
) -> Iterator[str]:
    """Yield the files of a class folder as paths below it; remark on links and unreadable folders.

    Args:
        folder: The class folder.
        photo_folder: What its path is in the names of photos.
        remarks: Receives the remarks.
    """

    def remark_unreadable(error: OSError) -> None:
        below = Path(os.fsdecode(error.filename)).relative_to(folder)
        name = Path(photo_folder, below).as_posix()
        remarks.append((name, Remark("unreadable", translate_reason(error.strerror or ""))))

    for prefix, folders, files in walk_visible(folder, remark_unreadable):
        for path in (f"{prefix}{subfolder}" for subfolder in folders):
            if (folder / path).is_symlink():
                remark = Remark("link", str((folder / path).readlink()))
                remarks.append((f"{photo_folder}/{path}", remark))
        yield from (f"{prefix}{file}" for file in files)


def _split_folders(root: Path, names: list[str]) -> list[str]:
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
