"""Lines about class names for `audit` and `prepare`: changed names, and names to merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mineral_recog.cli.tables import first_of
from mineral_recog.data.readers.aliases import SHIPPED_ALIASES
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.text import encodable


def renamed_lines(renamed: Mapping[str, str]) -> list[str]:
    """Return a line about class names that were changed, if there are any."""
    if not renamed:
        return []
    first = first_of((f"{encodable(old)} → {new}" for old, new in renamed.items()), 4)
    return [
        tr(
            f"Class names replaced by those of the aliases: {len(renamed)} ({first})",
            f"按别名表统一的类名：{len(renamed)} 个（{first}）",
        )
    ]


def alias_hint_lines(classes: Iterable[str]) -> list[str]:
    """Return a line about classes that the shipped aliases would merge, if there are any."""
    minerals = read_minerals()
    names_of: dict[str, list[str]] = {}
    for name in classes:
        if mineral := minerals.find(name):
            names_of.setdefault(mineral.name, []).append(name)
    synonyms = [names for names in names_of.values() if len(names) > 1]
    if not synonyms:
        return []
    first = first_of((", ".join(map(encodable, names)) for names in synonyms), 3, "; ")
    return [
        tr(
            f"Different class names of the same mineral: {first}. To merge them: "
            f"--aliases {SHIPPED_ALIASES}",
            f"同一矿物的不同类名：{first}。合并方法：--aliases {SHIPPED_ALIASES}",
        )
    ]
