"""Parses words that a user types about what a specimen looks like: `greenish black`, `needles`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mineral_recog.identify.typed_text import normalise, not_understood
from mineral_recog.identify.word_synonyms import SYNONYMS
from mineral_recog.minerals.vocabularies import VOCABULARIES, english_word

LAMPS = ("fluorescence_long", "fluorescence_short")
COLOURED = ("streak", "colours", *LAMPS)
NO_SHADE = re.compile(
    r"\b(?:not|non|no|or|nor|and|to|hardly|barely|without|than|maybe|perhaps)\b"
    r"|[不非无或和,;/、&+~–—]| - |可能"
)
_GLOW = re.compile(
    r"\b(?:it |is |an? |the |glow(?:s|ing)?\b|fluoresc(?:es?|ent|ence|ing)\b|shines?\b"
    r"|light$|colou?r\b|(?:under|in) (?:the )?(?:(?:long|short)[ -]?wave )?(?:uv|ultraviolet)\b.*)"
    r"|[ :=,]+$|^[ :=,]+"
    r"|(?:在|在?(?:长|短)波)?紫外[线光]?灯?(?:照射)?下|发出?|[呈显]|的?荧?光$"
)
GLOW_STRENGTH = re.compile(r"\b(?:bright|strong|weak|faint|vivid)(?:ly)?\b ?|[强弱]烈?的?")
NEGATION = re.compile(r"\bno[nt]?\b|[不无没]")
FRAMES = {  # words around the answer, which are left out
    "streak": re.compile(
        r"^(?:an? |the )?(?:streak(?: is)?[ :=]*)?|^条痕(?:颜色)?[为是呈:]*|"
        r" ?\b(?:streak|colou?r(?:ed)?|powder)$|的?(?:条痕|粉末)?$"
    ),
    "lustre": re.compile(r"^(?:an? |the )?(?:lust(?:re|er)(?: is)?[ :=]*)?| ?\blust(?:re|er)$"),
    "colours": re.compile(
        r"^(?:it )?(?:is )?(?:an? |the |some )?(?:colou?rs?\b(?: is| are)?[ :=]*)?|^颜色[为是呈:]*"
        r"| ?\b(?:colou?r(?:ed)?|spots|patches|bands|in places)$|的$"
    ),
    "transparency": re.compile(
        r"^(?:it )?(?:is )?(?:(?:transparency|diaphaneity)(?: is)?[ :=]*)?|^透明度[为是:]*|的$"
    ),
    "habit": re.compile(
        r"^(?:it )?(?:is |has )?(?:an? |the )?(?:(?:crystal )?habit(?: is)?[ :=]*)?|^形态[为是:]*"
        r"| ?\b(?:crystals?|habit|form|shaped?|aggregates?|mass(?:es)?|like)$"
        r"|的?(?:晶体|集合体|晶形)$|的$"
    ),
    "fracture": re.compile(
        r"^(?:it )?(?:has |is )?(?:an? |the )?(?:fractures?(?: is)?[ :=]*)?|^断口[为是:]*"
        r"| ?\b(?:fracture|break|surface)s?$|的$"
    ),
    "tenacity": re.compile(r"^(?:it )?(?:is )?(?:tenacity(?: is)?[ :=]*)?|^韧[度性][为是:]+|的$"),
    "fluorescence_long": _GLOW,
    "fluorescence_short": _GLOW,
}
# Between several words: `green and brown`, `绿色带褐色`.
AND = re.compile(r" ?(?:[,;、/+&]|\band\b|\bwith\b|\bto\b|及|和|与|并?带有?|至|夹) ?")
SUFFIXES = ("", "色", "光泽", "断口", "状", "体", "性", "荧光")  # of the Chinese words


def parse_word(test: str, text: str) -> str:
    """Return the English word of the list of a test that a text contains.

    The last word of a colour such as greenish black counts.

    Args:
        test: A column of VOCABULARIES, see `read_evidence`.
        text: What the user typed.

    Raises:
        UserError: The text is not in the list.
    """
    word = _find_word(test, normalise(text)) if isinstance(text, str) else None
    if word is None:
        raise not_understood(test, text)
    return word


def parse_words(test: str, value: str | Sequence[str]) -> tuple[str, ...]:
    """Return the different English words of the list of a test that a text or a sequence contains.

    They are in the order of the list.

    Raises:
        UserError: A part of it is not in the list.
    """
    if isinstance(value, str):
        text = FRAMES[test].sub("", normalise(value))
        parts = [part for part in AND.split(text) if part.strip()]
    elif isinstance(value, list | tuple | np.ndarray) and all(isinstance(v, str) for v in value):
        parts = [normalise(part) for part in value]
    else:
        parts = []
    words = {_find_word(test, part) for part in parts}
    if not words or None in words:
        raise not_understood(test, value)
    return tuple(word for word in VOCABULARIES[test] if word in words)


def _find_word(test: str, text: str) -> str | None:
    """Return the word of the list in a text as `normalise` returns it; None if there is none."""
    if test in LAMPS and not NEGATION.search(text):  # not strong is not none
        text = GLOW_STRENGTH.sub("", text)
    cleaned = FRAMES[test].sub("", text).strip().replace("gray", "grey")
    spellings = [cleaned, re.sub(r"[ -]", "", cleaned)]
    spellings += [cleaned + suffix for suffix in SUFFIXES if not cleaned.isascii()]
    if test in COLOURED and not NO_SHADE.search(cleaned):
        last = re.split(r"[ -]", cleaned)[-1]
        spellings += [last, last.removesuffix("ish")]
        if not cleaned.isascii():
            spellings += [cleaned[-3:], cleaned[-2:], cleaned[-1:] + "色"]
    for spelling in spellings:
        if (match := english_word(test, spelling)) is not None:
            return match
        for word, synonyms in SYNONYMS[test].items():
            if re.fullmatch(synonyms, spelling):
                return word
    return None
