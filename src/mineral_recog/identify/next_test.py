"""Chooses the physical test to do next, and the facts that distinguish two minerals.

The best next test has the highest expected information gain: the drop in the entropy of the
classes' probabilities, on average over the outcomes of the test (Lindley, "On a Measure of the
Information Provided by an Experiment", 1956).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.fact_text import Text, fact_text, name_text
from mineral_recog.identify.likelihood import OUTCOMES, SCALES, Floats, Outcome, likelihoods
from mineral_recog.identify.test_instructions import OTHER_TESTS, SCRATCH_TESTS
from mineral_recog.minerals.facts import Mineral

MIN_TEST_BITS = 0.05  # a test with a smaller expected information gain is not suggested
MAX_FACTS = 3  # in the text on how two minerals differ
DECISIVE_BITS = 0.3  # of the one bit that distinguishes two minerals
_CLEAVABLE = ("good", "perfect")
# The label before a fact in that text; empty where the fact names its property itself.
_LABELS: dict[str, Text] = {
    "hardness": {"en": "hardness ", "zh": "硬度 "},
    "streak": {"en": "streak ", "zh": "条痕"},
    "lustre": {"en": "lustre ", "zh": ""},
    "density": {"en": "density ", "zh": "密度 "},
    "magnetic": {"en": "", "zh": ""},
    "acid": {"en": "", "zh": ""},
    "cleavage": {"en": "cleavage ", "zh": ""},
    "colours": {"en": "colour ", "zh": ""},
}


@dataclass(frozen=True)
class Test:
    """A physical test worth doing.

    Attributes:
        key: Field of Evidence that the test fills.
        bits: Expected information gain.
        text: How to do the test, and its result for the most likely minerals.
    """

    __test__ = False  # pytest must not collect it

    key: str
    bits: float
    text: Text


def next_tests(
    probabilities: Floats, minerals: Sequence[Mineral | None], evidence: Evidence
) -> list[Test]:
    """Return the tests worth doing, most informative first.

    Args:
        probabilities: Probabilities [C] after the photo and the evidence, from `posterior`.
        minerals: Mineral of each class, [C]; None if the table lacks it.
        evidence: Tests already done, which are left out. For hardness, the scratch tests within
            the known interval remain.
    """
    done = evidence.outcomes()
    low, high = evidence.hardness or SCALES["hardness"]
    candidates = [
        (test, _outcome_table("hardness", [(limit, high), (low, limit)], probabilities, minerals))
        for limit, test in SCRATCH_TESTS.items()
        if low < limit < high
    ]
    candidates += [
        (test, _outcome_table(test.key, OUTCOMES[test.key], probabilities, minerals))
        for test in OTHER_TESTS
        if test.key not in done
    ]
    result = []
    for test, outcome_table in candidates:
        bits = expected_information_gain(probabilities, outcome_table)
        if bits >= MIN_TEST_BITS and (text := test.text(probabilities, minerals)) is not None:
            result.append(Test(test.key, bits, text))
    return sorted(result, key=lambda test: -test.bits)


def expected_information_gain(probabilities: Floats, outcome_table: Floats) -> float:
    """Return by how many bits the entropy of `probabilities` [C] is expected to drop.

    H(p) - sum over outcomes o of P(o) H(p | o), with P(o | class) in `outcome_table` [O, C].
    """
    joint = outcome_table * probabilities
    outcome_probabilities = joint.sum(axis=1)
    after = joint / np.maximum(outcome_probabilities, np.finfo(float).tiny)[:, None]
    return float(_entropy(probabilities) - outcome_probabilities @ _entropy(after))


def distinguishing_facts(a: Mineral, b: Mineral) -> Text | None:
    """Return the facts that distinguish a from b, most informative first, in one line.

    Tests are ranked by their information gain between a and b when both are equally likely;
    among tests of about the same gain, the easier one comes first. Cleavage and colour come
    before tests of little gain, if they certainly differ.

    Returns:
        A text such as `chalcopyrite: hardness 3.5 to 4 (pyrite 6 to 6.5)`; None if the table has
        no fact in which they differ.
    """
    even = np.full(2, 0.5)
    bits = {
        test: round(
            expected_information_gain(even, _outcome_table(test, outcomes, even, (a, b))), 1
        )
        for test, outcomes in OUTCOMES.items()
    }
    tests = sorted(bits, key=lambda test: -bits[test])
    facts = [test for test in tests if bits[test] >= DECISIVE_BITS]
    if (a.cleavage in _CLEAVABLE) != (b.cleavage in _CLEAVABLE):
        facts.append("cleavage")
    if not set(a.colours) & set(b.colours):
        facts.append("colours")
    facts += [test for test in tests if 0 < bits[test] < DECISIVE_BITS]
    name, other = name_text(a), name_text(b)
    english, chinese = [], []
    for fact in facts:
        fact_a, fact_b = fact_text(fact, a), fact_text(fact, b)
        if fact_a is not None and fact_b is not None:
            label = _LABELS[fact]
            english.append(f"{label['en']}{fact_a['en']} ({other['en']} {fact_b['en']})")
            chinese.append(f"{label['zh']}{fact_a['zh']}（{other['zh']} {fact_b['zh']}）")
    if not english:
        return None
    return {
        "en": f"{name['en']}: {', '.join(english[:MAX_FACTS])}",
        "zh": f"{name['zh']}：{'，'.join(chinese[:MAX_FACTS])}",
    }


def _outcome_table(
    test: str,
    outcomes: Sequence[Outcome],
    probabilities: Floats,
    minerals: Sequence[Mineral | None],
) -> Floats:
    """Return P(outcome | class) [O, C], given that the outcome is one of `outcomes`."""
    table = np.array([likelihoods(test, outcome, probabilities, minerals) for outcome in outcomes])
    return np.asarray(table / table.sum(axis=0))


def _entropy(probabilities: Floats) -> Floats:
    """Return the entropy over the last axis, in bits."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -np.asarray((probabilities * logs).sum(axis=-1))
