"""The model of physical tests: the probability of each outcome of a test for a mineral.

    P(outcome | mineral) = (1 - b) P(outcome | mineral, test done correctly) + b P(outcome)

with b the BLUNDER_RATE. P(outcome) of a blunder is uniform over the scale or the words of the
test. The outcomes of a test are disjoint and exhaustive, so their likelihoods sum to 1 for each
mineral. The constants are chosen by judgement, not fitted to photos.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.minerals.facts import MAX_DENSITY, MAX_HARDNESS, Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
Outcome = Interval | str | bool

BLUNDER_RATE = 0.05  # one test in twenty is misread, mixed up or done on the wrong spot
HARDNESS_ERROR = 0.5  # Mohs; coins, knives and glass vary by as much
DENSITY_ERROR = 0.04  # relative; a kitchen scale shows 20 g of displaced water as 19 to 21
CONFUSION_RATE = 0.2  # share of people who call a streak or lustre by a similar word
MIN_WIDTH_SHARE = 1e-4  # of a scale; a narrower interval gives no more information
MIN_Z_WIDTH = 1e-6  # of a range in standard errors; a narrower one counts as a single value
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
_erf = np.vectorize(math.erf, otypes=[np.float64])


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


def tested_fact(test: str, mineral: Mineral) -> Any:
    """Return the fact that a test shows; None or an empty tuple if the table lacks it."""
    return getattr(mineral, "magnetism" if test == "magnetic" else test)


def measurement_error(test: str, value: float) -> float:
    """Return the standard error of a measured hardness or density."""
    return HARDNESS_ERROR if test == "hardness" else DENSITY_ERROR * value


def widen(test: str, interval: Interval) -> Interval:
    """Widen an interval that rounding errors could make empty, by far less than any test error."""
    (lowest, highest), (low, high) = SCALES[test], interval
    min_width = MIN_WIDTH_SHARE * (highest - lowest)
    middle = (low + high) / 2
    return interval if high - low >= min_width else (middle - min_width / 2, middle + min_width / 2)


def with_blunders(test: str, outcome: Outcome, correct: Floats) -> Floats:
    """Return P(outcome | mineral), which is never 0, from those of a test done correctly."""
    return (1 - BLUNDER_RATE) * correct + BLUNDER_RATE * _blunder_probability(test, outcome)


def probabilities_below(test: str, limits: Sequence[float], ranges: Floats) -> Floats:
    """Return P(measured value <= limit | mineral, test done correctly), [L, C].

    The measured value is x + e. x is uniform over the mineral's range, e is normal, so that this
    is the mean of the normal CDF over the range. The integral of the CDF F with density f is
    z F(z) + f(z). The ends of the scale are open.

    Args:
        test: `hardness` or `density`.
        limits: Values of the scale, [L].
        ranges: Lowest and highest value of each mineral, [C, 2]; NaN if unknown.
    """
    errors = [measurement_error(test, middle) for middle in ranges.mean(axis=1).tolist()]
    limit = np.array(limits)[:, None]
    z = (limit[..., None] - ranges) / np.array(errors)[:, None]
    cdf = (1 + _erf(z / math.sqrt(2))) / 2
    integral = z * cdf + np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    width = z[..., 0] - z[..., 1]
    mean = (integral[..., 0] - integral[..., 1]) / np.maximum(width, MIN_Z_WIDTH)
    low, high = SCALES[test]
    result = np.where(width < MIN_Z_WIDTH, cdf[..., 0], mean)
    result = np.where((low < limit) & (limit < high), result, limit >= high)
    return np.where(np.isnan(ranges[:, 0]), np.nan, result)


def word_probabilities(test: str, facts: Sequence[Sequence[str] | None]) -> Floats:
    """Return P(word | mineral, test done correctly) for each word and mineral, [W, C].

    All words of a mineral are equally likely to be true of a specimen.

    Args:
        test: `streak` or `lustre`.
        facts: Words of each mineral, [C]; None or empty if unknown, which gives NaN.
    """
    words = list(VOCABULARIES[test])
    shares = np.full((len(words), len(facts)), np.nan)  # P(true word | mineral)
    for c, fact in enumerate(facts):
        if fact:
            shares[:, c] = [fact.count(word) / len(fact) for word in words]
    confusion = [[_confusion(test, true_word, word) for true_word in words] for word in words]
    return np.asarray(np.array(confusion) @ shares)


def yes_no_probabilities(test: str, facts: Sequence[str | None]) -> Floats:
    """Return P(yes) and P(no) of each mineral, test done correctly, [2, C]; NaN if unknown.

    Args:
        test: `magnetic` or `acid`.
        facts: Fact of each mineral, [C]; None if unknown.
    """
    p_yes = np.array([YES_PROBABILITIES[test][fact] if fact else np.nan for fact in facts])
    return np.array([p_yes, 1 - p_yes])


def _blunder_probability(test: str, outcome: Outcome) -> float:
    """Return P(outcome) of a blunder; density is uniform on a log scale, as its error is."""
    if not isinstance(outcome, tuple):
        return 1 / len(OUTCOMES[test])
    low, high = SCALES[test]
    if test == "density":
        return math.log(outcome[1] / outcome[0]) / math.log(high / low)
    return (outcome[1] - outcome[0]) / (high - low)


def _confusion(test: str, true_word: str, word: str) -> float:
    """Return P(word | true word).

    A share of people, CONFUSION_RATE, use a word similar to the true one.
    """
    pairs = [pair.split() for pair in SIMILAR[test]]
    similar = [o for pair in pairs if true_word in pair for o in pair if o != true_word]
    if word == true_word:
        return 1 - CONFUSION_RATE if similar else 1.0
    return CONFUSION_RATE / len(similar) if word in similar else 0.0
