"""From what a user types about a hand test, in English or Chinese, to its outcome."""

from __future__ import annotations

import re
import unicodedata

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.likelihood import DENSITY_ERROR, HARDNESS_ERROR, SCALES, Interval
from mineral_recog.identify.scratch_parser import scratched
from mineral_recog.minerals.facts import WORDS, word_of

LONGEST = 200  # characters; nothing that is understood is longer
_NUMBER = r"(\d{1,2}(?:\.\d{1,6})?)"
_RANGE = re.compile(rf"{_NUMBER} ?(?:-|–|—|~|to|至|到) ?{_NUMBER}")
_ABOVE = re.compile(rf"(?:>=?|≥|大于|高于) ?{_NUMBER}")
_BELOW = re.compile(rf"(?:<=?|≤|小于|低于) ?{_NUMBER}")
_AND = re.compile(r"[,;、。]|\band\b|\bbut\b|且|但")
_UNIT = re.compile(r" ?(?:g/cm3|g/cc|g/ml|克/立方厘米|克每立方厘米)$")
_ALSO = {
    "colourless": "white", "colorless": "white", "无色": "白色", "glassy": "vitreous",
    "dull": "earthy",
}  # fmt: skip
_UNLIKE = re.compile(r"\b(?:not|non|no|or|and|to)\b|[不非无或和]")  # no shade of a colour
_YES = ("yes", "y", "true", "是", "有")
_NO = ("no", "n", "false", "否", "无", "不")


def read_hardness(text: str) -> Interval:
    """The interval of Mohs' scale that all clauses of a text leave.

    A number is taken with the error of a measurement on both sides.

    Raises:
        UserError: a clause is not understood, or two contradict each other.
    """
    low, high = SCALES["hardness"]
    clauses = [part.strip() for part in _AND.split(_plain(text)) if part.strip()]
    for clause in clauses or [""]:
        found = _numbers(clause, "hardness", HARDNESS_ERROR, 0.0)
        if (scratch := scratched(clause)) is not None:
            limit, harder = scratch
            found = (limit, SCALES["hardness"][1]) if harder else (SCALES["hardness"][0], limit)
        if found is None:
            raise _not_understood(
                "hardness",
                text,
                "give a number up to 10, a range such as 3.5-5.5, >5.5, or what scratches what, "
                "such as 'scratches glass' or 'scratched by knife' (fingernail 2.5, copper coin "
                "3.5, glass or knife 5.5, streak plate 6.5)",
                "请给出不超过 10 的数、如 3.5-5.5 的范围、>5.5，或谁划动谁，"
                "如“划玻璃”或“被小刀划动”（指甲 2.5，铜币 3.5，玻璃或小刀 5.5，条痕板 6.5）",
            )
        low, high = max(low, found[0]), min(high, found[1])
    if low == high:  # as hard as the knife that scratches it a little
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


def read_density(text: str) -> Interval:
    """The interval of densities in g/cm3; a number is taken with its error on both sides.

    Raises:
        UserError: it is not understood.
    """
    found = _numbers(_UNIT.sub("", _plain(text)), "density", 0.0, DENSITY_ERROR)
    if found is None:
        low, high = SCALES["density"]
        raise _not_understood(
            "density",
            text,
            f"give g/cm3 from {low:g} to {high:g} as a number, a range such as 4.8-5.2, or >4",
            f"请给出 {low:g} 到 {high:g} 之间的克/立方厘米数、如 4.8-5.2 的范围，或 >4",
        )
    return found


def read_word(test: str, text: str) -> str:
    """The word of the table's list for `streak` or `lustre`, in English.

    Of a streak such as greenish black the last word counts.

    Raises:
        UserError: it is none of the list.
    """
    plain = re.sub(r" ?\b(?:lustre|luster|streak)$|条痕$", "", _plain(text)).replace("gray", "grey")
    plain = _ALSO.get(plain, plain)
    tried = [plain, re.sub(r"[ -]", "", plain), plain + "色", plain + "光泽"]
    if test == "streak" and not _UNLIKE.search(plain):
        tried += [re.split(r"[ -]", plain)[-1], plain[-2:], plain[-1:] + "色"]
    for word in tried:
        if (found := word_of(test, word)) is not None:
            return found
    raise _not_understood(
        test,
        text,
        f"give one of {', '.join(WORDS[test])}",
        f"请给出 {'、'.join(WORDS[test].values())} 之一",
    )


def read_yes(test: str, text: str) -> bool:
    """Whether a text says yes.

    Raises:
        UserError: it says neither yes nor no.
    """
    plain = _plain(text)
    if plain not in _YES + _NO:
        raise _not_understood(test, text, "give yes or no", "请给出“是”或“否”")
    return plain in _YES


def _numbers(text: str, scale: str, error: float, relative_error: float) -> Interval | None:
    """The interval that a number, range or bound tells, within a scale; None when it is none."""
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
        margin = error + relative_error * low
        low, high = max(low - margin, lowest), min(high + margin, highest)
    return low, high


def _plain(text: str) -> str:
    """A text in lower case, with ordinary digits, signs and spaces; one too long is left out."""
    if len(text) > LONGEST:
        return ""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _not_understood(test: str, text: str, english: str, chinese: str) -> UserError:
    told = text if len(text) <= 40 else f"{text[:40]}…"
    return UserError(
        tr(
            f"{test} {told!r} is not understood: {english}.",
            f"{test} {told!r} 无法理解：{chinese}。",
        )
    )
