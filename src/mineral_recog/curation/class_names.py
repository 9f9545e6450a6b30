"""Finds class names that may mean the same: in another case, spelling, synonym or language."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from itertools import combinations

from mineral_recog.curation.finding_kinds import BilingualText
from mineral_recog.minerals.facts import MineralTable

MIN_RATIO = 0.88  # of difflib: one different letter of eight, or two of seventeen
MIN_LETTERS = 4  # shorter names are too short to recognise a misspelling


def similar_names(
    names: Sequence[str], minerals: MineralTable
) -> list[tuple[tuple[str, str], BilingualText]]:
    """Return pairs of names that may mean the same, with the reason.

    Each name is paired with the first one that it resembles. Two names that the table assigns to
    two minerals never mean the same, and a misspelling is reported only of a name in the table.
    """
    pairs = []
    paired: set[str] = set()
    for first, second in combinations(names, 2):
        if second not in paired and (reason := _reason(first, second, minerals)):
            pairs.append(((first, second), reason))
            paired.add(second)
    return pairs


def _reason(first: str, second: str, minerals: MineralTable) -> BilingualText | None:
    first_letters, second_letters = _letters(first), _letters(second)
    if not first_letters or not second_letters:
        return None
    if first_letters == second_letters:
        return {"en": "differ in case, accents or spacing", "zh": "只差大小写、重音或空格"}
    first_mineral, second_mineral = minerals.find(first), minerals.find(second)
    if first_mineral is not None and second_mineral is not None:
        if first_mineral.name != second_mineral.name:
            return None
        mineral = f"{first_mineral.name} · {first_mineral.chinese}"
        return {"en": f"both name {mineral}", "zh": f"都指 {mineral}"}
    if first_mineral is None and second_mineral is None:
        return None
    ratio = difflib.SequenceMatcher(None, first_letters, second_letters, autojunk=False).ratio()
    if min(len(first_letters), len(second_letters)) >= MIN_LETTERS and ratio >= MIN_RATIO:
        return {"en": "may be a misspelling", "zh": "可能是拼写错误"}
    return None


def canonical_name(name: str, minerals: MineralTable) -> str:
    """Return the same text for names of one mineral and for names that differ in case or spacing.

    Accents are ignored too.
    """
    mineral = minerals.find(name)
    return _letters(name if mineral is None else mineral.name) or name


def _letters(name: str) -> str:
    """Return the letters and digits of a name, without case, accents, spaces or punctuation."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name.casefold())))
