"""Reads photos from a list of their paths and class labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.list_rows import Row, read_list
from mineral_recog.data.readers.photo_finder import PhotoFinder
from mineral_recog.data.readers.source import FileSource
from mineral_recog.data.readers.source_options import DEFAULTS, SourceOptions
from mineral_recog.data.readers.split_names import can_be_folder, free_name, split_from_name
from mineral_recog.data.system_files import count_system_parts, system_files_notes
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr

METADATA_NAMES = tuple(  # Hugging Face's imagefolder
    f"metadata{suffix}" for suffix in (".csv", ".tsv", ".json", ".jsonl")
)


@dataclass(frozen=True)
class _ListedPhoto:
    """A photo whose row has been checked."""

    row: Row
    file: Path  # absolute
    name: str
    split: str | None
    exists: bool


class ListSource(FileSource):
    """Photos that a list names, anywhere on this machine.

    The name of a photo is its label and its path below the folder of the list, without the label
    where the path begins with it. A path that is listed twice with one label is one photo; with
    two labels it is one photo of each class, and noted.

    Attributes:
        lists: The files that list the photos.
        missing: Files of the listed photos that do not exist.

    Args:
        root: The list, or a folder with lists; see `list_files`.
        options: Columns of the list, and the folder that its paths are relative to.

    Raises:
        UserError: The file is not a list or lists no photos, or a row has no path, an invalid
            label, an unknown split, or a split, specimen or attribute that contradicts an
            earlier row.
    """

    def __init__(self, root: Path, options: SourceOptions = DEFAULTS) -> None:
        self.lists = list_files(root)
        self._left_out = Counter[str]()
        notes: list[str] = []
        base = (options.photo_root or (root if root.is_dir() else root.parent)).absolute()
        listed: dict[tuple[str, str], _ListedPhoto] = {}
        for file, split in self.lists:
            contents = read_list(file, options.columns)
            notes += contents.notes
            finder = PhotoFinder((options.photo_root or file.parent).absolute())
            for row in contents.rows:
                photo = self._check_row(row, finder, base, split)
                if photo is None:
                    continue
                first = listed.setdefault((os.path.normpath(photo.file), row.label), photo)
                _refuse_contradiction(first, photo)
        if not listed:
            raise DataError(
                tr(
                    f"{root} lists no photos: add a path and a label for each photo.",
                    f"{root} 没有列出照片：请为每张照片给出 path 与 label。",
                )
            )
        self.missing = [photo.file for photo in listed.values() if not photo.exists]
        self._files: dict[str, str] = {}
        splits: dict[str, str] = {}
        specimens: dict[str, str] = {}
        attributes: dict[str, str] = {}
        other_files = Counter[str]()
        for _, photo in sorted(listed.items()):
            if not is_any_photo_name(photo.file.name):
                other_files[photo.file.suffix] += 1
                continue
            name = free_name(photo.name, self._files)
            self._files[name] = str(photo.file)
            if photo.split:
                splits[name] = photo.split
            if photo.row.specimen:
                specimens[name] = photo.row.specimen
            if photo.row.attribute:
                attributes[name] = photo.row.attribute
        super().__init__(root, (label for _, label in listed), self._files, splits, other_files)
        self.specimens, self.attributes = specimens, attributes
        self.notes = [*notes, *_conflict_notes(listed), *system_files_notes(self._left_out)]

    @property
    def files(self) -> set[str]:
        """The absolute paths of the listed photos."""
        return set(map(os.path.normpath, self._files.values()))

    def _check_row(
        self, row: Row, finder: PhotoFinder, base: Path, folder_split: str | None
    ) -> _ListedPhoto | None:
        """Return the photo of a row after checking it; None if it is in a system's folder."""
        if not can_be_folder(row.label):
            raise _label_error(row)
        if not row.path or "\0" in row.path or not _can_be_path(row.path):
            raise _path_error(row)
        found = finder.find(row.path)
        if len(found) > 1:
            raise row.place.error(
                f"path {row.path!a} may be {' or '.join(found)}: add the suffix.",
                f"path {row.path!r} 可能是 {'、'.join(found)}：请加上扩展名。",
            )
        if "://" in row.path and not found:
            raise _path_error(row)
        path = found[0] if found else row.path
        file = finder.root / path
        name = _name_in_class(file, base, path, row.label)
        if not name:
            raise _path_error(row)
        if count_system_parts(_parts_below(file, base, path), self._left_out):
            return None
        split = _split_of_row(row) or folder_split
        return _ListedPhoto(row, file, f"{row.label}/{name}", split, bool(found))


