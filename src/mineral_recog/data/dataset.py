"""The photos of one split with their classes."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mineral_recog.data.images import is_photo_name, pixel_size
from mineral_recog.data.system_files import is_visible, visible_names
from mineral_recog.errors import DataError
from mineral_recog.files import dead_link, encoding_error, open_regular
from mineral_recog.i18n import tr
from mineral_recog.text import command_line, natural_order

SPLITS = ("train", "val", "test")
BALANCED_SPLIT = "test_balanced"  # optional: as many photos of each attribute of a class
EVALUATED_SPLITS = (*SPLITS, BALANCED_SPLIT)
SPECIMENS_FILE = "specimens.csv"  # of a prepared folder: the specimen of each photo
ATTRIBUTES_FILE = "attributes.csv"  # of a prepared folder: the attribute of each photo


@dataclass(frozen=True)
class Dataset:
    """The photos of one split.

    Attributes:
        root: Folder that holds one folder per class.
        classes: Names of the C classes, in the order of their indices.
        paths: N paths `<class>/<file>`, relative to `root`.
        labels: Class index of each photo, [N] int64 in 0..C-1.
    """

    root: Path
    classes: tuple[str, ...]
    paths: Sequence[str]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of photos per class, [C]."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def open(self, index: int) -> BinaryIO:
        """Open a photo as a seekable binary file; safe in any thread or process.

        Raises:
            OSError: The photo cannot be reached, or is not a regular file.
        """
        return open_regular(self.root / self.paths[index])

    def display_path(self, index: int) -> str:
        """Return the location of a photo for messages."""
        return str(self.root / self.paths[index])

    def pixel_size(self, index: int) -> tuple[int, int] | None:
        """Return width and height from a photo's header, before EXIF rotation; None if unknown."""
        try:
            with self.open(index) as file:
                return pixel_size(file)
        except OSError:
            return None

    def subset(self, indices: NDArray[np.int64]) -> Dataset:
        """Return the dataset of some photos, in the order of `indices`."""
        paths = tuple(self.paths[index] for index in indices.tolist())
        return Dataset(self.root, self.classes, paths, self.labels[indices])

    def fingerprint(self) -> str:
        """Return a SHA-256 of the names and sizes of all photos, to trace results to their data."""
        digest = hashlib.sha256()
        for path, size in sorted(self.sizes().items()):
            digest.update(f"{path}\0{size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each photo by its path; -1 if it cannot be reached.

        Whoever opens such a photo reports it.
        """
        root, sizes = str(self.root), {}
        for path in self.paths:
            try:
                # Without a Path object per photo, this takes a third of the time.
                sizes[path] = os.stat(f"{root}/{path}").st_size  # noqa: PTH116
            except OSError:
                sizes[path] = -1
        return sizes


def walk_visible(
    folder: Path,
    on_error: Callable[[OSError], None] | None = None,
    left_out: Counter[str] | None = None,
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield a folder and every folder below it; links are not followed.

    Hidden files and folders are left out, and those that systems made.

    Args:
        folder: The folder.
        on_error: Receives the error of a folder that cannot be read.
        left_out: Counts what systems made.

    Yields:
        What precedes the names in paths relative to `folder` (such as `a/b/`), the names of the
        folders, and the names of the files.
    """
    left_out = Counter() if left_out is None else left_out
    for parent, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = visible_names(folders, left_out)
        relative = Path(parent).relative_to(folder)  # once per folder: it costs as much as 10 files
        prefix = "" if relative == Path() else f"{relative.as_posix()}/"
        yield prefix, folders, visible_names(files, left_out)


def files_in(folder: Path) -> list[str]:
    """Return the visible files below a folder as sorted relative paths."""
    return sorted(f"{prefix}{file}" for prefix, _, files in walk_visible(folder) for file in files)


def photos_in(folder: Path) -> list[str]:
    """Return the files in a folder that have the name of a photo, as `files_in` does."""
    return [file for file in files_in(folder) if is_photo_name(file)]


def class_folders(root: Path) -> list[str]:
    """Return the names of the visible folders in a folder, in natural order.

    Raises:
        UserError: A folder links back to its parents or to nothing, or its name cannot be used.
    """
    entries = [entry for entry in root.iterdir() if is_visible(entry.name)]
    for entry in entries:
        if reason := dead_link(entry):
            raise DataError(
                tr(
                    f"{entry} {reason}: restore its target or remove the link.",
                    f"{entry} {reason}：请恢复其目标或删除该链接。",
                )
            )
    folders = [entry for entry in entries if entry.is_dir()]
    for folder in folders:
        if root.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                tr(
                    f"{folder} links back to the folder that contains it: remove the link.",
                    f"{folder} 是指回所在文件夹的链接：请删除它。",
                )
            )
        refuse_class_name(folder.name, root)
    return natural_order(folder.name for folder in folders)


