"""What users type about a test: one spelling for the parsers, and the error for the rest."""

from __future__ import annotations

import re
import unicodedata

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr

MAX_LENGTH = 200  # characters; no accepted text is longer
_NOT = re.compile(
    r"\b(?:(?:do|does|did|is|are|was|were|can|could|will|would) ?not"
    r"|(?:do|does|did|is|are|was|were|could|would|ca|wo)n['’‘]?t"
    r"|never|unable to|fail(?:s|ed)? to)\b"
)
_POWERS = re.compile("⁻?[⁰¹²³⁴-⁹₀-₉]+")
_FRACTION_SIGNS = re.compile("[¼½¾⅓⅔]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")


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


def not_understood(test: str, value: object, english: str, chinese: str) -> UserError:
    """Return the error about a value of a test.

    Args:
        test: Field of Evidence.
        value: What was given.
        english: What to give instead.
        chinese: The same in Chinese.
    """
    shown = repr(value)
    excerpt = shown if len(shown) <= 42 else f"{shown[:41]}…"
    return UserError(
        tr(
            f"{test} {excerpt} is not understood: {english}.",
            f"{test} {excerpt} 无法理解：{chinese}。",
        )
    )
