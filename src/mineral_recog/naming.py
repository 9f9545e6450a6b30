"""Photos under the class names that the user wants: what `--aliases` does, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from mineral_recog.audit.findings import shown
from mineral_recog.language import tr
from mineral_recog.minerals import read_minerals
from mineral_recog.sources.aliases import Renamed, new_names, read_aliases
from mineral_recog.sources.opening import open_source
from mineral_recog.sources.source import Source

SHIPPED = "minerals"  # the shipped table alone


def open_named(path: Path, aliases: str | None) -> tuple[Source, dict[str, str]]:
    """Photos, and the new names of the classes that got one.

    Args:
        path: of the photos.
        aliases: `minerals` for the shipped table, a file for that and the user's own, or None for
            class names as they are.

    Raises:
        UserError: no photos there, or no such table.
    """
    own = read_aliases(Path(aliases)) if aliases not in (None, SHIPPED) else None
    source = open_source(path)
    if aliases is None:
        return source, {}
    renamed = new_names(source.classes, read_minerals(), own)
    return Renamed(source, renamed), renamed


def tell_renamed(renamed: Mapping[str, str]) -> list[str]:
    """A line about class names that were changed, if any were."""
    if not renamed:
        return []
    some = [f"{shown(old)} → {new}" for old, new in list(renamed.items())[:4]]
    first = ", ".join(some) + (" ..." if len(renamed) > len(some) else "")
    return [
        tr(
            f"Class names brought to those of the aliases: {len(renamed)} ({first})",
            f"按别名表统一的类名：{len(renamed)} 个（{first}）",
        )
    ]


def hint_at_aliases(classes: Iterable[str]) -> list[str]:
    """A line about classes that the shipped table would bring together, if there are any."""
    minerals = read_minerals()
    together: dict[str, list[str]] = {}
    for name in classes:
        if mineral := minerals.find(name):
            together.setdefault(mineral.name, []).append(name)
    same = [names for names in together.values() if len(names) > 1]
    if not same:
        return []
    some = "; ".join(", ".join(map(shown, names)) for names in same[:3])
    first = some + (" ..." if len(same) > 3 else "")
    return [
        tr(
            f"Classes that mean the same mineral: {first}. To bring them together: "
            f"--aliases {SHIPPED}",
            f"同一矿物的不同类名：{first}。如要合并：--aliases {SHIPPED}",
        )
    ]
