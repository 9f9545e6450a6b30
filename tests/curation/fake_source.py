"""A source of photos without a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.readers.source import Remark, Source


class FakeSource(Source):
    """Class names and remarks, and photos that a function opens."""

    def __init__(
        self,
        classes: Iterable[str] = (),
        remarks: Iterable[tuple[str, Remark]] = (),
        open_photo: Callable[[str], BinaryIO] | None = None,
    ) -> None:
        super().__init__(Path("photos"), classes, (), {}, {}, remarks)
        self.open_photo = open_photo

    def open(self, path: str) -> BinaryIO:
        assert self.open_photo is not None
        return self.open_photo(path)
