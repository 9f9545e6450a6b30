"""What every source of photos gives: names with classes, splits if it has any, and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Remark:
    """Something about one photo, folder or entry.

    Attributes:
        kind: a key of `audit.kinds.KINDS`.
        told: the figure or the decoder's words, the same in every language.
    """

    kind: str
    told: str


class Source(Protocol):
    """Photos with their classes, wherever they lie.

    Photos are named `<class>/<file>`, with `/` between the parts. Names are unique, sorted, and the
    same at every reading, since a user's decisions name them. Hidden files are left out.

    Attributes:
        root: file or folder that the user named.
        classes: names, sorted.
        photos: names, sorted.
        splits: train, val or test for each photo that was given one; empty if none was.
        others: files that are no photos, by suffix.
        odd: names with what is odd about them.
    """

    @property
    def root(self) -> Path: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def photos(self) -> tuple[str, ...]: ...
    @property
    def splits(self) -> Mapping[str, str]: ...
    @property
    def others(self) -> Mapping[str, int]: ...
    @property
    def odd(self) -> tuple[tuple[str, Remark], ...]: ...

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo as a file that can seek; from any thread, closed by the caller.

        Raises:
            OSError: it cannot be reached.
        """
        ...

    def file(self, photo: str) -> Path | None:
        """Where a photo is a file of its own, which can be linked; None if inside another."""
        ...
