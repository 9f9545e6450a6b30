"""The protocol of photo sources: names, classes, given splits, and the bytes of each photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Remark:
    """An observation about one photo, folder or archive entry.

    Attributes:
        kind: A key of `finding_kinds.FINDING_KINDS`.
        detail: A figure or the decoder's message, the same in every language.
    """

    kind: str
    detail: str


class Source(Protocol):
    """Photos with their classes, in any storage format.

    The name of a photo is `<class>/<file>`, with `/` between the parts. Names are unique, sorted,
    and the same each time the source is read, because the user's decisions refer to them. Hidden
    files are ignored.
    """

    @property
    def root(self) -> Path:
        """Return the file or folder that the user gave."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class names, sorted."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the names of the photos, sorted."""
        ...

    @property
    def splits(self) -> Mapping[str, str]:
        """Return the split (train, val or test) of each photo that has one; empty if none has."""
        ...

    @property
    def other_files(self) -> Mapping[str, int]:
        """Return the number of files that are not photos, by suffix."""
        ...

    @property
    def remarks(self) -> tuple[tuple[str, Remark], ...]:
        """Return names with remarks about them."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a photo as a seekable binary file, which the caller closes; thread-safe.

        Raises:
            OSError: The photo cannot be read.
        """
        ...

    def file(self, path: str) -> Path | None:
        """Return the file of a photo, which can be linked; None if it is inside another file."""
        ...
