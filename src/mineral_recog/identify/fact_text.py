"""Words for the facts of a mineral, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.identify.likelihood import Interval
from mineral_recog.minerals.facts import VOCABULARIES, Mineral

Text = dict[str, str]  # {"en": ..., "zh": ...}

MAGNETIC: dict[str, Text] = {
    "strong": {"en": "strongly magnetic", "zh": "强磁性"},
    "weak": {"en": "weakly magnetic", "zh": "弱磁性"},
    "none": {"en": "not magnetic", "zh": "无磁性"},
}
ACID: dict[str, Text] = {
    "fizzes": {"en": "fizzes in acid", "zh": "遇酸起泡"},
    "fizzes when powdered": {"en": "fizzes in acid when powdered", "zh": "粉末遇酸起泡"},
    "none": {"en": "does not fizz in acid", "zh": "遇酸不起泡"},
}


def name_text(mineral: Mineral) -> Text:
    """Return the name of a mineral as written inside a sentence."""
    return {"en": mineral.name.lower(), "zh": mineral.chinese}


def fact_text(fact: str, mineral: Mineral) -> Text | None:
    """Return a fact of a mineral in words, such as `3.5 to 4`, or None if the table lacks it.

    Args:
        fact: `hardness`, `density`, `magnetic`, `acid`, or a column of words.
        mineral: The mineral.
    """
    if fact in ("hardness", "density"):
        interval: Interval | None = getattr(mineral, fact)
        return None if interval is None else _interval_text(interval, fact)
    if fact == "magnetic":
        return None if mineral.magnetism is None else MAGNETIC[mineral.magnetism]
    if fact == "acid":
        return None if mineral.acid is None else ACID[mineral.acid]
    value = getattr(mineral, fact) or ()
    words = (value,) if isinstance(value, str) else value
    return _words_text(words, fact) if words else None


def join_texts(parts: Sequence[Text]) -> Text:
    """Return texts joined as `a, b and c`."""
    return {
        "en": _join([part["en"] for part in parts], "and"),
        "zh": "、".join(part["zh"] for part in parts),
    }


def _interval_text(interval: Interval, fact: str) -> Text:
    low, high = (f"{end:g}" for end in interval)
    unit = " g/cm3" if fact == "density" else ""
    if low == high:
        return {"en": low + unit, "zh": low + unit}
    return {"en": f"{low} to {high}{unit}", "zh": f"{low}–{high}{unit}"}


def _words_text(words: Sequence[str], fact: str) -> Text:
    """Return words joined as `grey, brown or black`."""
    *first, last = (VOCABULARIES[fact][word] for word in words)
    chinese = f"{'、'.join(first)}或{last}" if first else last
    return {"en": _join(words, "or"), "zh": chinese}


def _join(parts: Sequence[str], conjunction: str) -> str:
    *first, last = parts
    return f"{', '.join(first)} {conjunction} {last}" if first else last
