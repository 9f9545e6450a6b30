"""The tables compared with the definition of the likelihoods, for one mineral and outcome."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from mineral_recog.identify.likelihood import (
    DENSITY_ERROR,
    HARDNESS_ERROR,
    OUTCOMES,
    SCALES,
    Interval,
)
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.observers import (
    BLUNDER_RATE,
    CONFUSION_RATE,
    CONFUSION_RATES,
    HIDDEN_SHARES,
    PHOTO_WEIGHTS,
    REACTIONS,
    SIMILAR,
    UNLISTED_SHARES,
)
from mineral_recog.minerals.facts import Mineral, read_minerals
from tests.identify.minerals import MAGNETITE, QUARTZ, mineral

SHIPPED = tuple(read_minerals())
NORMAL = NormalDist()
INTERVALS: dict[str, list[Interval]] = {
    "hardness": [(0, 5.5), (2.5, 6.5), (6.5, 10), (0.1, 0.2), (5.7, 6.2), (3.99, 4.01), (0, 10)],
    "density": [(0.5, 2.7), (2.6, 2.7), (4.8, 25), (7.123, 7.9), (19, 25), (0.5, 25)],
}
UNKNOWN = mineral("Unknown", "未知")


def definition(test: str, outcome: Any, mineral: Mineral) -> float:
    """Return P(outcome | mineral), or NaN if the table lacks the fact."""
    fact = getattr(mineral, "magnetism" if test == "magnetic" else test)
    if fact in (None, ()):
        return math.nan
    low, high = SCALES.get(test, (0.0, 1.0))
    if test == "hardness":
        correct, blunder = in_interval(test, outcome, fact), share(outcome, low, high)
    elif test == "density":
        logs = [math.log(end) for end in outcome]
        correct = in_interval(test, outcome, fact)
        blunder = share(logs, math.log(low), math.log(high))
    else:
        position = list(OUTCOMES[test]).index(outcome)
        correct = reaction_or_word(test, position, fact)
        blunder = 1 / len(OUTCOMES[test])
    rate = BLUNDER_RATE + UNLISTED_SHARES.get(test, 0)
    return (1 - rate) * correct + rate * blunder


def reaction_or_word(test: str, position: int, fact: Any) -> float:
    """Return P(outcome | fact), test done correctly."""
    if test in REACTIONS:
        return REACTIONS[test][fact][position]
    words = [str(word) for word in OUTCOMES[test]]
    true = [str(word) for word in (fact if isinstance(fact, tuple) else (fact,))]
    hidden = HIDDEN_SHARES.get(test, 0)
    shown = sum(said(test, word, words[position]) for word in true) / len(true)
    return (1 - hidden) * shown + hidden * said(test, words[0], words[position])


def share(interval: Sequence[float], low: float, high: float) -> float:
    return (interval[1] - interval[0]) / (high - low)


def in_interval(test: str, measured: Interval, true_range: Interval) -> float:
    """Return P(low <= x + e <= high), with the ends of the scale open."""
    below_low = 0 if measured[0] <= SCALES[test][0] else below(test, measured[0], true_range)
    below_high = 1 if measured[1] >= SCALES[test][1] else below(test, measured[1], true_range)
    return below_high - below_low


def below(test: str, limit: float, true_range: Interval) -> float:
    """Return P(x + e <= limit), the mean of the normal CDF over the range."""
    error = HARDNESS_ERROR if test == "hardness" else DENSITY_ERROR * sum(true_range) / 2
    z_low, z_high = ((limit - end) / error for end in true_range)
    if z_low == z_high:
        return NORMAL.cdf(z_low)
    integral_low, integral_high = (z * NORMAL.cdf(z) + NORMAL.pdf(z) for z in (z_low, z_high))
    return (integral_low - integral_high) / (z_low - z_high)


def said(test: str, true_word: str, word: Any) -> float:
    """Return P(word | true word)."""
    pairs = [set(pair.split()) for pair in SIMILAR[test]]
    similar = {other for pair in pairs if true_word in pair for other in pair - {true_word}}
    rate = CONFUSION_RATES.get(test, CONFUSION_RATE)
    if word == true_word:
        return 1 - rate if similar else 1
    return rate / len(similar) if word in similar else 0


@pytest.mark.parametrize("test", OUTCOMES)
def test_tables_of_the_shipped_minerals_equal_the_definition(test: str) -> None:
    tables = LikelihoodTables(SHIPPED)
    outcomes = [*OUTCOMES[test], *INTERVALS.get(test, [])]
    expected = [[definition(test, outcome, each) for each in SHIPPED] for outcome in outcomes]
    rows = np.array([tables.row(test, outcome) for outcome in outcomes])
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(tables.tables[test], rows[: len(OUTCOMES[test])])
    assert np.nanmin(rows) > 0


@pytest.mark.parametrize("test", OUTCOMES)
def test_unknown_facts_have_the_weighted_mean_of_the_others(test: str) -> None:
    lacking = Mineral("Lacking", "缺", formula="SiO2")
    classes = (*SHIPPED[:40], None, lacking, UNKNOWN)
    weights = np.random.default_rng(0).dirichlet(np.ones(len(classes)))
    tables = LikelihoodTables(classes)
    for outcome in OUTCOMES[test]:
        values = np.array([definition(test, outcome, each) for each in SHIPPED[:40]])
        values **= PHOTO_WEIGHTS.get(test, 1)
        is_known = ~np.isnan(values)
        mean = weights[:40][is_known] @ values[is_known] / weights[:40][is_known].sum()
        expected = [*np.where(is_known, values, mean), mean, mean, mean]
        actual = tables.likelihoods(test, outcome, weights)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


def test_missing_fact_has_the_mean_likelihood_of_the_others() -> None:
    tables = LikelihoodTables((MAGNETITE, QUARTZ, UNKNOWN, None))
    values = tables.likelihoods("magnetic", True, np.array([0.1, 0.3, 0.4, 0.2]))
    yes, no = 0.95 * 0.9 + 0.05 / 3, 0.05 / 3
    mean = (0.1 * yes + 0.3 * no) / 0.4
    np.testing.assert_allclose(values, [yes, no, mean, mean])


@pytest.mark.parametrize("classes", [(UNKNOWN, None), (UNKNOWN, None, QUARTZ)])
def test_missing_fact_is_neutral_if_the_others_have_no_weight(classes: tuple[Any, ...]) -> None:
    weights = np.array([0.5, 0.5, 0][: len(classes)])
    values = LikelihoodTables(classes).likelihoods("magnetic", True, weights)
    np.testing.assert_array_equal(values[:2], [1, 1])


def test_a_word_that_is_given_twice_counts_twice() -> None:
    twice = mineral("Twice", "二", streak=("black", "black", "green"))
    for word in OUTCOMES["streak"]:
        expected = definition("streak", word, twice)
        assert LikelihoodTables((twice,)).row("streak", word)[0] == pytest.approx(expected)
