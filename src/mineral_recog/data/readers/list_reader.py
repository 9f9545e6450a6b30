"""Photos that a file lists with their labels, wherever they lie: CSV, JSON or JSONL."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.images import may_be_photo
from mineral_recog.data.readers.list_rows import SUFFIXES, Row, read_manifest
from mineral_recog.data.readers.source import Remark
from mineral_recog.data.readers.split_names import can_be_folder, free_name, split_called
from mineral_recog.errors import DataError, UserError
from mineral_recog.files import open_regular
from mineral_recog.i18n import tr

METADATA = tuple(f"metadata{suffix}" for suffix in SUFFIXES)  # as in Hugging Face's imagefolder


@dataclass(frozen=True)
class _Listed:
    """A photo as its row has it, checked."""

    row: Row
    path: Path  # absolute
    named: str
    split: str | None


class ManifestPhotos:
    """Photos that a file lists, wherever they lie on this machine.

    A photo is named by its label and its path below the file's folder, without the label where the
    path begins with it. A path that is listed twice under one label is one photo; under two labels
    it is a photo of each.

    Args:
        root: the file, or a folder with a file `metadata.csv` (or another of METADATA) in it or in
            each of its folders of splits.

    Raises:
        UserError: a file that is none of these or lists nothing, or a row without path or label,
            with a label that is no name for a folder, with a split that is none or another than
            before.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        base = (root if root.is_dir() else root.parent).absolute()
        listed: dict[tuple[str, str], _Listed] = {}
        for file, split in manifests(root):
            for row in read_manifest(file):
                one = _checked(row, base, split)
                before = listed.setdefault((os.path.normpath(one.path), row.label), one)
                if before.split != one.split:
                    raise row.wrong(
                        f"{row.path} is in another split than in {before.row.where}: keep one of "
                        "the two.",
                        f"{row.path} 与 {before.row.where} 所写的划分不同：请保留其一。",
                    )
        if not listed:
            raise DataError(
                tr(
                    f"{root} lists no photos: give each a path and a label.",
                    f"{root} 没有列出照片：请为每张给出 path 与 label。",
                )
            )
        self._paths: dict[str, Path] = {}
        self.splits: dict[str, str] = {}
        others = Counter[str]()
        for _, one in sorted(listed.items()):
            if not may_be_photo(one.path.name):
                others[one.path.suffix] += 1
                continue
            name = free_name(one.named, self._paths)
            self._paths[name] = one.path
            if one.split:
                self.splits[name] = one.split
        self.classes = tuple(sorted({label for _, label in listed}))
        self.photos = tuple(sorted(self._paths))
        self.others = dict(others)
        self.odd: tuple[tuple[str, Remark], ...] = ()

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo.

        Raises:
            OSError: it is not there, or is no regular file.
        """
        return open_regular(self.file(photo))

    def file(self, photo: str) -> Path:
        """Where a photo lies."""
        return self._paths[photo]


def manifests(root: Path) -> list[tuple[Path, str | None]]:
    """The files that list photos, each with the split of its folder; none in other folders.

    Raises:
        UserError: a folder of a split has one and another has none.
    """
    if root.is_file():
        return [(root, None)]
    if found := _metadata(root):
        return [(found, None)]
    splits = sorted(one for one in root.iterdir() if split_called(one.name) and one.is_dir())
    files = [(_metadata(folder), split_called(folder.name)) for folder in splits]
    there = [(file, split) for file, split in files if file is not None]
    if there and len(there) < len(files):
        without = next(folder for folder in splits if _metadata(folder) is None)
        raise DataError(
            tr(
                f"{without} has no metadata file, and {there[0][0].parent} has one: give one to "
                "each split or to none.",
                f"{without} 没有 metadata 文件，而 {there[0][0].parent} 有：请每个划分都给，或都"
                "不给。",
            )
        )
    return there


def _metadata(folder: Path) -> Path | None:
    return next((folder / name for name in METADATA if (folder / name).is_file()), None)


def _checked(row: Row, base: Path, split_of_folder: str | None) -> _Listed:
    """A row whose path, label and split can be used."""
    if not can_be_folder(row.label):
        raise row.wrong(
            f'label {row.label!a} cannot name a folder: change it; no / \\ : * ? " < > |, no '
            "control characters, no point at its beginning or end, up to 200 bytes.",
            f'label {row.label!r} 不能作文件夹名：请修改；不可含 / \\ : * ? " < > | '
            "或控制字符，首尾不可为点，至多 200 字节。",
        )
    if not row.path or "\0" in row.path or "://" in row.path or not _can_be_path(row.path):
        raise _no_file(row)
    split = split_called(row.split) if row.split else split_of_folder
    if row.split and split is None:
        raise row.wrong(
            f"split {row.split!a}: write train, val or test, or leave it empty everywhere.",
            f"split {row.split!r}：请写 train、val 或 test，或全部留空。",
        )
    path = row.file.parent.absolute() / row.path
    named = _named(path, base, row)
    if not named:
        raise _no_file(row)
    return _Listed(row, path, f"{row.label}/{named}", split)


def _no_file(row: Row) -> UserError:
    return row.wrong(
        f"path {row.path!a} is not that of a file: give one on this machine.",
        f"path {row.path!a} 不是文件路径：请给出本机上的文件。",
    )


def _can_be_path(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _named(path: Path, base: Path, row: Row) -> str:
    """What names a photo within its class: leading nowhere else, with nothing hidden in it."""
    whole, folder = Path(os.path.normpath(path)), Path(os.path.normpath(base))
    inside = whole.is_relative_to(folder)
    named = whole.relative_to(folder) if inside else Path(os.path.normpath(row.path))
    parts = [part for part in named.parts if part != named.anchor]
    if len(parts) > 1 and parts[0] == row.label:
        parts = parts[1:]
    return "/".join(
        "up" if part == ".." else f"_{part}" if part.startswith(".") else part for part in parts
    )
