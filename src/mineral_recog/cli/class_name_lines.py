"""Lines about class names for `audit` and `prepare`: which were changed, which could be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mineral_recog.data.readers.naming import SHIPPED
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.text import encodable


def renamed_lines(renamed: Mapping[str, str]) -> list[str]:
    """A line about class names that were changed, if any were."""
    if not renamed:
        return []
    some = [f"{encodable(old)} → {new}" for old, new in list(renamed.items())[:4]]
    first = ", ".join(some) + (" ..." if len(renamed) > len(some) else "")
    return [
        tr(
            f"Class names brought to those of the aliases: {len(renamed)} ({first})",
            f"按别名表统一的类名：{len(renamed)} 个（{first}）",
        )
    ]


def alias_hint_lines(classes: Iterable[str]) -> list[str]:
    """A line about classes that the shipped table would bring together, if there are any."""
    minerals = read_minerals()
    together: dict[str, list[str]] = {}
    for name in classes:
        if mineral := minerals.find(name):
            together.setdefault(mineral.name, []).append(name)
    same = [names for names in together.values() if len(names) > 1]
    if not same:
        return []
    some = "; ".join(", ".join(map(encodable, names)) for names in same[:3])
    first = some + (" ..." if len(same) > 3 else "")
    return [
        tr(
            f"Classes that mean the same mineral: {first}. To bring them together: "
            f"--aliases {SHIPPED}",
            f"同一矿物的不同类名：{first}。如要合并：--aliases {SHIPPED}",
        )
    ]
