"""The likelihood of each outcome of a physical test for a mineral.

    P(outcome | mineral) = (1 - b) P(outcome | mineral, test done correctly) + b P(outcome)

with b the BLUNDER_RATE. P(outcome) of a blunder is uniform over the scale or the words of the
test. The outcomes of a test are disjoint and exhaustive, so their likelihoods sum to 1 for each
mineral. The constants are chosen by judgement, not fitted to photos.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.minerals.facts import MAX_DENSITY, MAX_HARDNESS, VOCABULARIES, Mineral

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
Outcome = Interval | str | bool

BLUNDER_RATE = 0.05  # one test in twenty is misread, mixed up or done on the wrong spot
HARDNESS_ERROR = 0.5  # Mohs; coins, knives and glass vary by as much
DENSITY_ERROR = 0.04  # relative; a kitchen scale shows 20 g of displaced water as 19 to 21
CONFUSION_RATE = 0.2  # share of people who call a streak or lustre by a similar word
MIN_WIDTH_SHARE = 1e-4  # of a scale; a narrower interval gives no more information
SCALES: Mapping[str, Interval] = {"hardness": (0.0, MAX_HARDNESS), "density": (0.5, MAX_DENSITY)}
SIMILAR: Mapping[str, tuple[str, ...]] = {
    "streak": (
        "white grey", "grey black", "black brown", "brown red", "brown orange", "brown yellow",
        "red orange", "orange yellow", "yellow green", "green blue",
    ),
    "lustre": (
        "metallic submetallic", "submetallic adamantine", "adamantine vitreous",
        "adamantine resinous", "vitreous resinous", "vitreous greasy", "vitreous pearly",
        "resinous greasy", "greasy waxy", "pearly silky", "waxy earthy",
    ),
}  # fmt: skip
YES_PROBABILITIES: Mapping[str, Mapping[str, float]] = {  # P(yes | fact)
    # only a strong magnet attracts a weak mineral
    "magnetic": {"strong": 1.0, "weak": 0.5, "none": 0.0},
    # users may or may not powder or warm the mineral
    "acid": {"fizzes": 1.0, "fizzes when powdered": 0.5, "none": 0.0},
}
_NORMAL = NormalDist()


def _bins(edges: Floats) -> list[Interval]:
    return [(float(low), float(high)) for low, high in pairwise(edges)]


OUTCOMES: Mapping[str, Sequence[Outcome]] = {  # of each test, easiest test first
    "hardness": _bins(np.linspace(*SCALES["hardness"], 21)),  # steps of 0.5
    "streak": tuple(VOCABULARIES["streak"]),
    "lustre": tuple(VOCABULARIES["lustre"]),
    "density": _bins(np.geomspace(*SCALES["density"], 50)),  # 8 % wide, twice the error
    "magnetic": (True, False),
    "acid": (True, False),
}


def likelihoods(
    test: str, outcome: Outcome, weights: Floats, minerals: Sequence[Mineral | None]
) -> Floats:
    """Return P(outcome | mineral) of a test for each class, [C].

    A class without a mineral, or whose mineral lacks the fact, gets the mean of the others
    weighted by `weights` [C], the probabilities of the classes. Its probability then stays the
    same.
    """
    values = [
        None if mineral is None else likelihood(test, outcome, mineral) for mineral in minerals
    ]
    result = np.array(values, dtype=np.float64)  # None becomes NaN
    is_known = ~np.isnan(result)
    total = weights[is_known].sum()
    result[~is_known] = weights[is_known] @ result[is_known] / total if total > 0 else 1.0
    return result


def likelihood(test: str, outcome: Outcome, mineral: Mineral) -> float | None:
    """Return P(outcome | mineral), which is never 0, or None if the table lacks the fact.

    Args:
        test: Key of OUTCOMES.
        outcome: Interval of the scale for hardness and density, a word for streak and lustre;
            for the magnet and acid, whether the specimen is attracted or fizzes.
        mineral: The mineral.
    """
    fact = tested_fact(test, mineral)
    if not fact:
        return None
    if isinstance(outcome, tuple):
        outcome = _widen(test, outcome)
    correct = _probability_if_correct(test, outcome, fact)
    return (1 - BLUNDER_RATE) * correct + BLUNDER_RATE * _blunder_probability(test, outcome)


def tested_fact(test: str, mineral: Mineral) -> Any:
    """Return the fact that a test shows; None or an empty tuple if the table lacks it."""
    return getattr(mineral, "magnetism" if test == "magnetic" else test)


def measurement_error(test: str, value: float) -> float:
    """Return the standard error of a measured hardness or density."""
    return HARDNESS_ERROR if test == "hardness" else DENSITY_ERROR * value


def _widen(test: str, interval: Interval) -> Interval:
    """Widen an interval that rounding errors could make empty, by far less than any test error."""
    (lowest, highest), (low, high) = SCALES[test], interval
    min_width = MIN_WIDTH_SHARE * (highest - lowest)
    middle = (low + high) / 2
    return interval if high - low >= min_width else (middle - min_width / 2, middle + min_width / 2)


def _blunder_probability(test: str, outcome: Outcome) -> float:
    """Return P(outcome) of a blunder; density is uniform on a log scale, as its error is."""
    if not isinstance(outcome, tuple):
        return 1 / len(OUTCOMES[test])
    low, high = SCALES[test]
    if test == "density":
        return math.log(outcome[1] / outcome[0]) / math.log(high / low)
    return (outcome[1] - outcome[0]) / (high - low)


def _probability_if_correct(test: str, outcome: Any, fact: Any) -> float:
    """Return P(outcome | mineral, test done correctly) for a fact of the mineral.

    All words of the mineral are equally likely to be true of a specimen.
    """
    match test:
        case "hardness" | "density":
            return _interval_probability(test, outcome, fact)
        case "streak" | "lustre":
            return sum(_confusion(test, true_word, outcome) for true_word in fact) / len(fact)
        case _:
            p_yes = YES_PROBABILITIES[test][fact]
            return p_yes if outcome else 1 - p_yes


def _interval_probability(test: str, measured: Interval, true_range: Interval) -> float:
    """Return P(low <= x + e <= high), with the ends of the scale open.

    x is uniform over the mineral's range, e is normal.
    """
    low, high = SCALES[test]
    error = measurement_error(test, sum(true_range) / 2)
    below_low = 0.0 if measured[0] <= low else _probability_below(measured[0], true_range, error)
    below_high = 1.0 if measured[1] >= high else _probability_below(measured[1], true_range, error)
    return max(below_high - below_low, 0.0)


def _probability_below(limit: float, true_range: Interval, error: float) -> float:
    """Return P(x + e <= limit), the mean of the normal CDF over the mineral's range.

    The integral of the CDF F with density f is z F(z) + f(z).
    """
    z_low, z_high = ((limit - end) / error for end in true_range)
    if z_low - z_high < 1e-6:
        return _NORMAL.cdf(z_low)
    integral_low, integral_high = (z * _NORMAL.cdf(z) + _NORMAL.pdf(z) for z in (z_low, z_high))
    return (integral_low - integral_high) / (z_low - z_high)


def _confusion(test: str, true_word: str, word: str) -> float:
    """Return P(word | true word).

    A share of people, CONFUSION_RATE, use a word similar to the true one.
    """
    similar = _similar(test, true_word)
    if word == true_word:
        return 1 - CONFUSION_RATE if similar else 1.0
    return CONFUSION_RATE / len(similar) if word in similar else 0.0


@cache
def _similar(test: str, word: str) -> tuple[str, ...]:
    pairs = [pair.split() for pair in SIMILAR[test]]
    return tuple(other for pair in pairs if word in pair for other in pair if other != word)
