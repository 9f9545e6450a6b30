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
    """

    @property
    def root(self) -> Path:
        """File or folder that the user named."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, sorted."""
        ...

    @property
    def photos(self) -> tuple[str, ...]:
        """Names, sorted."""
        ...

    @property
    def splits(self) -> Mapping[str, str]:
        """The split (train, val or test) of each photo that was given one; empty if none was."""
        ...

    @property
    def others(self) -> Mapping[str, int]:
        """Files that are no photos, by suffix."""
        ...

    @property
    def odd(self) -> tuple[tuple[str, Remark], ...]:
        """Names with what is odd about them."""
        ...

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo as a file that can seek; from any thread, closed by the caller.

        Raises:
            OSError: it cannot be reached.
        """
        ...

    def file(self, photo: str) -> Path | None:
        """Where a photo is a file of its own, which can be linked; None if inside another."""
        ...
