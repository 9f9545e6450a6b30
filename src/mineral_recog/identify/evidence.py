"""Evidence from physical tests, and Bayes' rule to combine it with a photo's probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mineral_recog.identify.evidence_parser import (
    parse_density,
    parse_hardness,
    parse_word,
    parse_yes_no,
)
from mineral_recog.identify.likelihood import SCALES, Floats, Interval, Outcome, likelihoods
from mineral_recog.minerals.facts import VOCABULARIES, Mineral


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

    @property
    def empty(self) -> bool:
        """Return whether no test was done."""
        return not self.outcomes()


def read_evidence(
    hardness: str | None = None,
    streak: str | None = None,
    lustre: str | None = None,
    density: str | None = None,
    magnetic: str | None = None,
    acid: str | None = None,
) -> Evidence:
    """Return the evidence in texts that a user typed, in English or Chinese.

    None and blank texts mean that a test was not done.

    Args:
        hardness: Mohs hardness as a number, a range, `>5.5`, or clauses such as `scratches copper
            coin, scratched by glass`.
        streak: Colour from the list of the table of minerals.
        lustre: Word from the list of the table of minerals.
        density: Number or range in g/cm3.
        magnetic: Whether a magnet attracts the specimen: yes or no.
        acid: Whether it fizzes in acid: yes or no.

    Raises:
        UserError: A text is not understood.
    """
    return Evidence(
        hardness=parse_hardness(hardness) if hardness and hardness.strip() else None,
        streak=parse_word("streak", streak) if streak and streak.strip() else None,
        lustre=parse_word("lustre", lustre) if lustre and lustre.strip() else None,
        density=parse_density(density) if density and density.strip() else None,
        magnetic=parse_yes_no("magnetic", magnetic) if magnetic and magnetic.strip() else None,
        acid=parse_yes_no("acid", acid) if acid and acid.strip() else None,
    )


def posterior(prior: Floats, minerals: Sequence[Mineral | None], evidence: Evidence) -> Floats:
    """Return the probabilities [C] after the evidence, from those of the photo, `prior` [C].

    Bayes' rule, with tests independent of each other and of the photo for a given mineral:

        p(c | photo, tests)  is proportional to  prior(c) * product over tests of P(outcome | c)

    among the classes whose mineral is in the table; the sum of their probabilities stays the
    same. A class without a mineral (None) keeps its probability. A fact that the table lacks is
    neutral: its likelihood is the mean of the outcome's likelihood over the prior.
    """
    has_mineral = np.array([mineral is not None for mineral in minerals])
    table_prior = np.where(has_mineral, prior, 0.0)
    updated = table_prior.copy()
    for test, outcome in evidence.outcomes().items():
        updated *= likelihoods(test, outcome, table_prior, minerals)
    total = updated.sum()
    return np.where(
        has_mineral & (total > 0), updated * (table_prior.sum() / (total or 1.0)), prior
    )
