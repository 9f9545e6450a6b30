"""Reads photos from tar files of the WebDataset layout."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.source import Remark
from mineral_recog.data.readers.split_names import (
    can_be_folder,
    split_from_file_name,
    split_from_name,
)
from mineral_recog.data.tar_samples import read_classes, read_samples, unique_names
from mineral_recog.data.tar_shards import TarMembers, read_shards
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress


class TarSource:
    """Photos in one tar file, or in the tar files of a folder and of its split folders.

    The name of a photo is `<class>/<key>.<suffix>`; in a split folder it is `<class>/<folder>/...`.
    Where several photos would have one name, the name of the tar file precedes the key. The class
    of a photo comes from the `.cls`, `.json` or `.txt` member with the same key, with the names of
    numbers from a file `classes.json`, `classes.txt` or `dataset.json`; without such a member it is
    the folder of the photo.

    Args:
        root: The tar file or the folder.
        progress: Receives the progress of reading tar files.

    Raises:
        UserError: There are no tar files, one is compressed or damaged, they contain no photos, or
            a class name is not a valid folder name.
    """

    def __init__(self, root: Path, progress: Progress = SILENT) -> None:
        self.root = root
        tar_files = _tar_files(root)
        shards = read_shards(tar_files, progress)
        folder = root if root.is_dir() else root.parent
        contents = read_samples(shards, read_classes(folder), is_any_photo_name)
        prefixes = ["" if path.parent == folder else f"{path.parent.name}/" for path in tar_files]
        photos = [
            photo._replace(name=prefixes[photo.shard] + photo.name) for photo in contents.samples
        ]
        names = unique_names(photos, [path.stem for path in tar_files])
        order = sorted(range(len(names)), key=names.__getitem__)
        self.paths = tuple(names[index] for index in order)
        self.classes = tuple(sorted({photo.class_name for photo in photos}))
        self._refuse_unusable()
        ordered = [photos[index] for index in order]
        self._members = TarMembers(
            tuple(tar_files),
            np.array([photo.shard for photo in ordered], dtype=np.int32),
            np.array([shards[photo.shard].offsets[photo.member] for photo in ordered], np.int64),
            np.array([shards[photo.shard].sizes[photo.member] for photo in ordered], np.int64),
        )
        splits = [_split(path, folder) for path in tar_files]
        self.splits = {
            path: split
            for path, photo in zip(self.paths, ordered, strict=True)
            if (split := splits[photo.shard])
        }
        self.other_files = dict(contents.other_files)
        self.remarks = (
            *((name, Remark("no_class", "")) for name in contents.unlabelled),
            *(
                (name, Remark("link" if kind == "link" else "unreadable", kind))
                for shard in shards
                for name, kind in shard.left_out
            ),
        )

    def open(self, path: str) -> BinaryIO:
        """Open a photo.

        Raises:
            OSError: Its tar file cannot be read.
        """
        index = bisect_left(self.paths, path)
        if self.paths[index : index + 1] != (path,):
            raise FileNotFoundError(path)
        return self._members.open(index)

    def file(self, path: str) -> None:
        """Return None: every photo is inside a tar file."""

    def _refuse_unusable(self) -> None:
        invalid = next((name for name in self.classes if not can_be_folder(name)), None)
        if invalid is not None:
            raise DataError(
                tr(
                    f"{self.root} has a class {invalid!a}, which cannot be a folder name: write "
                    "class numbers in .cls and their names in classes.json next to the tar files.",
                    f"{self.root} 里的类别 {invalid!r} 不能作文件夹名：请在 .cls 里写编号，"
                    "并在 tar 文件旁的 classes.json 里写类别名。",
                )
            )
        if len(set(self.paths)) < len(self.paths) or not self.paths:
            raise DataError(
                tr(
                    f"{self.root} has no photos with a class, or photos with the same name: give "
                    "each photo a unique key in its tar file, and a .cls, .json or .txt file or a "
                    "folder named after its class.",
                    f"{self.root} 里没有带类别的照片，或有重名照片：每张照片在其 tar 文件里需要"
                    "唯一的键，以及 .cls、.json、.txt，或以类别命名的文件夹。",
                )
            )


def _tar_files(root: Path) -> list[Path]:
    """Return the tar files at a path, sorted.

    Raises:
        UserError: One of them is compressed.
    """
    if root.is_file():
        return [root]
    entries = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    in_splits = [
        path
        for folder in entries
        if folder.is_dir() and split_from_name(folder.name)
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
    ]
    files = [path for path in (*entries, *in_splits) if path.is_file()]
    for path in files:
        if path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")):
            raise DataError(
                tr(f"{path} is compressed: unpack it first.", f"{path} 是压缩的：请先解压。")
            )
    return [path for path in files if path.suffix.lower() == ".tar"]


def _split(path: Path, folder: Path) -> str | None:
    """Return the split of a tar file: that of its folder, or else of its name."""
    return (
        split_from_name(path.parent.name)
        if path.parent != folder
        else split_from_file_name(path.stem)
    )
