"""Reads photos from tar files of the WebDataset layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.readers.numbered_classes import read_class_names
from mineral_recog.data.readers.source import Remark, Source
from mineral_recog.data.readers.split_names import (
    refuse_class_names,
    split_from_name,
    split_of_file,
)
from mineral_recog.data.readers.tar_members import read_tar
from mineral_recog.data.readers.tar_samples import Sample, find_samples
from mineral_recog.data.system_files import is_visible, system_files_notes
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

CLASS_FILES = ("classes.json", "classes.txt", "dataset.json")


class TarSource(Source):
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
        tar_files = _tar_files(root)
        folder = root if root.is_dir() else root.parent
        task = progress.start(tr("reading tar files", "读取 tar 文件"), len(tar_files))
        tars = []
        for path in tar_files:
            tars.append(read_tar(path))
            task.step()
        class_names, _ = read_class_names((folder, folder.absolute().parent), CLASS_FILES)
        contents = find_samples(tars, class_names)
        classes = {sample.label for sample in contents.photos}
        refuse_class_names(
            root,
            classes,
            tr(
                "write class numbers in .cls and their names in classes.json next to the tar "
                "files.",
                "请在 .cls 里写编号，并在 tar 文件旁的 classes.json 里写类别名。",
            ),
        )
        names = _unique_names(contents.photos, folder)
        self._members = {
            name: sample.member for name, sample in zip(names, contents.photos, strict=True)
        }
        if len(self._members) < len(names) or not names:
            raise DataError(
                tr(
                    f"{root} has no photos with a class, or photos with the same name: give "
                    "each photo a unique key in its tar file, and a .cls, .json or .txt file or a "
                    "folder named after its class.",
                    f"{root} 里没有带类别的照片，或有重名照片：每张照片在其 tar 文件里需要"
                    "唯一的键，以及 .cls、.json、.txt，或以类别命名的文件夹。",
                )
            )
        splits = {path: split_of_file(path, root) for path in tar_files}
        remarks = [(name, Remark("no_class", "")) for name in contents.unlabelled]
        remarks += [
            (name, Remark("link" if kind == "link" else "unreadable", kind))
            for tar in tars
            for name, kind in tar.left_out
        ]
        super().__init__(
            root,
            classes,
            self._members,
            {
                name: split
                for name, member in self._members.items()
                if (split := splits[member.tar])
            },
            contents.other_files,
            remarks,
        )
        system_files = sum((tar.system_files for tar in tars), Counter[str]())
        self.notes = system_files_notes(system_files)

    def open(self, path: str) -> BinaryIO:
        """Open a photo.

        Raises:
            OSError: Its tar file cannot be read.
        """
        if path not in self._members:
            raise FileNotFoundError(path)
        return BytesIO(self._members[path].read())


def _tar_files(root: Path) -> list[Path]:
    """Return the tar files at a path, sorted.

    Raises:
        UserError: One of them is compressed.
    """
    if root.is_file():
        return [root]
    entries = sorted(path for path in root.iterdir() if is_visible(path.name))
    in_splits = [
        path
        for folder in entries
        if folder.is_dir() and split_from_name(folder.name)
        for path in sorted(folder.iterdir())
        if is_visible(path.name)
    ]
    files = [path for path in (*entries, *in_splits) if path.is_file()]
    for path in files:
        if path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")):
            raise DataError(
                tr(f"{path} is compressed: unpack it first.", f"{path} 是压缩的：请先解压。")
            )
    return [path for path in files if path.suffix.lower() == ".tar"]


def _unique_names(samples: Sequence[Sample], folder: Path) -> list[str]:
    """Return `<class>/<name>` of each photo, with the split folder, if any, before its name.

    Where several would be equal, the name of the tar file precedes the name of the photo.
    """
    plain, longer = [], []
    for sample in samples:
        tar = sample.member.tar
        prefix = "" if tar.parent == folder else f"{tar.parent.name}/"
        plain.append(f"{sample.label}/{prefix}{sample.name}")
        longer.append(f"{sample.label}/{tar.stem}/{prefix}{sample.name}")
    times = Counter(plain)
    return [
        name if times[name] == 1 else alternative
        for name, alternative in zip(plain, longer, strict=True)
    ]