def list_files(root: Path) -> list[tuple[Path, str | None]]:
    """Return the lists at a path, each with the split of its name or folder; empty if none.

    These are the path itself, or in a folder one of METADATA_NAMES, in the folder or in each of its
    split folders, or PaddleClas' `train_list.txt`, `val_list.txt` and `test_list.txt`.

    Raises:
        UserError: Some split folders have a list and others have none.
    """
    if root.is_file():
        return [(root, None)]
    if metadata := _metadata_file(root):
        return [(metadata, None)]
    if (root / "train_list.txt").is_file():
        return [
            (file, split_from_name(file.stem))
            for file in sorted(root.glob("*_list.txt"))
            if split_from_name(file.stem)
        ]
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


def _refuse_contradiction(first: _ListedPhoto, photo: _ListedPhoto) -> None:
    """Refuse two rows of one photo and class that differ in split, specimen or attribute."""
    for what, before, now in (
        ("split", first.split, photo.split),
        ("specimen", first.row.specimen, photo.row.specimen),
        ("attribute", first.row.attribute, photo.row.attribute),
    ):
        if before != now:
            raise photo.row.place.error(
                f"{photo.row.path} has a different {what} in {first.row.place}: keep one of the "
                "two.",
                f"{photo.row.path} 与 {first.row.place} 所写的 {what} 不同：请保留其一。",
            )


def _conflict_notes(listed: Mapping[tuple[str, str], _ListedPhoto]) -> list[str]:
    """Return a line about photos that are listed with several labels, if there are any."""
    labels_of: dict[str, list[str]] = {}
    for file, label in sorted(listed):
        labels_of.setdefault(file, []).append(label)
    several = {file: labels for file, labels in labels_of.items() if len(labels) > 1}
    if not several:
        return []
    file, labels = next(iter(several.items()))
    return [
        tr(
            f"Listed with several labels, and read as one photo of each class: {len(several)}, the "
            f"first is {file} ({', '.join(labels)})",
            f"列有多个标签、在每个类别中各算一张的照片：{len(several)} 张，第一张为 {file}"
            f"（{'、'.join(labels)}）",
        )
    ]


def _split_of_row(row: Row) -> str | None:
    split = split_from_name(row.split)
    if row.split and split is None:
        raise row.place.error(
            f"split {row.split!a}: write train, val or test, or leave it empty in every row.",
            f"split {row.split!r}：请写 train、val 或 test，或全部留空。",
        )
    return split


def _label_error(row: Row) -> UserError:
    return row.place.error(
        f'label {row.label!a} cannot be a folder name: change it. Not allowed: / \\ : * ? " < > |, '
        "control characters, a dot at either end, more than 200 bytes.",
        f'label {row.label!r} 不能作文件夹名：请修改；不可含 / \\ : * ? " < > | '
        "或控制字符，首尾不可为点，至多 200 字节。",
    )


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


def _parts_below(path: Path, base: Path, text: str) -> list[str]:
    """Return the parts of a path below a folder, or those of its text if it is elsewhere."""
    file, folder = Path(os.path.normpath(path)), Path(os.path.normpath(base))
    inside = file.is_relative_to(folder)
    relative = file.relative_to(folder) if inside else Path(os.path.normpath(text))
    return [part for part in relative.parts if part != relative.anchor]


def _name_in_class(path: Path, base: Path, text: str, label: str) -> str:
    """Return the name of a photo below its class, without `..` and without hidden parts."""
    parts = _parts_below(path, base, text)
    if len(parts) > 1 and parts[0] == label:
        parts = parts[1:]
    return "/".join(
        "up" if part == ".." else f"_{part}" if part.startswith(".") else part for part in parts
    )
