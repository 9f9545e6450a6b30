"""Opens photos under the class names that `--aliases` gives."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.readers.aliases import RenamedSource, read_aliases, renamed_classes
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.source import Source
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.progress import SILENT, Progress

SHIPPED_ALIASES = "minerals"  # value of --aliases for the shipped table only


def open_with_aliases(
    path: Path, aliases: str | None, progress: Progress = SILENT
) -> tuple[Source, dict[str, str]]:
    """Open photos; return them with the new name of each renamed class.

    Args:
        path: The photos; see `open_source`.
        aliases: `minerals` for the shipped table, a file to use the user's table before the
            shipped one, or None to leave class names unchanged.
        progress: Receives the progress.

    Raises:
        UserError: There are no photos, or the file is not a table of aliases.
    """
    user_aliases = read_aliases(Path(aliases)) if aliases not in (None, SHIPPED_ALIASES) else None
    source = open_source(path, progress)
    if aliases is None:
        return source, {}
    renamed = renamed_classes(source.classes, read_minerals(), user_aliases)
    return RenamedSource(source, renamed), renamed
