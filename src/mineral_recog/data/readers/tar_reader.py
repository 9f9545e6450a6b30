"""Photos in tar files of the WebDataset layout."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mineral_recog.data.images import may_be_photo
from mineral_recog.data.readers.source import Remark
from mineral_recog.data.readers.split_names import can_be_folder, split_called, split_in
from mineral_recog.data.tar_samples import read_classes, read_samples, unique_names
from mineral_recog.data.tar_shards import Members, read_shards
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress


class ShardPhotos:
    """Photos in one tar file, or in those of a folder and of its folders of splits.

    A photo is named `<class>/<key>.<suffix>`, one of a folder of a split `<class>/<folder>/...`;
    where several would have one name, the name of the tar file comes before the key. A class is
    told by `.cls`, `.json` or `.txt` beside the photo, with the names of numbers from a file
    `classes.json`, `classes.txt` or `dataset.json`; without those by the photo's folder.

    Args:
        root: the tar file or the folder.
        progress: receives the progress of reading tar files.

    Raises:
        UserError: no tar files, a compressed or damaged one, no photo in them, or a class whose
            name is none for a folder.
    """

    def __init__(self, root: Path, progress: Progress = SILENT) -> None:
        self.root = root
        paths = _tars(root)
        shards = read_shards(paths, progress)
        folder = root if root.is_dir() else root.parent
        found = read_samples(shards, read_classes(folder), may_be_photo)
        within = ["" if path.parent == folder else f"{path.parent.name}/" for path in paths]
        photos = [one._replace(name=within[one.shard] + one.name) for one in found.photos]
        names = unique_names(photos, [path.stem for path in paths])
        order = sorted(range(len(names)), key=names.__getitem__)
        self.photos = tuple(names[at] for at in order)
        self.classes = tuple(sorted({one.label for one in photos}))
        self._refuse_unusable()
        sorted_photos = [photos[at] for at in order]
        self._members = Members(
            tuple(paths),
            np.array([one.shard for one in sorted_photos], dtype=np.int32),
            np.array([shards[one.shard].offsets[one.member] for one in sorted_photos], np.int64),
            np.array([shards[one.shard].sizes[one.member] for one in sorted_photos], np.int64),
        )
        splits = [_split(path, folder) for path in paths]
        self.splits = {
            name: split
            for name, one in zip(self.photos, sorted_photos, strict=True)
            if (split := splits[one.shard])
        }
        self.others = dict(found.others)
        self.odd = (
            *((name, Remark("no_class", "")) for name in found.unlabelled),
            *(
                (name, Remark("link" if kind == "link" else "unreadable", kind))
                for shard in shards
                for name, kind in shard.left_out
            ),
        )

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo.

        Raises:
            OSError: its tar file cannot be reached.
        """
        at = bisect_left(self.photos, photo)
        if self.photos[at : at + 1] != (photo,):
            raise FileNotFoundError(photo)
        return self._members.open(at)

    def file(self, photo: str) -> None:
        """None: every photo is inside a tar file."""

    def _refuse_unusable(self) -> None:
        wrong = next((name for name in self.classes if not can_be_folder(name)), None)
        if wrong is not None:
            raise DataError(
                tr(
                    f"{self.root} has a class {wrong!a}, which cannot name a folder: give the "
                    "classes numbers in .cls and their names in classes.json beside the tar files.",
                    f"{self.root} 里的类别 {wrong!r} 不能作文件夹名：请在 .cls 里写编号，"
                    "并在 tar 文件旁的 classes.json 里写类别名。",
                )
            )
        if len(set(self.photos)) < len(self.photos) or not self.photos:
            raise DataError(
                tr(
                    f"{self.root} has no photos with a class, or several of one name: every photo "
                    "needs a key of its own in its tar file, and a .cls, .json or .txt, or a "
                    "folder called like its class.",
                    f"{self.root} 里没有带类别的照片，或有重名照片：每张照片在其 tar 文件里需要"
                    "独有的键，以及 .cls、.json、.txt，或以类别命名的文件夹。",
                )
            )


def _tars(root: Path) -> list[Path]:
    """The tar files of a path, sorted.

    Raises:
        UserError: a compressed one is among them.
    """
    if root.is_file():
        return [root]
    entries = sorted(one for one in root.iterdir() if not one.name.startswith("."))
    inside = [
        one
        for folder in entries
        if folder.is_dir() and split_called(folder.name)
        for one in sorted(folder.iterdir())
        if not one.name.startswith(".")
    ]
    files = [one for one in (*entries, *inside) if one.is_file()]
    for path in files:
        if path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")):
            raise DataError(
                tr(f"{path} is compressed: unpack it first.", f"{path} 是压缩的：请先解压。")
            )
    return [path for path in files if path.suffix.lower() == ".tar"]


def _split(path: Path, folder: Path) -> str | None:
    """The split that a tar file is of, by its folder or else by its name."""
    return split_called(path.parent.name) if path.parent != folder else split_in(path.stem)
