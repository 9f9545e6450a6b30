"""How likely each outcome of a hand test is for a mineral.

    P(outcome | mineral) = (1 - BLUNDER) P(outcome | mineral, test done well) + BLUNDER P(outcome)

where P(outcome) of a blunder is even over the scale or the words of the test. The outcomes of a
test are told apart and leave nothing out, so their likelihoods add up to 1 for each mineral. The
constants are set by reason, not fitted to photos.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.minerals.facts import DENSEST, HARDEST, LUSTRES, STREAKS, Mineral

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
Outcome = Interval | str | bool

BLUNDER = 0.05  # one test in twenty is misread, mixed up or done on the wrong spot
HARDNESS_ERROR = 0.5  # Mohs; coins, knives and glass differ by as much among themselves
DENSITY_ERROR = 0.04  # of the density; a kitchen scale shows 20 g of displaced water as 19 to 21
CONFUSED = 0.2  # the share of people who call a streak or lustre by a similar word
NARROWEST = 1e-4  # of a scale; a narrower interval says no more
SCALES: Mapping[str, Interval] = {"hardness": (0.0, HARDEST), "density": (0.5, DENSEST)}
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
_NORMAL = NormalDist()


def _bins(edges: Floats) -> list[Interval]:
    return [(float(low), float(high)) for low, high in pairwise(edges)]


OUTCOMES: Mapping[str, Sequence[Outcome]] = {  # of each test, the easiest test first
    "hardness": _bins(np.linspace(*SCALES["hardness"], 21)),  # half steps
    "streak": tuple(STREAKS),
    "lustre": tuple(LUSTRES),
    "density": _bins(np.geomspace(*SCALES["density"], 50)),  # 8 % wide, twice the error
    "magnetic": (True, False),
    "acid": (True, False),
}


def likelihoods(
    test: str, outcome: Outcome, weights: Floats, minerals: Sequence[Mineral | None]
) -> Floats:
    """P(outcome | mineral) [C] of a test for each class.

    A class without a mineral, or whose mineral lacks the fact, gets the mean of the others
    weighted by `weights` [C], the probabilities of the classes: that keeps its own.
    """
    each = [None if mineral is None else likelihood(test, outcome, mineral) for mineral in minerals]
    known = np.array([one is not None for one in each])
    found = np.array([0.0 if one is None else one for one in each])
    total = weights[known].sum()
    found[~known] = weights[known] @ found[known] / total if total > 0 else 1.0
    return found


def likelihood(test: str, outcome: Outcome, mineral: Mineral) -> float | None:
    """P(outcome | mineral), never 0; None when the table lacks the fact.

    Args:
        test: a key of OUTCOMES.
        outcome: an interval of the scale for hardness and density, a word for streak and lustre,
            whether it is drawn or fizzes for magnet and acid.
        mineral: the mineral.
    """
    if isinstance(outcome, tuple):
        outcome = _wide_enough(test, outcome)
    well = _DONE_WELL[test](mineral, outcome)
    return None if well is None else (1 - BLUNDER) * well + BLUNDER * _by_chance(test, outcome)


def _wide_enough(test: str, seen: Interval) -> Interval:
    """An interval, or one about its middle that is not lost in rounding: far below any error."""
    (lowest, highest), (low, high) = SCALES[test], seen
    least = NARROWEST * (highest - lowest)
    middle = (low + high) / 2
    return seen if high - low >= least else (middle - least / 2, middle + least / 2)


def _by_chance(test: str, outcome: Outcome) -> float:
    """P(outcome) of a blunder; densities are even on a log scale, as their error is."""
    if not isinstance(outcome, tuple):
        return 1 / len(OUTCOMES[test])
    low, high = SCALES[test]
    if test == "density":
        return math.log(outcome[1] / outcome[0]) / math.log(high / low)
    return (outcome[1] - outcome[0]) / (high - low)


def _hardness(mineral: Mineral, seen: Interval) -> float | None:
    if mineral.hardness is None:
        return None
    return _within("hardness", seen, mineral.hardness, HARDNESS_ERROR)


def _density(mineral: Mineral, seen: Interval) -> float | None:
    if mineral.density is None:
        return None
    return _within("density", seen, mineral.density, DENSITY_ERROR * sum(mineral.density) / 2)


def _within(test: str, seen: Interval, true: Interval, error: float) -> float:
    """P(low <= x + e <= high): x even over a mineral's range, e normal, the scale's ends open."""
    low, high = SCALES[test]
    above = 0.0 if seen[0] <= low else _below(seen[0], true, error)
    below = 1.0 if seen[1] >= high else _below(seen[1], true, error)
    return max(below - above, 0.0)


def _below(limit: float, true: Interval, error: float) -> float:
    """P(x + e <= limit), the mean of the normal distribution function over a mineral's range.

    The integral of the distribution function F with density f is z F(z) + f(z).
    """
    near, far = ((limit - end) / error for end in true)
    if near - far < 1e-6:
        return _NORMAL.cdf(near)
    first, last = (z * _NORMAL.cdf(z) + _NORMAL.pdf(z) for z in (near, far))
    return (first - last) / (near - far)


def _streak(mineral: Mineral, seen: str) -> float | None:
    return _called("streak", seen, mineral.streak)


def _lustre(mineral: Mineral, seen: str) -> float | None:
    return _called("lustre", seen, mineral.lustre)


def _called(test: str, seen: str, true: tuple[str, ...]) -> float | None:
    """A specimen has one of its mineral's words; CONFUSED people use one of the similar words."""
    if not true:
        return None
    return sum(_confusion(test, word, seen) for word in true) / len(true)


def _confusion(test: str, word: str, seen: str) -> float:
    similar = _similar(test, word)
    if seen == word:
        return 1 - CONFUSED if similar else 1.0
    return CONFUSED / len(similar) if seen in similar else 0.0


@cache
def _similar(test: str, word: str) -> tuple[str, ...]:
    pairs = [pair.split() for pair in SIMILAR[test]]
    return tuple(one for pair in pairs if word in pair for one in pair if one != word)


def _magnetic(mineral: Mineral, seen: bool) -> float | None:
    """A weak mineral is drawn by a strong magnet only: it goes either way."""
    return _yes({"strong": 1.0, "weak": 0.5, "none": 0.0}, mineral.magnetism, seen)


def _acid(mineral: Mineral, seen: bool) -> float | None:
    """Whether people powder or warm it is not known: what fizzes only then goes either way."""
    return _yes({"fizzes": 1.0, "fizzes when powdered": 0.5, "none": 0.0}, mineral.acid, seen)


def _yes(chances: Mapping[str, float], word: str | None, seen: bool) -> float | None:
    if word is None:
        return None
    return chances[word] if seen else 1 - chances[word]


_DONE_WELL: Mapping[str, Callable[[Mineral, Any], float | None]] = {
    "hardness": _hardness,
    "streak": _streak,
    "lustre": _lustre,
    "density": _density,
    "magnetic": _magnetic,
    "acid": _acid,
}
