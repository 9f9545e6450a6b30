"""Lines about class names for `audit` and `prepare`: changed names, and names to merge."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from mineral_recog.cli.tables import first_of
from mineral_recog.data.readers.aliases import SHIPPED_ALIASES, OpenedSource
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.text import encodable


def renamed_lines(opened: OpenedSource) -> list[str]:
    """Return lines about class names that were changed, and aliases without a class."""
    lines = []
    if opened.renamed:
        first = first_of((f"{_shown(old)} → {new}" for old, new in opened.renamed.items()), 4)
        lines.append(
            tr(
                f"Class names replaced by those of the aliases: {len(opened.renamed)} ({first})",
                f"按别名表统一的类名：{len(opened.renamed)} 个（{first}）",
            )
        )
    if opened.unused:
        first = first_of(opened.unused, 4)
        lines.append(
            tr(
                f"Aliases of your table that match no class: {len(opened.unused)} ({first})",
                f"您的别名表中与任何类别都不符的别名：{len(opened.unused)} 个（{first}）",
            )
        )
    return lines


def alias_hint_lines(classes: Iterable[str]) -> list[str]:
    """Return lines about classes that the shipped aliases would merge."""
    minerals = read_minerals()
    alike: dict[str, list[str]] = {}
    synonyms: dict[str, list[str]] = {}
    for name in classes:
        composed = unicodedata.normalize("NFC", name)
        alike.setdefault(composed, []).append(name)
        if mineral := minerals.find(name):
            synonyms.setdefault(mineral.name, []).append(composed)
    lines = []
    if several := [names for names in map(_unique, synonyms.values()) if len(names) > 1]:
        first = first_of((", ".join(map(encodable, names)) for names in several), 3, "; ")
        lines.append(
            tr(
                f"Different class names of the same mineral: {first}. To merge them: "
                f"--aliases {SHIPPED_ALIASES}",
                f"同一矿物的不同类名：{first}。合并方法：--aliases {SHIPPED_ALIASES}",
            )
        )
    if several := [names for names in alike.values() if len(names) > 1]:
        first = first_of((", ".join(map(_shown, names)) for names in several), 3, "; ")
        lines.append(
            tr(
                f"Class names that look alike but differ in their Unicode form (NFC and NFD): "
                f"{first}. To merge them: --aliases {SHIPPED_ALIASES}",
                f"看起来相同、但 Unicode 形式不同（NFC 与 NFD）的类名：{first}。"
                f"合并方法：--aliases {SHIPPED_ALIASES}",
            )
        )
    return lines


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _shown(name: str) -> str:
    """Return a name that can be printed, with a note if it looks like its composed form."""
    composed = unicodedata.is_normalized("NFC", name)
    return encodable(name) if composed else f"{encodable(name)} (NFD)"
