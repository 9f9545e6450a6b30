"""Finds class names that may mean the same: in another case, spelling, synonym or language."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Sequence
from itertools import combinations

from mineral_recog.curation.finding_kinds import BilingualText
from mineral_recog.minerals.facts import MineralTable

MIN_RATIO = 0.88  # of difflib: one different letter of eight, or two of seventeen
MIN_LETTERS = 4  # shorter names are too short to recognise a misspelling
# What two names of the same letters can differ in. Each function keeps only that of a name.
_DIFFERENCES: dict[tuple[str, str], Callable[[str], str]] = {
    ("case", "大小写"): lambda name: _keep(name, str.isalnum),
    ("accents", "重音"): lambda name: _keep(
        name.casefold(), lambda char: char.isalnum() or bool(unicodedata.combining(char))
    ),
    ("spacing", "空格"): lambda name: _keep(
        name.casefold(), lambda char: char.isalnum() or char.isspace()
    ),
    ("punctuation", "标点"): lambda name: _keep(
        name.casefold(), lambda char: not char.isspace() and not unicodedata.combining(char)
    ),
}


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
        return _difference(first, second)
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


def _difference(first: str, second: str) -> BilingualText:
    """Return in what two names of the same letters differ."""
    found = [words for words, part in _DIFFERENCES.items() if part(first) != part(second)]
    if not found:
        return {
            "en": "look alike: the same letters in two Unicode forms, such as NFC and NFD",
            "zh": "看起来相同：同样的文字，Unicode 形式不同（如 NFC 与 NFD）",
        }
    english, chinese = zip(*found, strict=True)
    return {"en": f"differ only in {', '.join(english)}", "zh": f"只差{'、'.join(chinese)}"}


def canonical_name(name: str, minerals: MineralTable) -> str:
    """Return the same text for names of one mineral and for names that differ in case or spacing.

    Accents are ignored too.
    """
    mineral = minerals.find(name)
    return _letters(name if mineral is None else mineral.name) or name


def _letters(name: str) -> str:
    """Return the letters and digits of a name, without case, accents, spaces or punctuation."""
    return _keep(name.casefold(), str.isalnum)


def _keep(name: str, is_kept: Callable[[str], bool]) -> str:
    """Return the characters of a name, decomposed, for which a function is true."""
    return "".join(filter(is_kept, unicodedata.normalize("NFKD", name)))
