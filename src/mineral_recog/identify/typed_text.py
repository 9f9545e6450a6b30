"""What users type about a test: one spelling for the parsers, and the error for the rest."""

from __future__ import annotations

import re
import unicodedata

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.expected_texts import EXPECTED

MAX_LENGTH = 200  # characters; no accepted text is longer
NOT = re.compile(
    r"\b(?:(?:do|does|did|is|are|was|were|can|could|will|would) ?not"
    r"|(?:do|does|did|is|are|was|were|could|would|ca|wo)n['’‘]?t"
    r"|never|unable to|fail(?:s|ed)? to)\b"
)
POWERS = re.compile("⁻?[⁰¹²³⁴-⁹₀-₉]+")
FRACTION_SIGNS = re.compile("[¼½¾⅓⅔]")
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")
_DIGITS = re.compile(r"(?![0-9])\d")  # of other scripts
DECIMAL_SIGNS = re.compile(r"(?<=\d)[,.。·٫](?=\d)")  # a comma between digits is a decimal point


def normalise(text: str) -> str:
    """Return a text in lower case with ASCII digits, single spaces, and `not` for all negations.

    Returns "" if it is too long.
    """
    if len(text) > MAX_LENGTH:
        return ""
    text = INVISIBLE.sub("", text)
    text = POWERS.sub(lambda power: "^" + unicodedata.normalize("NFKC", power[0]), text)
    text = FRACTION_SIGNS.sub(lambda sign: f" {unicodedata.normalize('NFKC', sign[0])}", text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("\N{FRACTION SLASH}", "/")
    text = _DIGITS.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    text = NOT.sub("not", text).replace("unscratched", "not scratched")
    return " ".join(text.split()).rstrip(".。!").rstrip()


def not_understood(test: str, value: object) -> UserError:
    """Return the error about a value of a test, a field of Evidence, with what to give instead."""
    shown, expected = repr(value), EXPECTED[test]
    excerpt = shown if len(shown) <= 42 else f"{shown[:41]}…"
    return UserError(
        tr(
            f"{test} {excerpt} is not understood: {expected['en']}.",
            f"{test} {excerpt} 无法理解：{expected['zh']}。",
        )
    )
