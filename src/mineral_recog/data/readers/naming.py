"""Opens photos under the class names that the user wants, as `--aliases` says."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.readers.aliases import Renamed, new_names, read_aliases
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.source import Source
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.progress import SILENT, Progress

SHIPPED = "minerals"  # the shipped table alone


def open_named(
    path: Path, aliases: str | None, progress: Progress = SILENT
) -> tuple[Source, dict[str, str]]:
    """Photos, and the new names of the classes that got one.

    Args:
        path: of the photos.
        aliases: `minerals` for the shipped table, a file for that and the user's own, or None for
            class names as they are.

    Raises:
        UserError: no photos there, or no such table.
    """
    own = read_aliases(Path(aliases)) if aliases not in (None, SHIPPED) else None
    source = open_source(path, progress)
    if aliases is None:
        return source, {}
    renamed = new_names(source.classes, read_minerals(), own)
    return Renamed(source, renamed), renamed
