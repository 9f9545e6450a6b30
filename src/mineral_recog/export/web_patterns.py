"""The patterns and words of the parsers of evidence, for JavaScript.

JavaScript has the same regular expressions but for a few signs, so that a parser of the offline
page is a short function that uses the patterns of `identify`.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

from mineral_recog.identify import (
    cleavage_parser,
    measurement_parser,
    scratch_parser,
    typed_text,
    weighing_parser,
    word_parser,
    yes_no_parser,
)
from mineral_recog.identify.word_synonyms import SYNONYMS

# Python counts the letters and digits of all scripts as a word, and JavaScript ASCII alone.
_WORD = r"[\p{L}\p{N}_]"
_BOUNDARY = rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"


def javascript_pattern(pattern: re.Pattern[str] | str) -> str:
    """Return a pattern of Python in the syntax of JavaScript, for the flag `u`."""
    source = pattern if isinstance(pattern, str) else pattern.pattern
    return source.replace("(?P<", "(?<").replace(r"\b", _BOUNDARY)


def evidence_patterns() -> dict[str, Any]:
    """Return the patterns and words of all parsers of evidence as JSON values."""
    return {
        "typed": _typed(),
        "measurement": _measurement(),
        "scratch": _scratch(),
        "weighing": {
            "patterns": _all(weighing_parser.PATTERNS),
            "volumes": sorted(weighing_parser.VOLUMES),
            "grams": sorted(weighing_parser.GRAMS),
        },
        "words": _words(),
        "yes_no": {
            "yes": yes_no_parser.YES,
            "no": yes_no_parser.NO,
            "weak": javascript_pattern(yes_no_parser.WEAK),
            "strong_magnet": javascript_pattern(yes_no_parser.STRONG_MAGNET),
            "patterns": {test: _all(found) for test, found in yes_no_parser.PATTERNS.items()},
        },
        "cleavage": {
            "tokens": javascript_pattern(cleavage_parser.TOKENS),
            "words": [
                {"quality": quality, "count": count} for _, quality, count in cleavage_parser.WORDS
            ],
        },
    }


def _all(patterns: Iterable[re.Pattern[str]]) -> list[str]:
    return [javascript_pattern(pattern) for pattern in patterns]


def _typed() -> dict[str, Any]:
    return {
        "max_length": typed_text.MAX_LENGTH,
        "invisible": javascript_pattern(typed_text.INVISIBLE),
        "powers": javascript_pattern(typed_text.POWERS),
        "fraction_signs": javascript_pattern(typed_text.FRACTION_SIGNS),
        "not": javascript_pattern(typed_text.NOT),
        "decimal_signs": javascript_pattern(typed_text.DECIMAL_SIGNS),
        "folded": _folded(),
    }


def _folded() -> dict[str, str]:
    """Return the characters that `normalise` changes and JavaScript's lower case does not.

    They are those whose folded case differs from the lower case, and digits of other scripts,
    among the characters that NFKC leaves as they are.
    """
    folded = {}
    for character in map(chr, range(0x80, sys.maxunicode + 1)):
        if unicodedata.normalize("NFKC", character) != character:
            continue
        if character.isdecimal():
            folded[character] = str(unicodedata.decimal(character))
        elif character.casefold() != character.lower():
            folded[character] = character.casefold()
    return folded


def _measurement() -> dict[str, Any]:
    parser = measurement_parser
    return {
        "labels": {test: javascript_pattern(found) for test, found in parser.LABELS.items()},
        "fraction": javascript_pattern(parser.FRACTION),
        "rewrites": [
            {
                "pattern": javascript_pattern(pattern),
                "replacement": replacement.replace("\\", "$"),
            }
            for pattern, replacement in parser.REWRITES
        ],
        "separator": javascript_pattern(parser.SEPARATOR),
        "but": sorted(parser.BUT),
        "or": sorted(parser.OR),
        "ambiguous": javascript_pattern(parser.AMBIGUOUS),
        "value": javascript_pattern(parser.VALUE),
        "plus_minus": javascript_pattern(parser.PLUS_MINUS),
        "bound": javascript_pattern(parser.BOUND),
    }


def _scratch() -> dict[str, Any]:
    parser = scratch_parser
    return {
        "patterns": [
            {"pattern": javascript_pattern(pattern), "is_active": is_active}
            for pattern, is_active in parser.PATTERNS
        ],
        "continuation": javascript_pattern(parser.CONTINUATION),
        "easily": javascript_pattern(parser.EASILY),
        "negation": javascript_pattern(parser.NEGATION),
        "tools": [
            {"names": javascript_pattern(tool.names), "low": tool.softest, "high": tool.hardest}
            for tool in parser.TOOLS
        ],
    }


def _words() -> dict[str, Any]:
    parser = word_parser
    return {
        # Removing all matches that are not empty is the same, and JavaScript would skip a match
        # that begins where an empty one does.
        "frames": {
            test: rf"(?=(?<rest>.*))(?:{javascript_pattern(frame)})(?!\k<rest>$)"
            for test, frame in parser.FRAMES.items()
        },
        "lamps": parser.LAMPS,
        "coloured": parser.COLOURED,
        "no_shade": javascript_pattern(parser.NO_SHADE),
        "glow_strength": javascript_pattern(parser.GLOW_STRENGTH),
        "negation": javascript_pattern(parser.NEGATION),
        "and": javascript_pattern(parser.AND),
        "suffixes": parser.SUFFIXES,
        "synonyms": {
            test: [
                {"word": word, "pattern": javascript_pattern(said)} for word, said in words.items()
            ]
            for test, words in SYNONYMS.items()
        },
    }
