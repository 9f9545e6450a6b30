"""Reads photos from a list of their paths and class labels: CSV, JSON or JSONL."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.list_rows import SUFFIXES, Row, read_list
from mineral_recog.data.readers.source import FileSource
from mineral_recog.data.readers.split_names import can_be_folder, free_name, split_from_name
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr

METADATA_NAMES = tuple(f"metadata{suffix}" for suffix in SUFFIXES)  # Hugging Face's imagefolder


@dataclass(frozen=True)
class _ListedPhoto:
    """A photo whose row has been checked."""

    row: Row
    file: Path  # absolute
    name: str
    split: str | None


class ListSource(FileSource):
    """Photos that a list names, anywhere on this machine.

    The name of a photo is its label and its path below the folder of the list, without the label
    where the path begins with it. A path that is listed twice with one label is one photo; with
    two labels it is one photo of each class.

    Args:
        root: The list, or a folder with a file of METADATA_NAMES (such as `metadata.csv`) in it or
            in each of its split folders.

    Raises:
        UserError: The file is not a list or lists no photos, or a row has no path, an invalid
            label, an unknown split, or a split that contradicts an earlier row.
    """

    def __init__(self, root: Path) -> None:
        base = (root if root.is_dir() else root.parent).absolute()
        listed: dict[tuple[str, str], _ListedPhoto] = {}
        for file, split in list_files(root):
            for row in read_list(file):
                photo = _check_row(row, base, split)
                first = listed.setdefault((os.path.normpath(photo.file), row.label), photo)
                if first.split != photo.split:
                    raise row.place.error(
                        f"{row.path} has a different split in {first.row.place}: keep one of the "
                        "two.",
                        f"{row.path} 与 {first.row.place} 所写的划分不同：请保留其一。",
                    )
        if not listed:
            raise DataError(
                tr(
                    f"{root} lists no photos: add a path and a label for each photo.",
                    f"{root} 没有列出照片：请为每张照片给出 path 与 label。",
                )
            )
        files: dict[str, str] = {}
        splits: dict[str, str] = {}
        other_files = Counter[str]()
        for _, photo in sorted(listed.items()):
            if not is_any_photo_name(photo.file.name):
                other_files[photo.file.suffix] += 1
                continue
            name = free_name(photo.name, files)
            files[name] = str(photo.file)
            if photo.split:
                splits[name] = photo.split
        self._files = files
        super().__init__(root, (label for _, label in listed), files, splits, other_files)


def list_files(root: Path) -> list[tuple[Path, str | None]]:
    """Return the lists at a path, each with the split of its folder; empty if there are none.

    Raises:
        UserError: Some split folders have a list and others have none.
    """
    if root.is_file():
        return [(root, None)]
    if metadata := _metadata_file(root):
        return [(metadata, None)]
    folders = sorted(
        path for path in root.iterdir() if split_from_name(path.name) and path.is_dir()
    )
    files = [(_metadata_file(folder), split_from_name(folder.name)) for folder in folders]
    existing = [(file, split) for file, split in files if file is not None]
    if existing and len(existing) < len(files):
        without = next(folder for folder in folders if _metadata_file(folder) is None)
        raise DataError(
            tr(
                f"{without} has no metadata file, but {existing[0][0].parent} has one: add one to "
                "every split, or remove them all.",
                f"{without} 没有 metadata 文件，而 {existing[0][0].parent} 有：请为每个划分都提供，"
                "或全部去掉。",
            )
        )
    return existing


def _metadata_file(folder: Path) -> Path | None:
    return next((folder / name for name in METADATA_NAMES if (folder / name).is_file()), None)


def _check_row(row: Row, base: Path, folder_split: str | None) -> _ListedPhoto:
    """Return the photo of a row, after checking its path, label and split."""
    if not can_be_folder(row.label):
        raise row.place.error(
            f'label {row.label!a} cannot be a folder name: change it. Not allowed: / \\ : * ? " < '
            "> |, control characters, a dot at either end, more than 200 bytes.",
            f'label {row.label!r} 不能作文件夹名：请修改；不可含 / \\ : * ? " < > | '
            "或控制字符，首尾不可为点，至多 200 字节。",
        )
    if not row.path or "\0" in row.path or "://" in row.path or not _can_be_path(row.path):
        raise _path_error(row)
    split = split_from_name(row.split) if row.split else folder_split
    if row.split and split is None:
        raise row.place.error(
            f"split {row.split!a}: write train, val or test, or leave it empty in every row.",
            f"split {row.split!r}：请写 train、val 或 test，或全部留空。",
        )
    file = row.place.file.parent.absolute() / row.path
    name = _name_in_class(file, base, row)
    if not name:
        raise _path_error(row)
    return _ListedPhoto(row, file, f"{row.label}/{name}", split)


def _path_error(row: Row) -> UserError:
    return row.place.error(
        f"path {row.path!a} is not a file path: give the path of a file on this machine.",
        f"path {row.path!a} 不是文件路径：请给出本机上的文件路径。",
    )


def _can_be_path(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _name_in_class(path: Path, base: Path, row: Row) -> str:
    """Return the name of a photo below its class, without `..` and without hidden parts."""
    file, folder = Path(os.path.normpath(path)), Path(os.path.normpath(base))
    inside = file.is_relative_to(folder)
    relative = file.relative_to(folder) if inside else Path(os.path.normpath(row.path))
    parts = [part for part in relative.parts if part != relative.anchor]
    if len(parts) > 1 and parts[0] == row.label:
        parts = parts[1:]
    return "/".join(
        "up" if part == ".." else f"_{part}" if part.startswith(".") else part for part in parts
    )
