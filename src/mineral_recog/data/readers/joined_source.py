"""Joins two sources, such as the photos of a data set and the corrections of a field book."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.split_names import free_name
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr


class JoinedSource(Source):
    """The photos of a source and those that are added to it.

    Photos of the first source keep their names, so that the user's decisions still apply; an added
    photo is called `<class>/added/<file>`. If the first source gives splits, added photos without
    one are training photos, and val and test stay as they are.

    Args:
        first: The source whose root is that of the joined one.
        added: The photos to add.

    Raises:
        DataError: Only the added photos have splits.
    """

    def __init__(self, first: Source, added: Source) -> None:
        if added.splits and not first.splits:
            raise DataError(
                tr(
                    f"{added.root} has splits, but {first.root} has none: remove its column of "
                    "splits, or unpack its photos into folders of classes.",
                    f"{added.root} 有划分，而 {first.root} 没有：请去掉其划分列，或把照片放入各类别"
                    "的文件夹。",
                )
            )
        self._places: dict[str, tuple[Source, str]] = {path: (first, path) for path in first.paths}
        new_names = {}
        for old in added.paths:
            label, _, file = old.partition("/")
            new_names[old] = free_name(f"{label}/added/{file}", self._places)
            self._places[new_names[old]] = (added, old)
        splits = dict(first.splits)
        if splits:
            splits |= {new: added.splits.get(old, "train") for old, new in new_names.items()}
        others = {
            suffix: first.other_files.get(suffix, 0) + added.other_files.get(suffix, 0)
            for suffix in (*first.other_files, *added.other_files)
        }
        remarks = [(new_names.get(name, name), remark) for name, remark in added.remarks]
        super().__init__(
            first.root,
            (*first.classes, *added.classes),
            self._places,
            splits,
            others,
            (*first.remarks, *remarks),
        )
        self.specimens = first.specimens | _renamed(added.specimens, new_names)
        self.attributes = first.attributes | _renamed(added.attributes, new_names)
        photos = len(added.paths)
        self.notes = [
            *first.notes,
            *added.notes,
            tr(
                f"Added from {added.root}: {photos} photos",
                f"自 {added.root} 加入：{photos} 张照片",
            ),
        ]

    def open(self, path: str) -> BinaryIO:
        """Open a photo; raises the errors of its source."""
        source, name = self._places[path]
        return source.open(name)

    def file(self, path: str) -> Path | None:
        """Return the file of a photo; None if it is inside another file."""
        source, name = self._places[path]
        return source.file(name)

    def path_in_class(self, path: str) -> str:
        """Return the path of a photo below the folder of its class in its source."""
        source, name = self._places[path]
        return source.path_in_class(name)


def _renamed(values: dict[str, str], new_names: dict[str, str]) -> dict[str, str]:
    return {new_names[name]: value for name, value in values.items()}
