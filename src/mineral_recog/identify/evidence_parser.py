"""Parses the outcome of a physical test: a text in English or Chinese, or a value of Python."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.likelihood import SCALES, Interval
from mineral_recog.identify.measurement_parser import combine, parse_measurement
from mineral_recog.identify.weighing_parser import parse_weighing
from mineral_recog.identify.yes_no_parser import parse_yes_no_text
from mineral_recog.minerals.vocabularies import VOCABULARIES, english_word

MAX_LENGTH = 200  # characters; no accepted text is longer
MAX_NUMBER = 1000  # far beyond both scales
# What people say for a word of the list. A streak is hardly ever pink or purple, so the list has
# no such word, and red is the nearest. Minerals harder than the porcelain leave a white powder.
_SYNONYMS = {
    "streak": {
        "white": "no|none|colou?rless|clear|whitish|cream|creamy|ivory|无|没有|无色|米|米色|乳白",
        "grey": "silver|silvery|银|银色",
        "brown": "tan|beige|rust|rusty|chocolate|棕|棕色|咖啡色|咖啡",
        "red": "reddish|pink|rose|crimson|scarlet|purpl(?:e|ish)|violet|lilac|magenta"
        "|粉|粉色|紫|紫色",
        "orange": "橘|橘色",
        "blue": "blue?ish",
        "yellow": "gold|golden|金|金色",
    },
    "lustre": {
        "vitreous": "glassy",
        "earthy": "dull|无光泽?",
        "submetallic": "semi-?metallic",
        "greasy": "oily",
    },
}
_NO_SHADE = re.compile(
    r"\b(?:not|non|no|or|nor|and|to|hardly|barely|without|than|maybe|perhaps)\b"
    r"|[不非无或和,;/、&+~–—]| - |可能"
)
_FRAMES = {  # words around a colour or lustre, which are left out
    "streak": re.compile(
        r"^(?:an? |the )?(?:streak(?: is)?[ :=]*)?|^条痕(?:颜色)?[为是呈:]*|"
        r" ?\b(?:streak|colou?r(?:ed)?|powder)$|的?(?:条痕|粉末)?$"
    ),
    "lustre": re.compile(r"^(?:an? |the )?(?:lust(?:re|er)(?: is)?[ :=]*)?| ?\blust(?:re|er)$"),
}
_NOT = re.compile(
    r"\b(?:(?:do|does|did|is|are|was|were|can|could|will|would) ?not"
    r"|(?:do|does|did|is|are|was|were|could|would|ca|wo)n['’‘]?t"
    r"|never|unable to|fail(?:s|ed)? to)\b"
)
_POWERS = re.compile("⁻?[⁰¹²³⁴-⁹₀-₉]+")
_FRACTION_SIGNS = re.compile("[¼½¾⅓⅔]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")


def parse_hardness(value: str | float | Sequence[float]) -> Interval:
    """Return the interval of Mohs hardness that a text, a number or a pair of numbers means.

    A single number becomes an interval with the measurement error on both sides.

    Raises:
        UserError: The value is not understood, or its clauses contradict each other.
    """
    interval = _parse_interval("hardness", value)
    if interval is None:
        raise _not_understood(
            "hardness",
            value,
            "give a number up to 10 such as 6.5 or 6,5, a range such as 3.5-5.5, >5.5, or what "
            "scratches what, such as 'scratches glass' or 'scratched by knife' (fingernail 2.5, "
            "copper coin 3.5, glass or knife 5.5, steel 5.5 to 6.5, streak plate 6.5, quartz 7)",
            "请给出不超过 10 的数（如 6.5）、如 3.5-5.5 的范围、>5.5，或谁划动谁，"
            "如“划玻璃”或“被小刀划动”（指甲 2.5，铜币 3.5，玻璃或小刀 5.5，钢 5.5–6.5，"
            "条痕板 6.5，石英 7）",
        )
    return interval


def parse_density(value: str | float | Sequence[float]) -> Interval:
    """Return the interval of density in g/cm3 that a text, a number or a pair of numbers means.

    A single number becomes an interval with the measurement error on both sides. A text may also
    be the weights in air and in water, see `parse_weighing`.

    Raises:
        UserError: The value is not understood, or its clauses contradict each other.
    """
    interval = parse_weighing(normalise(value)) if isinstance(value, str) else None
    interval = interval or _parse_interval("density", value)
    if interval is None:
        low, high = SCALES["density"]
        raise _not_understood(
            "density",
            value,
            f"give g/cm3 from {low:g} to {high:g} as a number such as 2.65 or 2,65, a range such "
            "as 4.8-5.2, or >4, or the weights in air and in water such as 'dry 52.3 wet 33.1'",
            f"请给出 {low:g} 到 {high:g} 之间的克/立方厘米数（如 2.65）、如 4.8-5.2 的范围、>4，"
            "或在空气中和水中的重量，如“干重 52.3 水中 33.1”",
        )
    return interval


def parse_word(test: str, text: str) -> str:
    """Return the English word of the list of `streak` or `lustre` that a text contains.

    The last word of a streak such as greenish black counts.

    Raises:
        UserError: The text is not in the list.
    """
    cleaned = normalise(text) if isinstance(text, str) else ""
    cleaned = _FRAMES[test].sub("", cleaned).strip().replace("gray", "grey")
    spellings = [cleaned, re.sub(r"[ -]", "", cleaned), cleaned + "色", cleaned + "光泽"]
    if test == "streak" and not _NO_SHADE.search(cleaned):
        last = re.split(r"[ -]", cleaned)[-1]
        spellings += [last, last.removesuffix("ish")]
        spellings += [] if cleaned.isascii() else [cleaned[-2:], cleaned[-1:] + "色"]
    for spelling in spellings:
        if (match := english_word(test, spelling)) is not None:
            return match
        for word, synonyms in _SYNONYMS[test].items():
            if re.fullmatch(synonyms, spelling):
                return word
    raise _not_understood(
        test,
        text,
        f"give one of {', '.join(VOCABULARIES[test])}",
        f"请给出 {'、'.join(VOCABULARIES[test].values())} 之一",
    )


def parse_yes_no(test: str, value: str | bool) -> bool:
    """Return whether a text or truth value about `magnetic` or `acid` means yes.

    Raises:
        UserError: The value means neither yes nor no.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    is_yes = parse_yes_no_text(test, normalise(value)) if isinstance(value, str) else None
    if is_yes is None:
        example, chinese = {
            "magnetic": ("weakly attracted", "微弱吸引"),
            "acid": ("does not fizz", "不起泡"),
        }[test]
        raise _not_understood(
            test, value, f"give yes or no, or words such as '{example}'",
            f"请给出“是”或“否”，或如“{chinese}”的文字",
        )  # fmt: skip
    return is_yes


