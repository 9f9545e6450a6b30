"""Sources of photos: names, classes, given splits, and the bytes of each photo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.readers.split_names import split_from_name
from mineral_recog.files import open_regular
from mineral_recog.text import natural_order


@dataclass(frozen=True)
class Remark:
    """An observation about one photo, folder or archive entry.

    Attributes:
        kind: A key of `finding_kinds.FINDING_KINDS`.
        detail: A figure, or the reason in the user's language.
    """

    kind: str
    detail: str


class Source(ABC):
    """Photos with their classes, in any storage format.

    The name of a photo is `<class>/<file>`, with `/` between the parts. Names are unique, sorted,
    and the same each time the source is read, because the user's decisions refer to them. Hidden
    files are ignored.

    Attributes:
        root: The file or folder that the user gave.
        classes: The class names, in natural order.
        paths: The names of the photos, sorted.
        splits: The split (train, val or test) of each photo that has one; empty if none has.
        other_files: The number of files that are not photos, by suffix.
        remarks: Names with remarks about them.
        specimens: The name of the specimen of each photo that has one; empty if none has.
        attributes: The attribute of each photo that has one, such as a variety.
        notes: What was assumed or left out in reading, one line each, in the user's language.
    """

    def __init__(
        self,
        root: Path,
        classes: Iterable[str],
        paths: Iterable[str],
        splits: Mapping[str, str],
        other_files: Mapping[str, int],
        remarks: Iterable[tuple[str, Remark]] = (),
    ) -> None:
        self.root, self.splits, self.other_files = root, splits, dict(other_files)
        self.classes = tuple(natural_order(set(classes)))
        self.paths = tuple(sorted(paths))
        self.remarks = tuple(remarks)
        self.specimens: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.notes: list[str] = []

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Open a photo as a seekable binary file, which the caller closes; thread-safe.

        Raises:
            OSError: The photo cannot be read.
        """

    def file(self, path: str) -> Path | None:
        """Return the file of a photo, which can be linked; None if it is inside another file."""
        return None

    def path_in_class(self, path: str) -> str:
        """Return the path of a photo below the folder of its class or of its given split."""
        class_name, *parts = path.split("/")
        if class_name in parts[:-1]:  # a list may name `train/quartz/a.jpg`
            parts = parts[parts.index(class_name) + 1 :]
        elif len(parts) > 1 and path in self.splits and split_from_name(parts[0]):
            parts = parts[1:]
        return "/".join(parts)


class FileSource(Source):
    """Photos that are files."""

    _files: Mapping[str, str]  # of each photo, its path below the root or its absolute path

    def open(self, path: str) -> BinaryIO:
        """Open a photo.

        Raises:
            OSError: The photo does not exist, cannot be read, or is not a regular file.
        """
        return open_regular(self.file(path))

    def file(self, path: str) -> Path:
        """Return the file of a photo."""
        return self.root / self._files[path]
