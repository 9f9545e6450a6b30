"""Class names that may mean the same: by case, spelling, synonym or language."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from itertools import combinations

from mineral_recog.curation.finding_kinds import Text
from mineral_recog.minerals.facts import Minerals

LIKE = 0.88  # of difflib's ratio: one letter of eight, or two of seventeen
SHORTEST = 4  # letters that a misspelling can be told by


def same_names(names: Sequence[str], minerals: Minerals) -> list[tuple[tuple[str, str], Text]]:
    """Pairs of names that may mean the same, with the reason; each name with the first like it.

    Two names that the table gives to two minerals never mean the same, and a misspelling is told
    only of a name that the table has.
    """
    found = []
    taken: set[str] = set()
    for first, second in combinations(names, 2):
        if second not in taken and (reason := _reason(first, second, minerals)):
            found.append(((first, second), reason))
            taken.add(second)
    return found


def _reason(first: str, second: str, minerals: Minerals) -> Text | None:
    one, two = _letters(first), _letters(second)
    if not one or not two:
        return None
    if one == two:
        return {"en": "differ by case, accents or spacing", "zh": "只差大小写、重音或空格"}
    known, other = minerals.find(first), minerals.find(second)
    if known is not None and other is not None:
        if known.name != other.name:
            return None
        mineral = f"{known.name} · {known.chinese}"
        return {"en": f"both name {mineral}", "zh": f"都指 {mineral}"}
    if known is None and other is None:
        return None
    ratio = difflib.SequenceMatcher(None, one, two, autojunk=False).ratio()
    if min(len(one), len(two)) >= SHORTEST and ratio >= LIKE:
        return {"en": "may be a misspelling", "zh": "可能是拼写错误"}
    return None


def meaning(name: str, minerals: Minerals) -> str:
    """The same text for names that the table, or case, accents and spacing alone, make one."""
    known = minerals.find(name)
    return _letters(name if known is None else known.name) or name


def _letters(name: str) -> str:
    """A name without what differs from one writing to another."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name.casefold())))
