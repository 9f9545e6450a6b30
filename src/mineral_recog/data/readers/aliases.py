"""Opens photos with classes renamed that mean the same: by the mineral table or a user's."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mineral_recog.csv_files import line_error, read_rows
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.joined_source import JoinedSource
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.source_options import DEFAULTS, SourceOptions
from mineral_recog.data.readers.split_names import can_be_folder, free_name
from mineral_recog.minerals.facts import MineralTable, name_key, read_minerals
from mineral_recog.progress import SILENT, Progress

SHIPPED_ALIASES = "minerals"  # value of --aliases for the shipped table
MAX_BYTES = 5 * 10**6  # of a user's table
COLUMNS = ("alias", "name")


class RenamedSource(Source):
    """A source with renamed classes; several classes may get the same name.

    A photo of a renamed class is called `<new class>/from <old class>/<file>`, so that its name
    does not depend on the other classes.

    Args:
        source: The source of the photos.
        names: New names of classes, by the old ones; other classes keep their names.
    """

    def __init__(self, source: Source, names: Mapping[str, str]) -> None:
        self._source = source
        self._old_paths: dict[str, str] = {}
        for old in sorted(source.paths, key=lambda path: path.split("/")[0] in names):
            self._old_paths[free_name(_renamed(old, names), self._old_paths)] = old
        super().__init__(
            source.root,
            (names.get(name, name) for name in source.classes),
            self._old_paths,
            {
                new: source.splits[old]
                for new, old in self._old_paths.items()
                if old in source.splits
            },
            source.other_files,
            ((_renamed(path, names), remark) for path, remark in source.remarks),
        )
        self.specimens, self.attributes = (
            {new: values[old] for new, old in self._old_paths.items() if old in values}
            for values in (source.specimens, source.attributes)
        )
        self.notes = source.notes

    def open(self, path: str) -> BinaryIO:
        """Open a photo; raises the errors of the source."""
        return self._source.open(self._old_paths[path])

    def file(self, path: str) -> Path | None:
        """Return the file of a photo; None if it is inside another file."""
        return self._source.file(self._old_paths[path])

    def path_in_class(self, path: str) -> str:
        """Return the path of a photo below the folder of its old class."""
        return self._source.path_in_class(self._old_paths[path])


def _renamed(path: str, names: Mapping[str, str]) -> str:
    old, slash, file = path.partition("/")
    return f"{names[old]}/from {old}/{file}" if slash and old in names else path


class OpenedSource(NamedTuple):
    """Photos opened with aliases.

    Attributes:
        source: The photos, under the new class names.
        renamed: The new name of each renamed class.
        unused: Aliases of the user's tables that match no class.
    """

    source: Source
    renamed: dict[str, str]
    unused: list[str]


def open_with_aliases(
    path: Path,
    aliases: Sequence[str] = (),
    progress: Progress = SILENT,
    options: SourceOptions = DEFAULTS,
    added: Iterable[Path] = (),
) -> OpenedSource:
    """Open photos, and rename their classes by tables of aliases.

    Args:
        path: The photos; see `open_source`.
        aliases: Files of user's tables, of which earlier ones have priority, and `minerals` for the
            shipped table, which comes last. Without any, class names do not change.
        progress: Receives the progress.
        options: How to read the photos.
        added: More photos, each a folder or a list of its own; see `JoinedSource`.

    Raises:
        UserError: There are no photos, or a file is not a table of aliases.
    """
    tables = _read_tables(aliases)
    source = open_source(path, progress, options)
    for more in added:
        source = JoinedSource(source, open_source(more, progress))
    renamed = _renamed_by_tables(source.classes, tables, SHIPPED_ALIASES in aliases)
    keys = set(map(name_key, source.classes))
    unused = [alias for table in tables for alias in table.aliases if name_key(alias) not in keys]
    return OpenedSource(RenamedSource(source, renamed) if renamed else source, renamed, unused)


def renamed_by_aliases(classes: Iterable[str], aliases: Sequence[str]) -> dict[str, str]:
    """Return the new name of each class that tables of aliases rename; see `open_with_aliases`.

    Raises:
        UserError: A file is not a table of aliases.
    """
    return _renamed_by_tables(classes, _read_tables(aliases), SHIPPED_ALIASES in aliases)


def _read_tables(aliases: Sequence[str]) -> list[AliasTable]:
    return [read_aliases(Path(file)) for file in aliases if file != SHIPPED_ALIASES]


def _renamed_by_tables(
    classes: Iterable[str], tables: Sequence[AliasTable], with_minerals: bool
) -> dict[str, str]:
    names: dict[str, str] = {}
    for table in reversed(tables):
        names |= table.names
    return renamed_classes(classes, read_minerals() if with_minerals else None, names)


def renamed_classes(
    classes: Iterable[str], minerals: MineralTable | None, user_aliases: Mapping[str, str]
) -> dict[str, str]:
    """Return the new name of each class whose name changes.

    Args:
        classes: The class names.
        minerals: The mineral table; each name of a mineral becomes its English name, and names that
            differ only in their Unicode form (NFC, NFD) become one. None if it is not used.
        user_aliases: Names by `facts.name_key` of their aliases, which have priority.
    """
    classes = list(classes)
    look_alikes = Counter(unicodedata.normalize("NFC", name) for name in classes)
    renamed = {}
    for old in classes:
        name = user_aliases.get(name_key(old), old)
        if minerals is not None and name_key(old) not in user_aliases:
            mineral, composed = minerals.find(old), unicodedata.normalize("NFC", old)
            if mineral is not None:
                name = mineral.name
            elif look_alikes[composed] > 1:
                name = composed
        if name != old:
            renamed[old] = name
    return renamed


class AliasTable(NamedTuple):
    """A user's table of class names.

    Attributes:
        names: The name for each alias and for the name itself, by their `facts.name_key`.
        aliases: The aliases as written.
    """

    names: dict[str, str]
    aliases: list[str]


def read_aliases(path: Path) -> AliasTable:
    """Read a user's table of class names: columns `alias` and `name`, one alias per row.

    Raises:
        UserError: The file is not such a table, a cell is empty or is not a valid folder name, or
            an alias has two names or is the name for other aliases.
    """
    names: dict[str, str] = {}
    aliases: list[str] = []
    lines: dict[str, int] = {}
    for line, cells in read_rows(path, COLUMNS, MAX_BYTES):
        alias, name = (" ".join(cells[column].split()) for column in COLUMNS)
        if not name_key(alias) or not name_key(name) or not can_be_folder(name):
            raise line_error(
                path,
                line,
                f"alias {alias!a}, name {name!a}: fill in both; name must be a valid folder name.",
                f"alias {alias!r}，name {name!r}：请填写这两项，且 name 须为有效的文件夹名。",
            )
        for key in (name_key(alias), name_key(name)):
            if names.setdefault(key, name) != name:
                raise line_error(
                    path,
                    line,
                    f"{alias if key == name_key(alias) else name} becomes {name} here and "
                    f"{names[key]} in line {lines[key]}: keep one of the two.",
                    f"{alias if key == name_key(alias) else name} 在此归入 {name}，而第 "
                    f"{lines[key]} 行归入 {names[key]}：请保留其一。",
                )
            lines.setdefault(key, line)
        aliases.append(alias)
    return AliasTable(names, aliases)
