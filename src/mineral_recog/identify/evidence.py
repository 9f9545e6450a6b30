"""Evidence from physical tests, and Bayes' rule to combine it with a photo's probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mineral_recog.identify.evidence_parser import (
    parse_density,
    parse_hardness,
    parse_word,
    parse_yes_no,
)
from mineral_recog.identify.fact_text import Text, outcome_text
from mineral_recog.identify.likelihood import SCALES, Floats, Interval, Outcome
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.minerals.vocabularies import VOCABULARIES

_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "hardness": parse_hardness,
    "streak": partial(parse_word, "streak"),
    "lustre": partial(parse_word, "lustre"),
    "density": parse_density,
    "magnetic": partial(parse_yes_no, "magnetic"),
    "acid": partial(parse_yes_no, "acid"),
}


@dataclass(frozen=True)
class Evidence:
    """Outcomes of physical tests; None means that a test was not done.

    Attributes:
        hardness: Interval of the Mohs hardness; 0 and 10 are open ends.
        streak: Word of the list in VOCABULARIES.
        lustre: Word of the list in VOCABULARIES.
        density: Interval of the density, g/cm3; 0.5 and 25 are open ends.
        magnetic: Whether a hand magnet attracts the specimen.
        acid: Whether it fizzes in cold dilute hydrochloric acid.

    Raises:
        ValueError: An interval is empty or not within its scale, or a word is not in its list.
    """

    hardness: Interval | None = None
    streak: str | None = None
    lustre: str | None = None
    density: Interval | None = None
    magnetic: bool | None = None
    acid: bool | None = None

    def __post_init__(self) -> None:
        for test, (lowest, highest) in SCALES.items():
            interval = getattr(self, test)
            if interval is not None and not lowest <= interval[0] < interval[1] <= highest:
                raise ValueError(f"{test} {interval} is not an interval in {lowest} .. {highest}")
        for test in ("streak", "lustre"):
            word, words = getattr(self, test), VOCABULARIES[test]
            if word is not None and word not in words:
                raise ValueError(f"{word} is not one of {', '.join(words)}")

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of each test done, by the name of the test."""
        return {test: outcome for test, outcome in vars(self).items() if outcome is not None}

    def text(self) -> Text | None:
        """Return the outcomes in words, for the user to check; None if no test was done."""
        texts = [outcome_text(test, outcome) for test, outcome in self.outcomes().items()]
        if not texts:
            return None
        return {
            "en": ", ".join(text["en"] for text in texts),
            "zh": "，".join(text["zh"] for text in texts),
        }

    @property
    def empty(self) -> bool:
        """Return whether no test was done."""
        return not self.outcomes()


def read_evidence(
    hardness: str | float | Sequence[float] | None = None,
    streak: str | None = None,
    lustre: str | None = None,
    density: str | float | Sequence[float] | None = None,
    magnetic: str | bool | None = None,
    acid: str | bool | None = None,
) -> Evidence:
    """Return the evidence in what a user typed, in English or Chinese, or in Python values.

    None and blank texts mean that a test was not done.

    Args:
        hardness: Mohs hardness as a number, two numbers that limit it, or a text: `6,5`, `>5.5`,
            or clauses such as `scratches copper coin, scratched by glass`.
        streak: Colour from the list of the table of minerals.
        lustre: Word from the list of the table of minerals.
        density: Density in g/cm3 as a number, two numbers that limit it, or a text.
        magnetic: Whether a magnet attracts the specimen: True, False, or a text such as `weak`.
        acid: Whether it fizzes in acid: True, False, or a text such as `no fizz`.

    Raises:
        UserError: A value is not understood.
    """
    done: dict[str, Any] = {
        test: value
        for test, value in (
            ("hardness", hardness), ("streak", streak), ("lustre", lustre), ("density", density),
            ("magnetic", magnetic), ("acid", acid),
        )
        if not (value is None or (isinstance(value, str) and not value.strip()))
    }  # fmt: skip
    return Evidence(**{test: _PARSERS[test](value) for test, value in done.items()})


def posterior(prior: Floats, tables: LikelihoodTables, evidence: Evidence) -> Floats:
    """Return the probabilities [C] after the evidence, from those of the photo, `prior` [C].

    Bayes' rule, with tests independent of each other and of the photo for a given mineral:

        p(c | photo, tests)  is proportional to  prior(c) * product over tests of P(outcome | c)

    among the classes whose mineral is in the table; the sum of their probabilities stays the
    same. A class without a mineral (None) keeps its probability. A fact that the table lacks is
    neutral: its likelihood is the mean of the outcome's likelihood over the prior.
    """
    has_mineral = tables.has_mineral
    table_prior = np.where(has_mineral, prior, 0.0)
    updated = table_prior.copy()
    for test, outcome in evidence.outcomes().items():
        updated *= tables.likelihoods(test, outcome, table_prior)
    total = updated.sum()
    return np.where(
        has_mineral & (total > 0), updated * (table_prior.sum() / (total or 1.0)), prior
    )
