"""The likelihoods of all outcomes for the classes of a model, computed once per model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mineral_recog.identify.likelihood import (
    OUTCOMES,
    SCALES,
    Floats,
    Interval,
    Outcome,
    is_interval,
    probabilities_below,
    reaction_probabilities,
    set_probabilities,
    tested_fact,
    widen,
    with_blunders,
    word_probabilities,
)
from mineral_recog.identify.observers import PHOTO_WEIGHTS, SIMILAR
from mineral_recog.minerals.facts import Mineral

UNKNOWN_RANGE = (np.nan, np.nan)


class LikelihoodTables:
    """P(outcome | class) of each physical test for the classes of a model.

    Args:
        minerals: Mineral of each class, [C]; None if the table of minerals lacks it.

    Attributes:
        minerals: As given.
        has_mineral: Whether the table of minerals has the class, bool [C].
        tables: P(outcome | class) of all OUTCOMES of each test, [O, C]. A column is NaN if the
            fact is unknown.
    """

    def __init__(self, minerals: Sequence[Mineral | None]) -> None:
        self.minerals = tuple(minerals)
        self.has_mineral = np.array([mineral is not None for mineral in minerals], dtype=bool)
        self._ranges = {
            test: np.array([fact or UNKNOWN_RANGE for fact in self._facts(test)]) for test in SCALES
        }
        # P(measured value <= limit | class) at the ends of the intervals in OUTCOMES, to which
        # the limits of the scratch tests belong.
        self._below = {test: self._below_ends(test) for test in SCALES}
        self.tables = {test: self._table(test) for test in OUTCOMES}

    def likelihoods(self, test: str, outcome: Outcome, weights: Floats) -> Floats:
        """Return the factors [C], never 0, by which an outcome multiplies the classes' odds.

        They are P(outcome | class), for what the photo shows already to the power of its weight.
        See `fill_unknown` for `weights`.
        """
        row = self.row(test, outcome) ** PHOTO_WEIGHTS.get(test, 1.0)
        filled: Floats = fill_unknown(row[None], weights)[0]
        return filled

    def row(self, test: str, outcome: Outcome) -> Floats:
        """Return P(outcome | class) of a test, [C], never 0; NaN if the fact is unknown.

        Args:
            test: Key of OUTCOMES.
            outcome: Interval of the scale for hardness and density, otherwise an outcome of
                OUTCOMES; for tests in SEVERAL_WORDS one or several of its words.
        """
        if is_interval(outcome, test):
            return self._interval_row(test, outcome)
        if isinstance(outcome, tuple):
            chosen = [OUTCOMES[test].index(str(word)) for word in outcome]
            return set_probabilities(self.tables[test], chosen)
        row: Floats = self.tables[test][OUTCOMES[test].index(outcome)]
        return row

    def _facts(self, test: str) -> list[Any]:
        return [
            None if mineral is None else tested_fact(test, mineral) for mineral in self.minerals
        ]

    def _table(self, test: str) -> Floats:
        outcomes = OUTCOMES[test]
        if test in SCALES:
            return np.array([self.row(test, interval) for interval in outcomes])
        of_facts = word_probabilities if test in SIMILAR else reaction_probabilities
        correct = of_facts(test, self._facts(test))
        return with_blunders(test, outcomes[0], correct)  # the same for all outcomes

    def _interval_row(self, test: str, interval: Interval) -> Floats:
        low, high = widen(test, interval)
        below_low, below_high = (self._probability_below(test, limit) for limit in (low, high))
        return with_blunders(test, (low, high), np.maximum(below_high - below_low, 0))

    def _probability_below(self, test: str, limit: float) -> Floats:
        if (stored := self._below[test].get(limit)) is not None:
            return stored
        row: Floats = probabilities_below(test, [limit], self._ranges[test])[0]
        return row

    def _below_ends(self, test: str) -> dict[float, Floats]:
        intervals = [outcome for outcome in OUTCOMES[test] if is_interval(outcome, test)]
        ends = sorted({end for interval in intervals for end in interval})
        return dict(zip(ends, probabilities_below(test, ends, self._ranges[test]), strict=True))


def fill_unknown(table: Floats, weights: Floats) -> Floats:
    """Return P(outcome | class) [O, C] with the columns that are NaN filled.

    A class without a mineral, or whose mineral lacks the fact, gets the mean of the others
    weighted by `weights` [C], the probabilities of the classes. Its probability then stays the
    same. It gets 1 if the others have no weight.
    """
    is_known = ~np.isnan(table[0])
    if is_known.all():
        return table
    known = np.where(is_known, table, 0.0)
    known_weights = np.where(is_known, weights, 0.0)
    total = known_weights.sum()
    mean = known @ known_weights / total if total > 0 else np.ones(len(table))
    return np.where(is_known, table, mean[:, None])
