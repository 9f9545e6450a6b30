"""Parses what a user types about cleavage: `perfect, 3`, `splits like mica`, `三组完全解理`."""

from __future__ import annotations

import re

# Quality and number of directions that a word means; None where it says nothing about one of them.
# Longer words come first: 不完全 and very good contain others.
WORDS: tuple[tuple[str, str | None, int | None], ...] = (
    (r"like (?:an? )?micas?|like (?:a )?books?|micaceous|basal", "perfect", 1),
    ("(?:像|如|似)?云母(?:一?[样般])?|极完全", "perfect", 1),
    (r"(?:thin )?(?:sheets|flakes|leaves|plates)", "perfect", 1),
    ("indistinct|imperfect|poor|weak|bad|traces?|极?不完全|差", "poor", None),
    ("(?:very )?perfect|excellent|eminent|very good|完全|极好", "perfect", None),
    ("good|distinct|fair|moderate|medium|中等|清楚|良好", "good", None),
    ("no|none|not|without|absent|无|没有|不", "none", None),
    ("cub(?:ic|es?)|rhomb(?:ohedral|ohedra|s)|立方体?|菱面体?", None, 3),
    ("octahedr(?:al|a|ons?)|八面体", None, 4),
    ("dodecahedr(?:al|a|ons?)|菱形十二面体", None, 6),
    ("prismatic|柱状", None, 2),
    ("0|zero|零", None, 0),
    ("1|one|single|一", None, 1),
    ("2|two|both|二|两", None, 2),
    ("3|three|三", None, 3),
    ("4|four|四", None, 4),
    ("5|five|五", None, 5),
    ("6|six|六", None, 6),
)  # fmt: skip
_FILLER = (
    r"(?:at|not at) (?:about |nearly |almost )?(?:right angles|\d{2,3} ?(?:°|degrees?))"
    r"|to each other|[近不]?[互相]*(?:垂直|正交)"
    r"|it|an?|the|is|has|shows?|with|in|into|along|of|for|cleavages?|splits?|cleaves?|breaks?|parts?"
    r"|directions?|ways?|planes?|sets?|个?方向|[组个向的为是有具可沿裂开成]|解理"
)
TOKENS = re.compile(
    rf"(?<![a-z])(?:{_FILLER})(?![a-z])|[ ,;、/=:]|(?<=[a-z])-(?=[a-z])|"
    + "|".join(
        rf"(?P<w{n}>(?<![a-z\d])(?:{words})(?![a-z\d.]))" for n, (words, *_) in enumerate(WORDS)
    )
)


def parse_cleavage_text(text: str) -> tuple[str | None, int | None] | None:
    """Return quality and number of directions in a text as `normalise` returns it.

    Returns:
        Each is None if the text does not say it; None if a word is not understood, or if two words
        contradict each other.
    """
    qualities: list[str] = []
    counts: list[int] = []
    position = 0
    while position < len(text):
        token = TOKENS.match(text, position)
        if token is None:
            return None
        position = token.end()
        if token.lastgroup is not None:
            _, quality, count = WORDS[int(token.lastgroup[1:])]
            qualities += [] if quality is None else [quality]
            counts += [] if count is None else [count]
    if len({*qualities}) > 1 or len({*counts}) > 1 or not (qualities or counts):
        return None
    return next(iter(qualities), None), next(iter(counts), None)


def parse_direction_count(text: str) -> int | None:
    """Return the number of directions in a text as `normalise` returns it; None if unclear."""
    found = parse_cleavage_text(text)
    if found is None:
        return None
    return 0 if found[0] == "none" else found[1]
