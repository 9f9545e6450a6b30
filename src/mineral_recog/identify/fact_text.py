"""The facts of a mineral in words, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.identify.likelihood import Interval
from mineral_recog.minerals.facts import WORDS, Mineral

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


def name_of(mineral: Mineral) -> Text:
    """Its name as it stands inside a sentence."""
    return {"en": mineral.name.lower(), "zh": mineral.chinese}


def fact_of(fact: str, mineral: Mineral) -> Text | None:
    """What the table knows of a fact of a mineral, such as `3.5 to 4`; None when it knows nothing.

    Args:
        fact: `hardness`, `density`, `magnetic`, `acid`, or a column of words.
        mineral: the mineral.
    """
    if fact in ("hardness", "density"):
        interval: Interval | None = getattr(mineral, fact)
        return None if interval is None else _interval(interval, fact)
    if fact == "magnetic":
        return None if mineral.magnetism is None else MAGNETIC[mineral.magnetism]
    if fact == "acid":
        return None if mineral.acid is None else ACID[mineral.acid]
    known = getattr(mineral, fact) or ()
    words = (known,) if isinstance(known, str) else known
    return _words(words, fact) if words else None


def listed(parts: Sequence[Text]) -> Text:
    """Parts as `a, b and c`."""
    return {
        "en": _joined([part["en"] for part in parts], "and"),
        "zh": "、".join(part["zh"] for part in parts),
    }


def _interval(interval: Interval, fact: str) -> Text:
    low, high = (f"{end:g}" for end in interval)
    unit = " g/cm3" if fact == "density" else ""
    if low == high:
        return {"en": low + unit, "zh": low + unit}
    return {"en": f"{low} to {high}{unit}", "zh": f"{low}–{high}{unit}"}


def _words(words: Sequence[str], fact: str) -> Text:
    """Words as `grey, brown or black`."""
    *first, last = (WORDS[fact][word] for word in words)
    chinese = f"{'、'.join(first)}或{last}" if first else last
    return {"en": _joined(words, "or"), "zh": chinese}


def _joined(parts: Sequence[str], word: str) -> str:
    *first, last = parts
    return f"{', '.join(first)} {word} {last}" if first else last
