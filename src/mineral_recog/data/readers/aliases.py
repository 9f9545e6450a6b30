"""Class names that mean the same, brought to one: by the table of minerals, and by one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from mineral_recog.csv_files import read_rows, wrong_line
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.split_names import can_be_folder, free_name
from mineral_recog.minerals.facts import Minerals, key_of

LARGEST = 5 * 10**6  # bytes
COLUMNS = ("alias", "name")


class Renamed:
    """A source whose classes have other names; several may have come to one.

    A photo is named by its new class and its old one, `<class>/from <old class>/<file>`, so that
    its name does not depend on which other classes there are.

    Args:
        source: of the photos.
        names: new names of classes; classes that it does not have stay.
    """

    def __init__(self, source: Source, names: Mapping[str, str]) -> None:
        self._source = source
        self.root, self.others = source.root, source.others
        self._old: dict[str, str] = {}
        for old in sorted(source.photos, key=lambda photo: photo.split("/")[0] in names):
            self._old[free_name(_renamed(old, names), self._old)] = old
        self.classes = tuple(sorted({names.get(one, one) for one in source.classes}))
        self.photos = tuple(sorted(self._old))
        self.splits = {
            new: source.splits[old] for new, old in self._old.items() if old in source.splits
        }
        self.odd = tuple((_renamed(name, names), remark) for name, remark in source.odd)

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo; errors as of the source."""
        return self._source.open(self._old[photo])

    def file(self, photo: str) -> Path | None:
        """Where a photo is a file of its own."""
        return self._source.file(self._old[photo])


def _renamed(photo: str, names: Mapping[str, str]) -> str:
    old, slash, file = photo.partition("/")
    return f"{names[old]}/from {old}/{file}" if slash and old in names else photo


def new_names(
    classes: Iterable[str], minerals: Minerals, own: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The classes that are to have another name, with it.

    Args:
        classes: their names.
        minerals: a mineral's names, each brought to its English one.
        own: what goes before that, as `read_aliases` gives it.
    """
    found = {}
    for one in classes:
        mineral = minerals.find(one)
        name = (own or {}).get(key_of(one)) or (mineral.name if mineral else one)
        if name != one:
            found[one] = name
    return found


def read_aliases(path: Path) -> dict[str, str]:
    """A user's table of class names: the columns `alias` and `name`, a row an alias.

    Returns:
        The name for each alias, and for the name itself, by `minerals.key_of`.

    Raises:
        UserError: not such a table, a cell that is empty or cannot name a folder, or an alias that
            has two names or is the name of others.
    """
    names: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, cells in read_rows(path, COLUMNS, LARGEST):
        alias, name = (" ".join(cells[column].split()) for column in COLUMNS)
        if not key_of(alias) or not key_of(name) or not can_be_folder(name):
            raise wrong_line(
                path,
                line,
                f"alias {alias!a}, name {name!a}: give both, and a name that a folder can have.",
                f"alias {alias!r}，name {name!r}：请都填写，且 name 可作文件夹名。",
            )
        for key in (key_of(alias), key_of(name)):
            if names.setdefault(key, name) != name:
                raise wrong_line(
                    path,
                    line,
                    f"{alias if key == key_of(alias) else name} goes to {name} here and to "
                    f"{names[key]} by line {lines[key]}: keep one of the two.",
                    f"{alias if key == key_of(alias) else name} 在此归入 {name}，而第 {lines[key]} "
                    f"行归入 {names[key]}：请保留其一。",
                )
            lines.setdefault(key, line)
    return names