def normalise(text: str) -> str:
    """Return a text in lower case with ASCII digits, single spaces, and `not` for all negations.

    Returns "" if it is too long.
    """
    if len(text) > MAX_LENGTH:
        return ""
    text = _INVISIBLE.sub("", text)
    text = _POWERS.sub(lambda power: "^" + unicodedata.normalize("NFKC", power[0]), text)
    text = _FRACTION_SIGNS.sub(lambda sign: f" {unicodedata.normalize('NFKC', sign[0])}", text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("\N{FRACTION SLASH}", "/")
    text = _NOT.sub("not", text).replace("unscratched", "not scratched")
    return " ".join(text.split()).rstrip(".。!").rstrip()


def _parse_interval(test: str, value: object) -> Interval | None:
    """Return the interval that a value means, or None if it is not understood."""
    if isinstance(value, str):
        interval = parse_measurement(test, normalise(value))
    else:
        ends = _numbers(value)
        interval = combine(test, [(min(ends), max(ends))]) if ends else None
    if interval is not None and interval[0] > interval[1]:
        low, high = interval
        raise UserError(
            tr(
                f"{test} {value!r} contradicts itself: above {low:g} and below {high:g}; do one "
                "of the tests again.",
                f"{test} {value!r} 自相矛盾：既大于 {low:g} 又小于 {high:g}；请重做其中一项测试。",
            )
        )
    return interval


def _numbers(value: object) -> list[float]:
    """Return the one or two numbers of a value from Python, or [] if it is something else."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    values: list[Any] = list(value) if isinstance(value, tuple | list) else [value]
    is_valid = len(values) <= 2 and all(
        isinstance(number, int | float | np.integer | np.floating)
        and not isinstance(number, bool)
        and abs(number) < MAX_NUMBER
        for number in values
    )
    return [float(number) for number in values] if is_valid else []


def _not_understood(test: str, value: object, english: str, chinese: str) -> UserError:
    shown = repr(value)
    excerpt = shown if len(shown) <= 42 else f"{shown[:41]}…"
    return UserError(
        tr(
            f"{test} {excerpt} is not understood: {english}.",
            f"{test} {excerpt} 无法理解：{chinese}。",
        )
    )
