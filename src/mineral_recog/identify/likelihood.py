"""The model of physical tests: the probability of each outcome of a test for a mineral.

    P(outcome | mineral) = (1 - b) P(outcome | mineral, test done correctly) + b P(outcome)

with b the BLUNDER_RATE and the share of specimens that the table does not describe. P(outcome) of a
blunder is uniform over the scale or the words of the test. The outcomes of a test are disjoint and
exhaustive, so their likelihoods sum to 1 for each mineral. How people judge is in `observers`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from mineral_recog.identify.observers import (
    BLUNDER_RATE,
    CONFUSION_RATE,
    CONFUSION_RATES,
    HIDDEN_SHARES,
    REACTIONS,
    SIMILAR,
    UNLISTED_SHARES,
)
from mineral_recog.minerals.facts import MAX_DENSITY, MAX_HARDNESS, Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
Words = tuple[str, ...]
Outcome = Interval | str | bool | int | Words

HARDNESS_ERROR = 0.5  # Mohs; coins, knives and glass vary by as much
DENSITY_ERROR = 0.04  # relative; a kitchen scale shows 20 g of displaced water as 19 to 21
MIN_WIDTH_SHARE = 1e-4  # of a scale; a narrower interval gives no more information
MIN_Z_WIDTH = 1e-6  # of a range in standard errors; a narrower one counts as a single value
MAX_DIRECTIONS = 6  # of cleavage
SCALES: Mapping[str, Interval] = {"hardness": (0.0, MAX_HARDNESS), "density": (0.5, MAX_DENSITY)}
SEVERAL_WORDS = ("colours", "habit")
_erf = np.vectorize(math.erf, otypes=[np.float64])


def _bins(edges: Floats) -> list[Interval]:
    return [(float(low), float(high)) for low, high in pairwise(edges)]


# Of each test. The outcome of a test in SEVERAL_WORDS may be several of its words.
OUTCOMES: Mapping[str, Sequence[Outcome]] = {
    "hardness": _bins(np.linspace(*SCALES["hardness"], 21)),  # steps of 0.5
    "streak": tuple(VOCABULARIES["streak"]),
    "lustre": tuple(VOCABULARIES["lustre"]),
    "density": _bins(np.geomspace(*SCALES["density"], 50)),  # 8 % wide, twice the error
    "magnetic": (True, "weak", False),
    "acid": (True, False),
    "colours": tuple(VOCABULARIES["colours"]),
    "transparency": tuple(VOCABULARIES["transparency"]),
    "habit": tuple(VOCABULARIES["habit"]),
    "cleavage": tuple(VOCABULARIES["cleavage"]),
    "cleavage_directions": tuple(range(MAX_DIRECTIONS + 1)),
    "fracture": tuple(VOCABULARIES["fracture"]),
    "tenacity": tuple(VOCABULARIES["tenacity"]),
    "fluorescence_long": tuple(VOCABULARIES["fluorescence_long"]),
    "fluorescence_short": tuple(VOCABULARIES["fluorescence_short"]),
}


def tested_fact(test: str, mineral: Mineral) -> Any:
    """Return the fact that a test shows; None or an empty tuple if the table lacks it."""
    return getattr(mineral, "magnetism" if test == "magnetic" else test)


def is_interval(outcome: Outcome, test: str) -> TypeGuard[Interval]:
    """Return whether an outcome of a test is an interval of its scale."""
    return test in SCALES


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
    rate = BLUNDER_RATE + UNLISTED_SHARES.get(test, 0.0)
    return (1 - rate) * correct + rate * _blunder_probability(test, outcome)


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


def word_probabilities(test: str, facts: Sequence[Any]) -> Floats:
    """Return P(word | mineral, test done correctly) for each word and mineral, [W, C].

    All words of a mineral are equally likely to be true of a specimen. Numbers count as words.

    Args:
        test: A test in SIMILAR.
        facts: Word or words of each mineral, [C]; None or empty if unknown, which gives NaN.
    """
    words = [str(word) for word in OUTCOMES[test]]
    shares = np.full((len(words), len(facts)), np.nan)  # P(true word | mineral)
    for c, fact in enumerate(facts):
        if fact is not None and fact != ():
            true = fact if isinstance(fact, tuple) else (str(fact),)
            shares[:, c] = [true.count(word) / len(true) for word in words]
    if hidden := HIDDEN_SHARES.get(test):
        shares *= 1 - hidden
        shares[0] += hidden
    return np.asarray(_confusions(test) @ shares)


def set_probabilities(table: Floats, chosen: Sequence[int]) -> Floats:
    """Return P(several words | mineral) among all sets of as many words, [C].

    It is proportional to the product of the probabilities of the words. The sum of the products
    over all sets of k words is the elementary symmetric polynomial of degree k.

    Args:
        table: P(word | mineral), [W, C].
        chosen: Different rows of the table.
    """
    sums = np.zeros((len(chosen) + 1, table.shape[1]))
    sums[0] = 1
    for row in table:
        sums[1:] += sums[:-1] * row
    return np.asarray(table[list(chosen)].prod(axis=0) / sums[-1])


def reaction_probabilities(test: str, facts: Sequence[str | None]) -> Floats:
    """Return P(outcome | mineral, test done correctly), [O, C]; NaN if unknown.

    Args:
        test: `magnetic` or `acid`.
        facts: Fact of each mineral, [C]; None if unknown.
    """
    unknown = (np.nan,) * len(OUTCOMES[test])
    rows = [REACTIONS[test][fact] if fact else unknown for fact in facts]
    return np.asarray(np.array(rows).T)


def _blunder_probability(test: str, outcome: Outcome) -> float:
    """Return P(outcome) of a blunder; density is uniform on a log scale, as its error is."""
    if not is_interval(outcome, test):
        return 1 / len(OUTCOMES[test])
    low, high = SCALES[test]
    if test == "density":
        return math.log(outcome[1] / outcome[0]) / math.log(high / low)
    return (outcome[1] - outcome[0]) / (high - low)


@cache
def _confusions(test: str) -> Floats:
    """Return P(word | true word), [W, W].

    A share of people, the rate of confusion, use a word similar to the true one.
    """
    words = [str(word) for word in OUTCOMES[test]]
    rate = CONFUSION_RATES.get(test, CONFUSION_RATE)
    table = np.eye(len(words))
    for true, word in enumerate(words):
        pairs = [pair.split() for pair in SIMILAR[test]]
        similar = [words.index(o) for pair in pairs if word in pair for o in pair if o != word]
        if similar:
            table[true, true] = 1 - rate
            table[similar, true] = rate / len(similar)
    return table
