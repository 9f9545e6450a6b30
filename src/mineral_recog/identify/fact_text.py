"""Words for the facts of a mineral, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.identify.likelihood import SCALES, Interval, Outcome, is_interval, tested_fact
from mineral_recog.minerals.facts import Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES

Text = dict[str, str]  # {"en": ..., "zh": ...}

PHRASES: dict[str, dict[str, Text]] = {
    "magnetic": {
        "strong": {"en": "strongly magnetic", "zh": "强磁性"},
        "weak": {"en": "weakly magnetic", "zh": "弱磁性"},
        "none": {"en": "not magnetic", "zh": "无磁性"},
    },
    "acid": {
        "fizzes": {"en": "fizzes in acid", "zh": "遇酸起泡"},
        "fizzes when powdered": {"en": "fizzes in acid when powdered", "zh": "粉末遇酸起泡"},
        "none": {"en": "does not fizz in acid", "zh": "遇酸不起泡"},
    },
}
_OBSERVED: dict[str, dict[Outcome, Text]] = {
    "magnetic": {
        True: {"en": "magnetic", "zh": "有磁性"},
        "weak": PHRASES["magnetic"]["weak"],
        False: PHRASES["magnetic"]["none"],
    },
    "acid": {True: PHRASES["acid"]["fizzes"], False: PHRASES["acid"]["none"]},
}
_LAMPS: dict[str, Text] = {
    "fluorescence_long": {"en": "long-wave UV", "zh": "长波紫外灯下"},
    "fluorescence_short": {"en": "short-wave UV", "zh": "短波紫外灯下"},
}
# Before the words of a test; the Chinese words of the other tests name it themselves.
CHINESE_NAMES = {"streak": "条痕", "colours": "颜色", "habit": "形态"}
SCALE_NAMES = {"hardness": "硬度", "density": "密度"}


def name_text(mineral: Mineral) -> Text:
    """Return the name of a mineral as written inside a sentence."""
    return {"en": mineral.name.lower(), "zh": mineral.chinese}


def fact_text(fact: str, mineral: Mineral) -> Text | None:
    """Return a fact of a mineral in words, such as `3.5 to 4`, or None if the table lacks it.

    Args:
        fact: `hardness`, `density`, `magnetic`, `acid`, or another column.
        mineral: The mineral.
    """
    value = tested_fact(fact, mineral)
    if value is None or value == ():
        return None
    if fact in ("hardness", "density"):
        return _interval_text(value, fact)
    if fact in PHRASES:
        return PHRASES[fact][value]
    if fact == "cleavage_directions":
        return _directions_text(str(value))
    if fact in _LAMPS:
        return _glow_text(value, fact)
    return _words_text((value,) if isinstance(value, str) else value, fact)


def outcome_text(test: str, outcome: Outcome) -> Text:
    """Return the outcome of a test in words, such as `hardness at least 5.5`."""
    if test in _OBSERVED:
        return _OBSERVED[test][outcome]
    if test == "cleavage_directions":
        return _directions_text(str(outcome))
    if is_interval(outcome, test):
        return _measured_text(test, outcome)
    return _seen_text(test, [*map(str, outcome)] if isinstance(outcome, tuple) else [str(outcome)])


def _measured_text(test: str, outcome: Interval) -> Text:
    """Return an interval in words, such as `hardness at least 5.5`."""
    (lowest, highest), (low, high) = SCALES[test], outcome
    limit: Text = {"en": "", "zh": " "}
    if high == highest and low != lowest:
        limit, high = {"en": "at least ", "zh": "不低于 "}, low
    elif low == lowest and high != highest:
        limit, low = {"en": "at most ", "zh": "不高于 "}, high
    interval, chinese = _interval_text((low, high), test), SCALE_NAMES[test]
    return {
        "en": f"{test} {limit['en']}{interval['en']}",
        "zh": f"{chinese}{limit['zh']}{interval['zh']}",
    }


def join_texts(parts: Sequence[Text]) -> Text:
    """Return texts joined as `a, b and c`."""
    return {
        "en": _join([part["en"] for part in parts], "and"),
        "zh": "、".join(part["zh"] for part in parts),
    }


def either_text(parts: Sequence[Text]) -> Text:
    """Return texts joined as `a, b or c`."""
    *first, last = (part["zh"] for part in parts)
    return {
        "en": _join([part["en"] for part in parts], "or"),
        "zh": f"{'、'.join(first)}或{last}" if first else last,
    }


def _seen_text(test: str, words: Sequence[str]) -> Text:
    """Return the words that a user gave for a test, with what they are about."""
    if test in _LAMPS:
        return _glow_text(words, test)
    text = join_texts([{"en": word, "zh": VOCABULARIES[test][word]} for word in words])
    return {"en": f"{test} {text['en']}", "zh": CHINESE_NAMES.get(test, "") + text["zh"]}


def _directions_text(count: str) -> Text:
    noun = "direction" if count == "1" else "directions"
    return {"en": f"{count} {noun} of cleavage", "zh": f"{count} 组解理"}


def _glow_text(colours: Sequence[str], test: str) -> Text:
    """Return in words how something glows under a lamp."""
    lamp = _LAMPS[test]
    if "none" in colours:
        return {"en": f"no glow in {lamp['en']}", "zh": f"{lamp['zh']}无荧光"}
    text = _words_text(colours, test)
    return {"en": f"glows {text['en']} in {lamp['en']}", "zh": f"{lamp['zh']}发{text['zh']}荧光"}


def _interval_text(interval: Interval, fact: str) -> Text:
    low, high = (f"{end:.4g}" for end in interval)
    unit = " g/cm³" if fact == "density" else ""
    if low == high:
        return {"en": low + unit, "zh": low + unit}
    return {"en": f"{low} to {high}{unit}", "zh": f"{low}–{high}{unit}"}


def _words_text(words: Sequence[str], fact: str) -> Text:
    return either_text([{"en": word, "zh": VOCABULARIES[fact][word]} for word in words])


def _join(parts: Sequence[str], conjunction: str) -> str:
    *first, last = parts
    return f"{', '.join(first)} {conjunction} {last}" if first else last
