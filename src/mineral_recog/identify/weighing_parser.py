"""Parses two weighings of a specimen, such as `dry 52.3 wet 33.1`, into an interval of density.

By Archimedes' principle a specimen in water loses the weight of the water that it displaces, so
that its density is its dry weight over the weight that it loses. With a glass of water on the
scale, into which the specimen hangs by a thread, the scale gains this weight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.likelihood import SCALES, Interval
from mineral_recog.identify.typed_text import DECIMAL_SIGNS

_LABELS = {
    "dry": r"dry|(?:in )?(?:the )?air|干重?|空气中?|净重",
    "wet": r"wet|(?:(?:in|under) )?(?:the )?water|submerged|immersed|湿重?|水[中里下]|浸水",
    "gain": r"(?:scale )?gains?|displace[sd]?|displacement|(?:天平|秤)?增[重加]|排水",
}
_WEIGHT = r" ?(?:weights?|weighs|mass|量|重量?|称重)?"
_NUMBER = r"\d{1,6}(?:\.\d{1,4})?"
_UNIT = r" ?(?:(?P<unit{n}>mg|kg|g|ct|oz|lb|毫克|千克|公斤|克拉?|盎司|磅|ml|cc|cm\^?3|毫升)\b)?"
_SEPARATOR = r" ?(?:[,;、]|\band\b|和)? ?"


def _pattern(clause: str) -> re.Pattern[str]:
    """Return a pattern of two clauses, each with a label, a number and perhaps a unit."""
    labels = "|".join(f"(?P<{key}{{n}}>{words})" for key, words in _LABELS.items())
    first, second = (
        clause.format(
            label=f"(?:weight )?(?:{labels.format(n=n)}){_WEIGHT}",
            number=rf"(?P<number{n}>{_NUMBER}){_UNIT.format(n=n)}",
        )
        for n in "12"
    )
    return re.compile(first + _SEPARATOR + second)


PATTERNS = (
    _pattern("{label}(?: ?(?:is|of|=|:|为|是))? ?{number}"),  # dry 52.3 g
    _pattern("{number} ?{label}"),  # 52.3 g dry
)
VOLUMES = {"ml", "cc", "cm3", "cm^3", "毫升"}  # of displaced water, which weigh as many grams
GRAMS = {"g", "克"}


def parse_weighing(text: str) -> Interval | None:
    """Return the interval of density in g/cm3 that two weighings mean.

    Each weight may be off by one step of the scale, which is one unit of its last digit.

    Args:
        text: A text as `normalise` returns it.

    Returns:
        None if the text is no pair of weights.

    Raises:
        UserError: The weights contradict each other, or are too small for the steps.
    """
    plain = DECIMAL_SIGNS.sub(".", text)
    match = next((found for p in PATTERNS if (found := p.fullmatch(plain))), None)
    if match is None:
        return None
    keys = [next(key for key in _LABELS if match[f"{key}{n}"]) for n in "12"]
    weights = {key: match[f"number{n}"] for key, n in zip(keys, "12", strict=True)}
    units = dict(zip(keys, (match["unit1"], match["unit2"]), strict=True))
    if weights.keys() not in ({"dry", "wet"}, {"dry", "gain"}) or not _is_one_unit(units):
        return None
    dry, step = _value_and_step(weights.pop("dry"))
    ((key, number),) = weights.items()
    second, second_step = _value_and_step(number)
    lost = dry - second if key == "wet" else second
    if lost <= 0 or dry <= 0:
        raise _no_loss_error(text, key)
    error = second_step + (step if key == "wet" else 0)
    if lost <= error:
        raise _too_light_error(text)
    # The dry weight is in both terms of dry / (dry - wet), but not of dry / gain.
    step = -step if key == "wet" else step
    return _on_scale(text, (dry - step) / (lost + error), (dry + step) / (lost - error))


def _is_one_unit(units: Mapping[str, str | None]) -> bool:
    """Return whether two weights have the same unit; one that is not given is that of the other."""
    if any(unit in VOLUMES and key != "gain" for key, unit in units.items()):
        return False
    given = {"g" if unit in GRAMS | VOLUMES else unit for unit in units.values() if unit}
    return len(given) <= 1


def _value_and_step(number: str) -> tuple[float, float]:
    return float(number), float(f"1e-{len(number.partition('.')[2])}")


def _on_scale(text: str, low: float, high: float) -> Interval:
    lowest, highest = SCALES["density"]
    if high <= lowest or low >= highest:
        raise UserError(
            tr(
                f"density {text!r}: the weights mean a density of {low:.3g} to {high:.3g} g/cm³, "
                "which no mineral has; weigh again, both times in the same unit.",
                f"density {text!r}：由此得到的密度为 {low:.3g}–{high:.3g} g/cm³，没有矿物如此；"
                "请重新称量，两次使用同一单位。",
            )
        )
    return max(low, lowest), min(high, highest)


def _no_loss_error(text: str, key: str) -> UserError:
    if key == "gain":
        return UserError(
            tr(
                f"density {text!r}: both numbers must be above 0; the gain is what the scale shows "
                "more while the specimen hangs in the water.",
                f"density {text!r}：两个数都须大于 0；增重是标本悬在水中时秤上多出的读数。",
            )
        )
    return UserError(
        tr(
            f"density {text!r}: a specimen weighs less in water than in air; check the two "
            "weights. If it was hung in a glass of water on the scale, write gain instead of wet.",
            f"density {text!r}：标本在水中应比在空气中轻；请核对两个读数。"
            "若是把它悬在秤上的水杯里，请把“水中”改为“增重”。",
        )
    )


def _too_light_error(text: str) -> UserError:
    return UserError(
        tr(
            f"density {text!r}: the displaced water weighs no more than the steps of the scale; "
            "use a finer scale or a larger specimen.",
            f"density {text!r}：排开的水不比秤的最小刻度重；请换更精细的秤或更大的标本。",
        )
    )
