"""What to test next, and what tells two minerals apart.

The next test is the one that is expected to settle the most: the drop in the entropy of the
classes' probabilities, on average over the outcomes of the test (Lindley, "On a Measure of the
Information Provided by an Experiment", 1956).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.fact_text import Text, fact_of, name_of
from mineral_recog.identify.likelihood import OUTCOMES, SCALES, Floats, Outcome, likelihoods
from mineral_recog.identify.test_instructions import OTHER_TESTS, SCRATCH_TESTS
from mineral_recog.minerals.facts import Mineral

WORTH_TELLING = 0.05  # bits; a test that is expected to settle less is not told
FACTS_TOLD = 3  # in the line that tells two minerals apart
TELLING = 0.3  # bits of the one bit between two minerals
_CLEAVES = ("good", "perfect")
# What stands before a fact in that line; the others say themselves what they are of.
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
    """A hand test worth doing.

    Attributes:
        key: the field of Evidence that it fills.
        bits: the expected drop in entropy.
        text: how to do it and what it finds for the likeliest minerals.
    """

    __test__ = False  # not one of pytest's

    key: str
    bits: float
    text: Text


def next_test(
    probabilities: Floats, minerals: Sequence[Mineral | None], evidence: Evidence
) -> list[Test]:
    """The tests worth doing, the most telling first.

    Args:
        probabilities: float [C] after the photo and the evidence, as `posterior` gives them.
        minerals: of the classes, C; None for one that the table does not know.
        evidence: the tests done, which are left out. Of hardness, the scratch tests inside of the
            interval known stay.
    """
    low, high = evidence.hardness or SCALES["hardness"]
    asked = [
        (test, _chances("hardness", [(limit, high), (low, limit)], probabilities, minerals))
        for limit, test in SCRATCH_TESTS.items()
        if low < limit < high
    ]
    done = dict(evidence.outcomes())
    asked += [
        (test, _chances(test.key, OUTCOMES[test.key], probabilities, minerals))
        for test in OTHER_TESTS
        if test.key not in done
    ]
    found = []
    for test, chances in asked:
        bits = expected_drop(probabilities, chances)
        if bits >= WORTH_TELLING and (text := test.text(probabilities, minerals)) is not None:
            found.append(Test(test.key, bits, text))
    return sorted(found, key=lambda test: -test.bits)


def expected_drop(probabilities: Floats, chances: Floats) -> float:
    """Bits by which the entropy of `probabilities` [C] is expected to drop.

    H(p) - sum over outcomes o of P(o) H(p | o), with `chances` [O, C] the P(o | class).
    """
    joint = chances * probabilities
    of_outcome = joint.sum(axis=1)
    after = joint / np.maximum(of_outcome, np.finfo(float).tiny)[:, None]
    return float(_entropy(probabilities) - of_outcome @ _entropy(after))


def tells_apart(a: Mineral, b: Mineral) -> Text | None:
    """What tells a from b in the hand, the most telling first, in a line.

    The most telling test is the one that settles the most between the two when both are as
    likely; of two that settle about as much the easier one. Where tests settle little, cleavage
    and colour come before them, if they differ for certain.

    Returns:
        Such as `chalcopyrite: hardness 3.5 to 4 (pyrite 6 to 6.5)`; None when the table knows
        nothing that differs.
    """
    even = np.full(2, 0.5)
    bits = {
        test: round(expected_drop(even, _chances(test, outcomes, even, (a, b))), 1)
        for test, outcomes in OUTCOMES.items()
    }
    tests = sorted(bits, key=lambda test: -bits[test])
    facts = [test for test in tests if bits[test] >= TELLING]
    if (a.cleavage in _CLEAVES) != (b.cleavage in _CLEAVES):
        facts.append("cleavage")
    if not set(a.colours) & set(b.colours):
        facts.append("colours")
    facts += [test for test in tests if 0 < bits[test] < TELLING]
    name, other = name_of(a), name_of(b)
    english, chinese = [], []
    for fact in facts:
        of_a, of_b = fact_of(fact, a), fact_of(fact, b)
        if of_a is not None and of_b is not None:
            label = _LABELS[fact]
            english.append(f"{label['en']}{of_a['en']} ({other['en']} {of_b['en']})")
            chinese.append(f"{label['zh']}{of_a['zh']}（{other['zh']} {of_b['zh']}）")
    if not english:
        return None
    return {
        "en": f"{name['en']}: {', '.join(english[:FACTS_TOLD])}",
        "zh": f"{name['zh']}：{'，'.join(chinese[:FACTS_TOLD])}",
    }


def _chances(
    test: str,
    outcomes: Sequence[Outcome],
    probabilities: Floats,
    minerals: Sequence[Mineral | None],
) -> Floats:
    """P(outcome | class) [O, C] if the outcome is one of these."""
    each = np.array([likelihoods(test, one, probabilities, minerals) for one in outcomes])
    return np.asarray(each / each.sum(axis=0))


def _entropy(probabilities: Floats) -> Floats:
    """Bits, over the last axis."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -np.asarray((probabilities * logs).sum(axis=-1))
