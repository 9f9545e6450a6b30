"""Chooses the safe physical test to do next, and the facts that distinguish two minerals.

The best next test has the highest expected information gain: the drop in the entropy of the
classes' probabilities, on average over the outcomes of the test (Lindley, "On a Measure of the
Information Provided by an Experiment", 1956).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.fact_text import Text, fact_text, name_text
from mineral_recog.identify.hazards import is_safe_for, left_out_text
from mineral_recog.identify.likelihood import SCALES, Floats
from mineral_recog.identify.likelihood_tables import LikelihoodTables, fill_unknown
from mineral_recog.identify.observers import PHOTO_WEIGHTS
from mineral_recog.identify.taxon import Taxon, taxon_of
from mineral_recog.identify.test_instructions import Instructions
from mineral_recog.identify.test_procedures import OTHER_TESTS, SCRATCH_TESTS
from mineral_recog.minerals.facts import Mineral

MIN_TEST_BITS = 0.05  # a test with a smaller expected information gain is not suggested
MIN_DANGER = 0.01  # probability from which a mineral outside the set makes a test harmful too
MAX_FACTS = 3  # in the text on how two minerals differ
MAX_ODDS = 20  # a mineral is not named if the most likely one is more probable by this factor
EVEN = np.full(2, 0.5)
SMALLEST = np.finfo(np.float64).tiny  # whose logarithm stands for that of 0, times 0
# The label before a fact in that text; empty where the fact names its property itself.
LABELS: dict[str, Text] = {
    "hardness": {"en": "hardness ", "zh": "硬度 "},
    "streak": {"en": "streak ", "zh": "条痕"},
    "lustre": {"en": "lustre ", "zh": ""},
    "density": {"en": "density ", "zh": "密度 "},
    "magnetic": {"en": "", "zh": ""},
    "acid": {"en": "", "zh": ""},
    "colours": {"en": "colour ", "zh": ""},
    "transparency": {"en": "", "zh": ""},
    "habit": {"en": "habit ", "zh": ""},
    "cleavage": {"en": "cleavage ", "zh": ""},
    "cleavage_directions": {"en": "", "zh": ""},
    "fracture": {"en": "fracture ", "zh": ""},
    "tenacity": {"en": "", "zh": ""},
    "fluorescence_long": {"en": "", "zh": ""},
    "fluorescence_short": {"en": "", "zh": ""},
}


@dataclass(frozen=True)
class Test:
    """A physical test worth doing.

    Attributes:
        key: Field of Evidence that the test fills.
        bits: Expected information gain.
        text: How to do the test, and its result for the most likely minerals.
        caution: What the test does to the specimen, and when not to do it; None if it is harmless.
    """

    __test__ = False  # pytest must not collect it

    key: str
    bits: float
    text: Text
    caution: Text | None

    @property
    def full_text(self) -> Text:
        """The text with the caution."""
        if self.caution is None:
            return self.text
        return {
            "en": f"{self.text['en']}. {self.caution['en']}",
            "zh": f"{self.text['zh']}。{self.caution['zh']}",
        }


@dataclass(frozen=True)
class LeftOut:
    """Tests that would help, but could do harm.

    Attributes:
        keys: Fields of Evidence that the tests fill.
        text: The tests, and the minerals that make them harmful.
    """

    keys: tuple[str, ...]
    text: Text


@dataclass(frozen=True)
class NextTests:
    """The tests worth doing, most informative first, and those that could do harm."""

    tests: tuple[Test, ...]
    left_out: LeftOut | None


class TestAdvisor:
    """Advises on tests that distinguish the classes of a model.

    What depends only on the classes is computed when the advisor is made.

    Args:
        minerals: Mineral of each class, [C]; None if the table lacks it.
        taxa: Mineral or group that each class is named after, [C]; by default its mineral.

    Attributes:
        tables: Likelihoods of the classes.
        taxa: As given.
    """

    __test__ = False  # pytest must not collect it

    def __init__(
        self, minerals: Sequence[Mineral | None], taxa: Sequence[Taxon | None] | None = None
    ) -> None:
        self.tables = LikelihoodTables(minerals)
        self.taxa = tuple(taxa if taxa is not None else map(taxon_of, minerals))
        self._scratch_tests = {
            limit: Instructions(test, self.tables) for limit, test in SCRATCH_TESTS.items()
        }
        self._other_tests = [Instructions(test, self.tables) for test in OTHER_TESTS]
        self._harmful = {
            test.key: np.array(
                [not is_safe_for(test.key, taxon) for taxon in self.taxa], dtype=bool
            )
            for test in (*self._scratch_tests.values(), *self._other_tests)
        }
        labels_of: dict[Mineral, list[int]] = {}
        for label, mineral in enumerate(minerals):
            if mineral is not None:
                labels_of.setdefault(mineral, []).append(label)
        self._first_labels = np.array([labels[0] for labels in labels_of.values()], dtype=int)
        self._mineral_numbers = np.full(len(minerals), len(labels_of))  # the last: no mineral
        for number, labels in enumerate(labels_of.values()):
            self._mineral_numbers[labels] = number

    def next_tests(
        self, probabilities: Floats, evidence: Evidence, in_set: npt.NDArray[np.bool_]
    ) -> NextTests:
        """Return the tests worth doing.

        A test that would be dangerous with a mineral of the set, or with one of at least
        MIN_DANGER, is left out.

        Args:
            probabilities: Probabilities [C] after the photo and the evidence, from `posterior`.
            evidence: Tests already done, which are not returned. For hardness, the scratch tests
                within the known interval remain.
            in_set: Whether each class is in the answer's set, [C].
        """
        likely, possible = self._most_likely(probabilities), in_set | (probabilities >= MIN_DANGER)
        tests: list[Test] = []
        left_out: dict[str, Text] = {}
        for test, table in self._not_done(evidence):
            bits = expected_information_gain(probabilities, table, _weight(test.key))
            if bits < MIN_TEST_BITS or (text := test.text(likely)) is None:
                continue
            if (possible & self._harmful[test.key]).any():
                left_out[test.key] = test.label
            else:
                tests.append(Test(test.key, bits, text, test.caution))
        tests.sort(key=lambda test: -test.bits)
        if not left_out:
            return NextTests(tuple(tests), None)
        harmful = possible & np.any([self._harmful[key] for key in left_out], axis=0)
        names = self._taxa_of(probabilities, harmful)
        text = left_out_text([*left_out.values()], names, is_last=not tests)
        return NextTests(tuple(tests), LeftOut(tuple(left_out), text))

    def distinguishing_facts(self, a: int, b: int) -> Text | None:
        """Return the facts that distinguish class a from class b, most informative first.

        Tests are ranked by their information gain between a and b when both are equally likely;
        among tests of about the same gain, the one that comes first in OUTCOMES comes first.

        Returns:
            A text such as `chalcopyrite: hardness 3.5 to 4 (pyrite 6 to 6.5)`; None if the table
            has no fact in which they differ.
        """
        mineral, other = self.tables.minerals[a], self.tables.minerals[b]
        if mineral is None or other is None:
            return None
        bits = {
            test: round(expected_information_gain(EVEN, table[:, [a, b]], _weight(test)), 1)
            for test, table in self.tables.tables.items()
        }
        facts = sorted((test for test in bits if bits[test] > 0), key=lambda test: -bits[test])
        return _contrast(facts, mineral, other)

    def _not_done(self, evidence: Evidence) -> Iterator[tuple[Instructions, Floats]]:
        """Yield the tests whose outcome is unknown, with P(outcome | class) [O, C]."""
        done = evidence.outcomes()
        low, high = evidence.hardness or SCALES["hardness"]
        for limit, test in self._scratch_tests.items():
            if low < limit < high:
                parts = (limit, high), (low, limit)
                yield test, np.array([self.tables.row("hardness", part) for part in parts])
        for test in self._other_tests:
            if test.key not in done:
                yield test, self.tables.tables[test.key]

    def _taxa_of(self, probabilities: Floats, chosen: npt.NDArray[np.bool_]) -> list[Taxon]:
        """Return what the chosen classes are named after, most likely first."""
        order = np.argsort(-probabilities, kind="stable").tolist()
        taxa = [self.taxa[label] for label in order if chosen[label]]
        return [*dict.fromkeys(taxon for taxon in taxa if taxon is not None)]

    def _most_likely(self, probabilities: Floats) -> list[int]:
        """Return a class of each mineral within MAX_ODDS of the most likely one, in that order.

        The probabilities of classes of the same mineral are added.
        """
        count = len(self._first_labels)
        total = np.bincount(self._mineral_numbers, probabilities, count)[:count]
        order = np.argsort(-total, kind="stable")
        kept = order[total[order] * MAX_ODDS >= total.max(initial=0)]
        labels: list[int] = self._first_labels[kept].tolist()
        return labels


def _weight(test: str) -> float:
    return PHOTO_WEIGHTS.get(test, 1.0)


def expected_information_gain(probabilities: Floats, table: Floats, weight: float = 1.0) -> float:
    """Return by how many bits the entropy of `probabilities` [C] is expected to drop.

    Args:
        probabilities: Probabilities of the classes.
        table: P(outcome | class) [O, C], with unknown columns NaN. The outcome is known to be one
            of these, so that a column need not sum to 1.
        weight: Exponent of the likelihoods in Bayes' rule, see PHOTO_WEIGHTS.
    """
    table = table / table.sum(axis=0)
    filled = fill_unknown(table, probabilities)
    factors = filled if weight == 1 else fill_unknown(table**weight, probabilities)
    outcomes = filled @ probabilities
    totals = factors @ probabilities
    # The entropy of p f / t, with f the factors, p the probabilities and t the total.
    logs = np.log2(np.maximum(probabilities, SMALLEST))
    plogs = factors @ (probabilities * logs) + (factors * np.log2(factors)) @ probabilities
    after = np.log2(totals) - plogs / totals
    return float(-(probabilities @ logs) - outcomes @ after)


def _contrast(facts: Sequence[str], mineral: Mineral, other: Mineral) -> Text | None:
    """Return the first MAX_FACTS facts that both minerals have, in words; None without any."""
    name, other_name = name_text(mineral), name_text(other)
    english: list[str] = []
    chinese: list[str] = []
    for fact in facts:
        own, others = fact_text(fact, mineral), fact_text(fact, other)
        if own is not None and others is not None and len(english) < MAX_FACTS:
            label = LABELS[fact]
            english.append(f"{label['en']}{own['en']} ({other_name['en']} {others['en']})")
            chinese.append(f"{label['zh']}{own['zh']}（{other_name['zh']}：{others['zh']}）")
    if not english:
        return None
    return {
        "en": f"{name['en']}: {', '.join(english)}",
        "zh": f"{name['zh']}：{'，'.join(chinese)}",
    }
