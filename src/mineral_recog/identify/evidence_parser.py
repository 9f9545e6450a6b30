"""Parses what a user types about a physical test, in English or Chinese, into its outcome."""

from __future__ import annotations

import re
import unicodedata

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.likelihood import HARDNESS_ERROR, SCALES, Interval, measurement_error
from mineral_recog.identify.scratch_parser import parse_scratch
from mineral_recog.minerals.facts import VOCABULARIES, english_word

MAX_LENGTH = 200  # characters; no accepted text is longer
_NUMBER = r"(\d{1,2}(?:\.\d{1,6})?)"
_RANGE = re.compile(rf"{_NUMBER} ?(?:-|–|—|~|to|至|到) ?{_NUMBER}")
_ABOVE = re.compile(rf"(?:>=?|≥|大于|高于) ?{_NUMBER}")
_BELOW = re.compile(rf"(?:<=?|≤|小于|低于) ?{_NUMBER}")
_AND = re.compile(r"[,;、。]|\band\b|\bbut\b|且|但")
_UNIT = re.compile(r" ?(?:g/cm3|g/cc|g/ml|克/立方厘米|克每立方厘米)$")
_SYNONYMS = {
    "colourless": "white", "colorless": "white", "无色": "白色", "glassy": "vitreous",
    "dull": "earthy",
}  # fmt: skip
# Texts with these words are not shades of a colour.
_NO_SHADE = re.compile(r"\b(?:not|non|no|or|and|to)\b|[不非无或和]")
_YES = ("yes", "y", "true", "是", "有")
_NO = ("no", "n", "false", "否", "无", "不")


def parse_hardness(text: str) -> Interval:
    """Return the interval of Mohs hardness that satisfies all clauses of a text.

    A number becomes an interval with the measurement error on both sides.

    Raises:
        UserError: A clause is not understood, or two contradict each other.
    """
    softest, hardest = SCALES["hardness"]
    low, high = softest, hardest
    clauses = [part.strip() for part in _AND.split(_normalise(text)) if part.strip()]
    for clause in clauses or [""]:
        interval = _parse_interval(clause, "hardness")
        if (scratch := parse_scratch(clause)) is not None:
            limit, is_harder = scratch
            interval = (limit, hardest) if is_harder else (softest, limit)
        if interval is None:
            raise _not_understood(
                "hardness",
                text,
                "give a number up to 10, a range such as 3.5-5.5, >5.5, or what scratches what, "
                "such as 'scratches glass' or 'scratched by knife' (fingernail 2.5, copper coin "
                "3.5, glass or knife 5.5, streak plate 6.5)",
                "请给出不超过 10 的数、如 3.5-5.5 的范围、>5.5，或谁划动谁，"
                "如“划玻璃”或“被小刀划动”（指甲 2.5，铜币 3.5，玻璃或小刀 5.5，条痕板 6.5）",
            )
        low, high = max(low, interval[0]), min(high, interval[1])
    if low == high:  # as in: scratches glass, scratched by a knife
        return low - HARDNESS_ERROR, high + HARDNESS_ERROR
    if low > high:
        raise UserError(
            tr(
                f"hardness {text!r} contradicts itself: harder than {low:g} and softer than "
                f"{high:g}; do one of the tests again.",
                f"hardness {text!r} 自相矛盾：既大于 {low:g} 又小于 {high:g}；请重做其中一项测试。",
            )
        )
    return low, high


def parse_density(text: str) -> Interval:
    """Return the interval of density in g/cm3; a number gets its error on both sides.

    Raises:
        UserError: The text is not understood.
    """
    interval = _parse_interval(_UNIT.sub("", _normalise(text)), "density")
    if interval is None:
        low, high = SCALES["density"]
        raise _not_understood(
            "density",
            text,
            f"give g/cm3 from {low:g} to {high:g} as a number, a range such as 4.8-5.2, or >4",
            f"请给出 {low:g} 到 {high:g} 之间的克/立方厘米数、如 4.8-5.2 的范围，或 >4",
        )
    return interval


def parse_word(test: str, text: str) -> str:
    """Return the English word of the list of `streak` or `lustre` that a text contains.

    The last word of a streak such as greenish black counts.

    Raises:
        UserError: The text is not in the list.
    """
    cleaned = re.sub(r" ?\b(?:lustre|luster|streak)$|条痕$", "", _normalise(text)).replace(
        "gray", "grey"
    )
    cleaned = _SYNONYMS.get(cleaned, cleaned)
    spellings = [cleaned, re.sub(r"[ -]", "", cleaned), cleaned + "色", cleaned + "光泽"]
    if test == "streak" and not _NO_SHADE.search(cleaned):
        spellings += [re.split(r"[ -]", cleaned)[-1], cleaned[-2:], cleaned[-1:] + "色"]
    for word in spellings:
        if (match := english_word(test, word)) is not None:
            return match
    raise _not_understood(
        test,
        text,
        f"give one of {', '.join(VOCABULARIES[test])}",
        f"请给出 {'、'.join(VOCABULARIES[test].values())} 之一",
    )


def parse_yes_no(test: str, text: str) -> bool:
    """Return whether a text means yes.

    Raises:
        UserError: The text means neither yes nor no.
    """
    cleaned = _normalise(text)
    if cleaned not in _YES + _NO:
        raise _not_understood(test, text, "give yes or no", "请给出“是”或“否”")
    return cleaned in _YES


def _parse_interval(text: str, scale: str) -> Interval | None:
    """Return the interval of a number, range or bound within a scale, or None if it is invalid."""
    lowest, highest = SCALES[scale]
    if match := re.fullmatch(_NUMBER, text):
        low = high = float(match[1])
    elif match := _RANGE.fullmatch(text):
        low, high = sorted((float(match[1]), float(match[2])))
    elif match := _ABOVE.fullmatch(text):
        low, high = float(match[1]), highest
    elif match := _BELOW.fullmatch(text):
        low, high = lowest, float(match[1])
    else:
        return None
    if not lowest <= low <= high <= highest:
        return None
    if low == high:
        margin = measurement_error(scale, low)
        low, high = max(low - margin, lowest), min(high + margin, highest)
    return low, high


def _normalise(text: str) -> str:
    """Return a text in lower case with ASCII digits and single spaces; "" if it is too long."""
    if len(text) > MAX_LENGTH:
        return ""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _not_understood(test: str, text: str, english: str, chinese: str) -> UserError:
    excerpt = text if len(text) <= 40 else f"{text[:40]}…"
    return UserError(
        tr(
            f"{test} {excerpt!r} is not understood: {english}.",
            f"{test} {excerpt!r} 无法理解：{chinese}。",
        )
    )
