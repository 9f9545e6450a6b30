"""Parses a text about a hardness or density, such as `5,5-6,5` or `at least 6`, into an interval.

A text is rewritten into a few signs (`at least 6` becomes `>6`) and split into clauses. Each clause
is a value (a number or range), a bound, or a scratch test. All clauses must be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from mineral_recog.identify.likelihood import SCALES, Interval, measurement_error
from mineral_recog.identify.scratch_parser import Bound, Scratch, continue_scratch, parse_scratch
from mineral_recog.identify.typed_text import DECIMAL_SIGNS

_NUMBER = r"(\d{1,2}(?:\.\d{1,6})?)"
_IS = r"(?: ?(?:is|of|=|:|为|是))* ?"
LABELS = {  # names and units of the scale, which are left out
    "hardness": re.compile(
        rf"(?:\b(?:on (?:the )?)?(?:mohs['’]?s?(?: scale)?|hardness)(?![a-z])"
        rf"|\bh(?= ?[=:<>≤≥\d])|[莫摩]氏(?:硬度)?|硬度){_IS}|(?<=\d) ?[级度]"
    ),
    "density": re.compile(
        rf"(?:\b(?:(?:relative )?density|specific gravity|s\.? ?g\.?|sp\.? ?gr\.?|d|rho)(?![a-z])"
        rf"|ρ|(?:相对)?密度|比重){_IS}"
        r"| ?(?:g ?(?:/|per) ?(?:cm\^?3|cc|ml)|g[ ·⋅]?cm\^?[-−]3|克(?:/|每)立方厘米)(?!\d)"
    ),
}
_DASH = "[-‐‑‒–—―−~〜∼]"
_MORE = "more|higher|above|greater|harder|up|over|heavier|denser"
_LESS = "less|lower|below|smaller|softer|under|lighter"
_END = r"\b(?! than| or| ?[\d≈])"  # of `5 or more`, and not of `5 and more than 3`
FRACTION = re.compile(r"(?<![\d.])(\d{1,2}) (1/2|1/3|2/3|1/4|3/4)(?![\d./])")
REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[一-鿿]) (?=[一-鿿\d])|(?<=\d) (?=[一-鿿])", ""),
        (rf"\b(?:between|from) {_NUMBER} ?(?:and|to|{_DASH}) ?{_NUMBER}", r"\1-\2"),
        (rf"(?:介于|在)?{_NUMBER} ?(?:和|与|至|到|{_DASH}) ?{_NUMBER}之间", r"\1-\2"),
        (rf"{_NUMBER} ?(?:左右|上下|or so\b|-?ish\b)", r"\1"),
        (r"\b(?:approx(?:imately)?|about|around|roughly|circa|ca|nearly|almost)\b\.?", "≈"),
        (r"\bc\.? ?(?=\d)|大约|大概|约为?|接近|差不多", "≈"),
        (rf"{_NUMBER} ?(?:\+(?! ?[\d/−-])|plus\b|[及或]?以上)", r">\1"),
        (rf"{_NUMBER} ?(?:[及或]?以下|以内)", r"<\1"),
        (rf"{_NUMBER} (?:or|and) (?:{_MORE}){_END}", r">\1"),
        (rf"{_NUMBER} (?:or|and) (?:{_LESS}){_END}", r"<\1"),
        (rf"\b(?:{_MORE}) than(?: or equal to)?\b|\b(?:at least|above|over)\b", ">"),
        (rf"\b(?:{_LESS}) than(?: or equal to)?\b|\b(?:at most|below|under|up to)\b", "<"),
        (r"\bmin(?:imum)?\b\.?|超过|至少|最少|最低", ">"),
        (r"\bmax(?:imum)?\b\.?|不到|不足|未到|至多|最多|最高", "<"),
        (r">=|=>|[≥⩾≧]|[大高]于(?:或?等于)?", ">"),
        (r"<=|=<|[≤⩽≦]|[小低少]于(?:或?等于)?", "<"),
    )
)
SEPARATOR = re.compile(
    r"([,;、。]|\.(?!\d)|\b(?:and|but|or|nor)\b|并且|而且|但是|且|但|而|和|与|或者?)"
)
BUT, OR = {"but", "但是", "但"}, {"or", "nor", "或", "或者"}
# Two whole numbers, or one with a comma and a space in it: not to be guessed.
AMBIGUOUS = re.compile(r"(?<![\d.])\d+(?:, | , ?)\d+(?![\d.])")
VALUE = re.compile(rf"[~≈]? ?{_NUMBER}(?: ?(?:{_DASH}|to|至|到) ?≈?{_NUMBER})?")
PLUS_MINUS = re.compile(rf"{_NUMBER} ?(?:±|\+ ?/? ?[-−]) ?{_NUMBER}")
BOUND = re.compile(rf"(?P<no>not |no |不)?≈? ?(?P<sign>[<>]) ?≈? ?{_NUMBER}")


def parse_measurement(test: str, text: str) -> Interval | None:
    """Return the interval that satisfies all clauses of a text as `normalise` returns it.

    Several values, as in `5.5, 6`, give the interval that contains all of them. Bounds, and what
    scratches what, narrow it. The interval is reversed if the clauses contradict each other.

    Returns:
        None if a clause is not understood or a number is not on the scale.
    """
    text = _rewrite(test, text)
    if AMBIGUOUS.search(text):
        return None
    values: list[Bound] = []
    bounds: list[Bound] = []
    previous: Scratch | Bound | None = None
    for joins, clause in _split(text):
        parsed: Scratch | Bound | None = _parse_numbers(clause)
        is_continued = False
        if parsed is None and test == "hardness":
            parsed = parse_scratch(clause)
            if parsed is None and isinstance(previous, Scratch):
                parsed = continue_scratch(clause, previous, bool(joins & BUT))
                is_continued = parsed is not None
        if parsed is None:
            return None
        if joins & OR and not _may_follow_or(previous, parsed, is_continued):
            return None
        bound = parsed.bound() if isinstance(parsed, Scratch) else parsed
        (bounds if None in bound else values).append(bound)
        previous = parsed
    return combine(test, values, bounds) if previous is not None else None


def combine(test: str, values: Sequence[Bound], bounds: Sequence[Bound] = ()) -> Interval | None:
    """Return the interval of values and bounds; None if a number is not on the scale."""
    lowest, highest = SCALES[test]
    ends = [end for bound in (*values, *bounds) for end in bound if end is not None]
    if not all(lowest <= end <= highest for end in ends):
        return None
    low, high = lowest, highest
    if values:
        low, high = with_error(
            test,
            min(low for low, _ in values if low is not None),
            max(high for _, high in values if high is not None),
        )
    for bound_low, bound_high in bounds:
        low = low if bound_low is None else max(low, bound_low)
        high = high if bound_high is None else min(high, bound_high)
    return with_error(test, low, high)


def with_error(test: str, low: float, high: float) -> Interval:
    """Return an interval; a single number gets its measurement error on both sides."""
    if low != high:
        return low, high
    lowest, highest = SCALES[test]
    error = measurement_error(test, low)
    return max(low - error, lowest), min(high + error, highest)


def _rewrite(test: str, text: str) -> str:
    """Return a text without labels and units, with decimal points, and with signs for words."""
    text = DECIMAL_SIGNS.sub(".", text)
    text = FRACTION.sub(lambda match: f"{int(match[1]) + float(Fraction(match[2])):.6g}", text)
    text = LABELS[test].sub(" ", text)
    for pattern, replacement in REWRITES:
        text = pattern.sub(replacement, " ".join(text.split()))
    return " ".join(text.split())


def _split(text: str) -> Iterator[tuple[set[str], str]]:
    """Yield the clauses of a text, each with the separators before it."""
    joins: set[str] = set()
    for part in SEPARATOR.split(text):
        if SEPARATOR.fullmatch(part):
            joins.add(part)
        elif clause := part.strip():
            yield joins, clause
            joins = set()


def _parse_numbers(clause: str) -> Bound | None:
    """Parse a clause that is a number, a range or a bound."""
    if match := VALUE.fullmatch(clause):
        ends = sorted(float(number) for number in match.groups() if number is not None)
        return ends[0], ends[-1]
    if match := PLUS_MINUS.fullmatch(clause):
        middle, error = float(match[1]), float(match[2])
        return middle - error, middle + error
    if match := BOUND.fullmatch(clause):
        number = float(match[3])
        is_above = (match["sign"] == ">") != bool(match["no"])
        return (number, None) if is_above else (None, number)
    return None


def _may_follow_or(
    previous: Scratch | Bound | None, parsed: Scratch | Bound, is_continued: bool
) -> bool:
    """Return whether `or` leaves no doubt: between values, and in `not scratch glass or steel`."""
    if isinstance(parsed, Scratch):
        return is_continued and parsed.is_negated
    return not isinstance(previous, Scratch | None) and None not in (*previous, *parsed)
