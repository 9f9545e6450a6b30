"""Evidence from physical tests, and Bayes' rule to combine it with a photo's probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.evidence_parser import (
    parse_acid,
    parse_cleavage,
    parse_density,
    parse_directions,
    parse_hardness,
    parse_magnetic,
)
from mineral_recog.identify.fact_text import Text, outcome_text
from mineral_recog.identify.likelihood import OUTCOMES, SCALES, Floats, Interval, Outcome, Words
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.word_parser import parse_word, parse_words

_PARSERS: Mapping[str, Callable[[Any], Any]] = {  # cleavage can fill two fields, see `_cleavage`
    "hardness": parse_hardness,
    "streak": partial(parse_word, "streak"),
    "lustre": partial(parse_word, "lustre"),
    "density": parse_density,
    "magnetic": parse_magnetic,
    "acid": parse_acid,
    "colours": partial(parse_words, "colours"),
    "transparency": partial(parse_word, "transparency"),
    "habit": partial(parse_words, "habit"),
    "fracture": partial(parse_word, "fracture"),
    "tenacity": partial(parse_word, "tenacity"),
    "fluorescence_long": partial(parse_word, "fluorescence_long"),
    "fluorescence_short": partial(parse_word, "fluorescence_short"),
}


@dataclass(frozen=True)
class Evidence:
    """Outcomes of physical tests; None means that a test was not done.

    Words are those of the lists in VOCABULARIES.

    Attributes:
        hardness: Interval of the Mohs hardness; 0 and 10 are open ends.
        streak: A word.
        lustre: A word.
        density: Interval of the density, g/cm3; 0.5 and 25 are open ends.
        magnetic: Whether a magnet attracts the specimen; "weak" if only a strong one does.
        acid: Whether it fizzes in cold dilute hydrochloric acid.
        colours: The colours that it has, one or several words.
        transparency: A word.
        habit: The forms that it has, one or several words.
        cleavage: Quality of the best cleavage, a word.
        cleavage_directions: Number of directions of cleavage, 0 to 6.
        fracture: A word.
        tenacity: A word.
        fluorescence_long: Colour of its glow in long-wave ultraviolet light, or "none".
        fluorescence_short: The same in short-wave ultraviolet light.

    Raises:
        ValueError: An interval is empty or not within its scale, or a word or number is not in its
            list.
    """

    hardness: Interval | None = None
    streak: str | None = None
    lustre: str | None = None
    density: Interval | None = None
    magnetic: bool | str | None = None
    acid: bool | None = None
    colours: Words | None = None
    transparency: str | None = None
    habit: Words | None = None
    cleavage: str | None = None
    cleavage_directions: int | None = None
    fracture: str | None = None
    tenacity: str | None = None
    fluorescence_long: str | None = None
    fluorescence_short: str | None = None

    def __post_init__(self) -> None:
        for test, outcome in self.outcomes().items():
            if test in SCALES:
                lowest, highest = SCALES[test]
                if not lowest <= outcome[0] < outcome[1] <= highest:  # type: ignore[index, operator]
                    raise ValueError(
                        f"{test} {outcome} is not an interval in {lowest} .. {highest}"
                    )
                continue
            words = outcome if isinstance(outcome, tuple) else (outcome,)
            for word in words:
                if word not in OUTCOMES[test]:
                    raise ValueError(f"{word} is not one of {', '.join(map(str, OUTCOMES[test]))}")
            if not words or len({*words}) < len(words):
                raise ValueError(f"{test} {words}: give at least one word, and each once")

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of each test done, by the name of the test."""
        return {test: outcome for test, outcome in vars(self).items() if outcome is not None}

    def distinct_outcomes(self) -> dict[str, Outcome]:
        """Return the outcomes without one that another implies: no cleavage has 0 directions."""
        outcomes = self.outcomes()
        if self.cleavage == "none":
            outcomes.pop("cleavage_directions", None)
        return outcomes

    def text(self) -> Text | None:
        """Return the outcomes in words, for the user to check; None if no test was done."""
        texts = [outcome_text(test, outcome) for test, outcome in self.distinct_outcomes().items()]
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
    colours: str | Sequence[str] | None = None,
    transparency: str | None = None,
    habit: str | Sequence[str] | None = None,
    cleavage: str | None = None,
    cleavage_directions: str | int | None = None,
    fracture: str | None = None,
    tenacity: str | None = None,
    fluorescence_long: str | None = None,
    fluorescence_short: str | None = None,
) -> Evidence:
    """Return the evidence in what a user typed, in English or Chinese, or in Python values.

    None and blank texts mean that a test was not done. Words are those of the table of minerals.

    Args:
        hardness: Mohs hardness as a number, two numbers that limit it, or a text: `6,5`, `>5.5`,
            or clauses such as `scratches copper coin, scratched by glass`.
        streak: Colour of the streak.
        lustre: Word for the lustre.
        density: Density in g/cm3 as a number, two numbers that limit it, or a text.
        magnetic: Whether a magnet attracts the specimen: True, False, or a text; `weak` if only a
            strong magnet does.
        acid: Whether it fizzes in acid: True, False, or a text such as `no fizz`.
        colours: The colours that it has: words, or a text such as `green, brown`.
        transparency: transparent, translucent or opaque.
        habit: The forms that it has: words, or a text such as `needles`.
        cleavage: Quality of the best cleavage, and perhaps the number of directions: `perfect, 3`.
        cleavage_directions: Number of directions of cleavage.
        fracture: Word for the surface where it does not split along a cleavage.
        tenacity: Word for what it does when it is bent, cut or struck.
        fluorescence_long: Colour of its glow in long-wave ultraviolet light, or `none`.
        fluorescence_short: The same in short-wave ultraviolet light.

    Raises:
        UserError: A value is not understood, or two contradict each other.
    """
    arguments = dict(locals())
    done: dict[str, Any] = {
        test: value
        for test, value in arguments.items()
        if not (value is None or (isinstance(value, str) and not value.strip()))
    }
    split = _cleavage(done.pop("cleavage", None), done.pop("cleavage_directions", None))
    return Evidence(**{test: _PARSERS[test](value) for test, value in done.items()}, **split)


