"""Evidence from the hand, and Bayes' rule that combines it with a photo's probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from mineral_recog.identify.evidence_parser import read_density, read_hardness, read_word, read_yes
from mineral_recog.identify.likelihood import SCALES, Floats, Interval, Outcome, likelihoods
from mineral_recog.minerals.facts import LUSTRES, STREAKS, Mineral


@dataclass(frozen=True)
class Evidence:
    """What hand tests found; None is a test not done.

    Attributes:
        hardness: where the specimen's hardness lies on Mohs' scale; 0 and 10 are open ends.
        streak: a word of STREAKS.
        lustre: a word of LUSTRES.
        density: where its density lies, g/cm3; 0.5 and 25 are open ends.
        magnetic: whether a hand magnet draws it.
        acid: whether it fizzes in cold dilute hydrochloric acid.

    Raises ValueError for an interval that is empty or leaves its scale, or a word of no list.
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
                raise ValueError(f"{test} {interval} is no interval of {lowest} .. {highest}")
        for word, words in ((self.streak, STREAKS), (self.lustre, LUSTRES)):
            if word is not None and word not in words:
                raise ValueError(f"{word} is none of {', '.join(words)}")

    def outcomes(self) -> Iterator[tuple[str, Outcome]]:
        """The tests done and what each found."""
        for field in fields(self):
            if (outcome := getattr(self, field.name)) is not None:
                yield field.name, outcome

    @property
    def empty(self) -> bool:
        """Whether no test was done."""
        return not any(True for _ in self.outcomes())


def read_evidence(
    hardness: str | None = None,
    streak: str | None = None,
    lustre: str | None = None,
    density: str | None = None,
    magnetic: str | None = None,
    acid: str | None = None,
) -> Evidence:
    """Evidence from what a user typed, in English or Chinese; None and blanks are tests not done.

    Hardness is a number, a range, `>5.5`, or clauses such as `scratches copper coin, scratched by
    glass`; streak and lustre are words of the table's lists; density is a number or a range in
    g/cm3; magnetic and acid are yes or no.

    Raises:
        UserError: one of them is not understood.
    """
    return Evidence(
        hardness=read_hardness(hardness) if hardness and hardness.strip() else None,
        streak=read_word("streak", streak) if streak and streak.strip() else None,
        lustre=read_word("lustre", lustre) if lustre and lustre.strip() else None,
        density=read_density(density) if density and density.strip() else None,
        magnetic=read_yes("magnetic", magnetic) if magnetic and magnetic.strip() else None,
        acid=read_yes("acid", acid) if acid and acid.strip() else None,
    )


def posterior(prior: Floats, minerals: Sequence[Mineral | None], evidence: Evidence) -> Floats:
    """Probabilities after the evidence, float [C], from those of the photo, `prior` [C].

    Bayes' rule, with tests independent of each other and of the photo for a given mineral:

        p(c | photo, tests)  is proportional to  prior(c) * product over tests of P(outcome | c)

    among the classes whose mineral is known; together they keep their share of the prior. A class
    that the table does not know (None) keeps its probability. A fact that the table lacks is
    neutral: it has the likelihood that the outcome has on average over the prior.
    """
    known = np.array([mineral is not None for mineral in minerals])
    share = np.where(known, prior, 0.0)
    updated = share.copy()
    for test, outcome in evidence.outcomes():
        updated *= likelihoods(test, outcome, share, minerals)
    total = updated.sum()
    return np.where(known & (total > 0), updated * (share.sum() / (total or 1.0)), prior)