def refuse_class_name(name: str, root: Path) -> None:
    """Refuse the name of a class that cannot be displayed, or that the locale reads wrongly.

    Raises:
        DataError: It is such a name.
    """
    if error := encoding_error(name):
        raise error
    if not name.isprintable():
        raise DataError(
            tr(
                f"The class {name!a} in {root} has characters in its name that cannot be "
                "displayed: rename it.",
                f"{root} 里的类别 {name!a} 的名称含有无法显示的字符：请重命名。",
            )
        )


def read_split(data: Path, split: str, classes: Sequence[str] | None = None) -> Dataset:
    """List the photos of one split of a prepared folder.

    Args:
        data: Folder with `train`, `val`, `test` and perhaps `test_balanced`, each with one folder
            per class.
        split: One of them.
        classes: Classes that the split must have, all of them and no others; by default those
            that it has, in natural order.

    Raises:
        UserError: The split is missing, is empty, has other classes, or has a class without
            photos.
    """
    folders = split_folders(data, split)
    root, names = data / split, tuple(folders if classes is None else classes)
    missing = [name for name in names if name not in folders]
    unknown = [name for name in folders if name not in names]
    if missing or unknown:
        advice = tr(" Every split needs the same class folders.", "每个划分需要相同的类别文件夹。")
        raise other_classes_error(root, missing, unknown, advice)
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        files = photos_in(root / name)
        if not files:
            raise DataError(
                tr(
                    f"{root / name} has no photos: add some, or remove the class from every split.",
                    f"{root / name} 里没有照片：请加入照片，或从各个划分里删去这一类。",
                )
            )
        paths += [f"{name}/{file}" for file in files]
        labels += [label] * len(files)
    return Dataset(root, names, tuple(paths), np.array(labels, dtype=np.int64))


def split_folders(data: Path, split: str) -> list[str]:
    """Return the sorted names of the class folders of one split of a prepared folder.

    Raises:
        UserError: The split is missing, is empty, or holds tar files.
    """
    root = data / split
    if split == BALANCED_SPLIT and not root.is_dir():
        raise DataError(
            tr(
                f"{data} has no folder {split}: choose another split, make the folder with as many "
                "photos of each attribute of a class, or draw one with `mineral-recog draw "
                "--attribute-test N`.",
                f"{data} 里没有 {split} 文件夹：请选择其他划分，或自行建立该文件夹（每类中各属性的"
                "照片一样多），或用 `mineral-recog draw --attribute-test N` 绘制。",
            )
        )
    if not root.is_dir():
        raise DataError(
            tr(
                f"{data} has no folder {split}: it needs train, val and test, each with one folder "
                "per class; `mineral-recog prepare` makes them.",
                f"{data} 里没有 {split} 文件夹：需要 train、val、test，每个里面一类一个文件夹；"
                "可用 `mineral-recog prepare` 生成。",
            )
        )
    folders = class_folders(root)
    if not folders and any(root.glob("*.tar")):
        command = command_line("mineral-recog", "prepare", data, "NEW")
        raise DataError(
            tr(
                f"{root} holds tar files, which are not trained on directly: unpack them once with "
                f"`{command}`.",
                f"{root} 里是 tar 文件，不能直接用于训练：请先用 `{command}` 展开一次。",
            )
        )
    if not folders:
        raise DataError(
            tr(
                f"{root} is empty: it needs one folder of photos per class.",
                f"{root} 是空的：里面应一类一个文件夹，放入照片。",
            )
        )
    return folders


def other_classes_error(
    root: Path, missing: Sequence[str], unknown: Sequence[str], advice: str
) -> DataError:
    """Return the error about a folder whose classes differ from those of training.

    Args:
        root: The folder.
        missing: Classes of training that it lacks.
        unknown: Classes that training did not have.
        advice: What to do; in English it begins with a blank.
    """
    differences = []
    if missing:
        names = first_names(missing)
        differences.append(tr(f"lacks {names[0]}", f"缺少 {names[1]}"))
    if unknown:
        names = first_names(unknown)
        differences.append(
            tr(
                f"has {names[0]}, which training did not",
                f"多出训练里没有的 {names[1]}",
            )
        )
    return DataError(
        tr(
            f"The classes of {root} differ from those of training: it "
            f"{' and '.join(differences)}.{advice}",
            f"{root} 的类别与训练不同：{'，'.join(differences)}。{advice}",
        )
    )


def first_names(names: Sequence[str], most: int = 10) -> tuple[str, str]:
    """Return at most `most` names and how many there are in English and Chinese."""
    shown, more = names[:most], len(names) - most
    return (
        ", ".join(shown) + (f" and {more:,} more" if more > 0 else ""),
        "、".join(shown) + (f" 等 {len(names):,} 类" if more > 0 else ""),
    )