def _cleavage(cleavage: str | None, directions: str | int | None) -> dict[str, Any]:
    """Return the fields of Evidence about cleavage; no cleavage and no direction are the same."""
    quality, count = (None, None) if cleavage is None else parse_cleavage(cleavage)
    counts = {count, None if directions is None else parse_directions(directions)} - {None}
    if quality == "none" or counts == {0}:
        quality, counts = quality or "none", counts | {0}
    if len(counts) > 1 or (quality not in (None, "none") and counts == {0}):
        given = ", ".join(repr(value) for value in (cleavage, directions) if value is not None)
        raise UserError(
            tr(
                f"cleavage {given[:60]} contradicts itself: count the directions again; none has "
                "0 directions.",
                f"cleavage {given[:60]} 自相矛盾：请重新数解理的组数；无解理为 0 组。",
            )
        )
    return {"cleavage": quality, "cleavage_directions": next(iter(counts), None)}


def posterior(prior: Floats, tables: LikelihoodTables, evidence: Evidence) -> Floats:
    """Return the probabilities [C] after the evidence, from those of the photo, `prior` [C].

    Bayes' rule, with tests independent of each other and of the photo for a given mineral:

        p(c | photo, tests)  is proportional to  prior(c) * product over tests of P(outcome | c)

    among the classes whose mineral is in the table; the sum of their probabilities stays the
    same. A class without a mineral (None) keeps its probability. A fact that the table lacks is
    neutral: its likelihood is the mean of the outcome's likelihood over the prior. The likelihoods
    of what the photo shows already have an exponent, see PHOTO_WEIGHTS.
    """
    has_mineral = tables.has_mineral
    table_prior = np.where(has_mineral, prior, 0.0)
    updated = table_prior.copy()
    for test, outcome in evidence.distinct_outcomes().items():
        updated *= tables.likelihoods(test, outcome, table_prior)
    total = updated.sum()
    return np.where(
        has_mineral & (total > 0), updated * (table_prior.sum() / (total or 1.0)), prior
    )
