"""The photos of one split with their classes, read from folders or tar shards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mineral_recog.data.images import is_photo_name, pixel_size
from mineral_recog.data.packed_split import read_packed
from mineral_recog.data.tar_shards import Members
from mineral_recog.errors import DataError
from mineral_recog.files import open_regular
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Dataset:
    """The photos of one split.

    Attributes:
        root: folder that holds a folder a class, or tar shards.
        classes: C names, sorted.
        paths: N names `<class>/<file>`; those of files are paths below `root`.
        labels: class of each photo, [N] int64 in 0..C-1.
        packed: where the photos lie in tar shards; None when each is a file.
    """

    root: Path
    classes: tuple[str, ...]
    paths: Sequence[str]
    labels: NDArray[np.int64]
    packed: Members | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Photos of each class, [C]."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def open(self, photo: int) -> BinaryIO:
        """The bytes of a photo as a file that can seek; in any thread or process.

        Raises:
            OSError: it cannot be reached, or is no regular file.
        """
        if self.packed is None:
            return open_regular(self.root / self.paths[photo])
        return self.packed.open(photo)

    def where(self, photo: int) -> str:
        """Where a photo lies, for people to read."""
        if self.packed is None:
            return str(self.root / self.paths[photo])
        return f"{self.packed.path(photo)}: {self.paths[photo]}"

    def stamp(self, photo: int) -> tuple[int, int]:
        """Bytes of a photo, and when its file was changed in ns; to tell that it is another now.

        Raises:
            OSError: it cannot be reached.
        """
        if self.packed is None:
            file = (self.root / self.paths[photo]).stat()
            return file.st_size, file.st_mtime_ns
        return int(self.packed.sizes[photo]), self.packed.path(photo).stat().st_mtime_ns

    def pixel_size(self, photo: int) -> tuple[int, int] | None:
        """Width and height as a photo's file says, not turned upright; None if it does not say."""
        try:
            with self.open(photo) as file:
                return pixel_size(file)
        except OSError:
            return None

    def some(self, photos: NDArray[np.int64]) -> Dataset:
        """Those of some photos, in the order given."""
        paths = tuple(self.paths[photo] for photo in photos.tolist())
        packed = None if self.packed is None else self.packed.some(photos)
        return Dataset(self.root, self.classes, paths, self.labels[photos], packed)

    def fingerprint(self) -> str:
        """SHA-256 over the names and sizes of all photos, to trace a figure to its photos."""
        digest = hashlib.sha256()
        for path, size in sorted(zip(self.paths, self._sizes(), strict=True)):
            digest.update(f"{path}\0{size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _sizes(self) -> list[int]:
        if self.packed is None:
            root = str(self.root)
            # Without a Path object a photo: a third of the time.
            return [os.stat(f"{root}/{path}").st_size for path in self.paths]  # noqa: PTH116
        sizes: list[int] = self.packed.sizes.tolist()
        return sizes


def files_in(folder: Path) -> list[str]:
    """Files in a folder and the folders in it, as sorted relative paths; hidden ones left out."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(parent).relative_to(folder)  # once a folder: ten times the work of a file
        start = "" if below == Path() else f"{below.as_posix()}/"
        found += [f"{start}{file}" for file in files if not file.startswith(".")]
    return sorted(found)


def photos_in(folder: Path) -> list[str]:
    """Those of the files in a folder whose names may be those of photos."""
    return [file for file in files_in(folder) if is_photo_name(file)]


def class_folders(root: Path) -> list[str]:
    """Names of the folders in a folder, sorted; hidden ones left out.

    Raises:
        UserError: a folder that links back to its parents, or whose name is no readable text.
    """
    folders = [f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")]
    for folder in folders:
        if root.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                tr(
                    f"{folder} links back to the folder that it lies in: remove the link.",
                    f"{folder} 是指回所在文件夹的链接：请删除它。",
                )
            )
        if not folder.name.isprintable():
            raise DataError(
                tr(
                    f"The class folder {folder.name!a} has a name that is no readable text: "
                    "rename it.",
                    f"类别文件夹 {folder.name!a} 的名字不是可读的文字：请改名。",
                )
            )
    return sorted(folder.name for folder in folders)


def read_split(
    data: Path,
    split: str,
    classes: Sequence[str] | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Index one split of a prepared folder.

    Args:
        data: folder with `train`, `val` and `test`, each with a folder a class, or with tar shards
            as `pack` writes them.
        split: one of them.
        classes: the classes that the split must have, all of them and no others; by default
            those that it has.
        progress: Receives the progress of reading tar shards.

    Raises:
        UserError: the split is missing, empty, or has a class without photos or other classes;
            or its shards are damaged.
    """
    root = data / split
    if not root.is_dir():
        raise DataError(
            tr(
                f"{data} has no folder {split}: it needs train, val and test with a folder a "
                "class each; `mineral-recog prepare` makes them.",
                f"{data} 里没有 {split} 文件夹：需要 train、val、test，每个里面一类一个文件夹；"
                "可用 `mineral-recog prepare` 生成。",
            )
        )
    if shards := sorted(path for path in root.glob("*.tar") if path.is_file()):
        return _read_packed(root, shards, classes, progress)
    folders = class_folders(root)
    names = tuple(folders if classes is None else classes)
    _refuse_other_classes(root, folders, names)
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        photos = photos_in(root / name)
        if not photos:
            raise DataError(
                tr(
                    f"{root / name} has no photos: add some, or remove the class from every split.",
                    f"{root / name} 里没有照片：请加入照片，或从各个划分里删去这一类。",
                )
            )
        paths += [f"{name}/{photo}" for photo in photos]
        labels += [label] * len(photos)
    return Dataset(root, names, tuple(paths), np.array(labels, dtype=np.int64))


def _read_packed(
    root: Path, shards: Sequence[Path], classes: Sequence[str] | None, progress: Progress
) -> Dataset:
    """Index a split whose photos are in tar shards."""
    if folders := class_folders(root):
        raise DataError(
            tr(
                f"{root} has tar files beside folders, {folders[0]} the first: move one or the "
                "other away.",
                f"{root} 里既有 tar 文件，又有文件夹（第一个为 {folders[0]}）：请移走其一。",
            )
        )
    paths, of, members = read_packed(root, shards, progress)
    there = sorted(set(of))
    names = tuple(there if classes is None else classes)
    _refuse_other_classes(root, there, names)
    number = {name: label for label, name in enumerate(names)}
    labels = np.array([number[name] for name in of], dtype=np.int64)
    return Dataset(root, names, paths, labels, members)


def _refuse_other_classes(root: Path, folders: Sequence[str], names: Sequence[str]) -> None:
    if not folders:
        raise DataError(
            tr(
                f"{root} is empty: it needs a folder a class, with photos.",
                f"{root} 是空的：里面应一类一个文件夹，放入照片。",
            )
        )
    missing = [name for name in names if name not in folders]
    unknown = [name for name in folders if name not in names]
    told_en, told_zh = [], []
    if missing:
        told_en.append(f"lacks {', '.join(missing)}")
        told_zh.append(f"缺少 {'、'.join(missing)}")
    if unknown:
        told_en.append(f"has {', '.join(unknown)}, which training did not")
        told_zh.append(f"多出训练里没有的 {'、'.join(unknown)}")
    if told_en:
        raise DataError(
            tr(
                f"The classes of {root} differ from those of training: it "
                f"{' and '.join(told_en)}. Every split needs the same class folders.",
                f"{root} 的类别与训练不同：{'，'.join(told_zh)}。每个划分需要相同的类别文件夹。",
            )
        )
