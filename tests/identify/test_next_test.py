"""The expected information gain compared with brute force, and the texts of tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mineral_recog.identify import likelihood_tables
from mineral_recog.identify.evidence import Evidence, posterior
from mineral_recog.identify.fact_text import Text
from mineral_recog.identify.likelihood import OUTCOMES
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.next_test import Test, TestAdvisor
from mineral_recog.identify.scratch_parser import TOOLS
from mineral_recog.identify.test_instructions import SCRATCH_TESTS
from mineral_recog.minerals.facts import Mineral
from tests.identify.minerals import (
    ALL,
    CALCITE,
    CHALCOPYRITE,
    DOLOMITE,
    MAGNETITE,
    PYRITE,
    QUARTZ,
    mineral,
)

Floats = npt.NDArray[np.float64]
INCOMPLETE = mineral("Incomplete", "缺", streak=("red",))
UNIFORM = np.full(2, 0.5)


def next_tests(
    probabilities: Floats, minerals: Sequence[Mineral | None], evidence: Evidence
) -> list[Test]:
    in_set = np.zeros(len(minerals), dtype=bool)
    return [*TestAdvisor(minerals).next_tests(probabilities, evidence, in_set).tests]


def distinguishing_facts(a: Mineral, b: Mineral) -> Text | None:
    return TestAdvisor((a, b)).distinguishing_facts(0, 1)


def entropy(p: Floats) -> float:
    return float(-(p * np.log2(p)).sum())


@pytest.mark.parametrize("key", ["streak", "lustre", "density", "magnetic", "acid"])
def test_bits_are_the_expected_drop_in_entropy(key: str) -> None:
    minerals = (*ALL, INCOMPLETE, None)
    tables = LikelihoodTables(minerals)
    prior = np.array([0.2, 0.15, 0.1, 0.1, 0.1, 0.15, 0.1, 0.1])
    expected = entropy(prior)
    for outcome in OUTCOMES[key]:
        probability = prior @ tables.likelihoods(key, outcome, prior)
        fields: dict[str, Any] = {key: outcome}
        expected -= float(probability) * entropy(posterior(prior, tables, Evidence(**fields)))
    (bits,) = (test.bits for test in next_tests(prior, minerals, Evidence()) if test.key == key)
    assert bits == pytest.approx(expected)


def test_bits_of_a_scratch_test_within_the_known_hardness() -> None:
    prior = np.full(len(ALL), 1 / len(ALL))
    evidence, tables = Evidence(hardness=(2.5, 6.5)), LikelihoodTables(ALL)
    probabilities = posterior(prior, tables, evidence)
    expected = entropy(probabilities)
    total = prior @ tables.likelihoods("hardness", (2.5, 6.5), prior)
    for part in ((2.5, 5.5), (5.5, 6.5)):
        probability = prior @ tables.likelihoods("hardness", part, prior) / total
        expected -= float(probability) * entropy(posterior(prior, tables, Evidence(hardness=part)))
    tests = {
        test.text["en"].split(":")[0]: test for test in next_tests(probabilities, ALL, evidence)
    }
    assert tests["scratch glass with it"].bits == pytest.approx(expected)
    assert "scratch it with a fingernail" not in tests
    assert "scratch a streak plate with it" not in tests


def test_magnet_test_between_two_minerals_by_hand() -> None:
    # one bit minus the entropy of a test that is right in 97.5 %
    tests = next_tests(UNIFORM, (MAGNETITE, PYRITE), Evidence())
    (magnet,) = (test for test in tests if test.key == "magnetic")
    assert magnet.bits == pytest.approx(1 - entropy(np.array([0.975, 0.025])))
    assert magnet.text == {
        "en": "hold a magnet to it: magnetite is attracted, pyrite is not attracted",
        "zh": "用磁铁吸它：磁铁矿被吸住，黄铁矿不被吸引",
    }


def test_tests_are_sorted_by_bits_and_not_repeated() -> None:
    prior = np.full(len(ALL), 1 / len(ALL))
    tests = next_tests(prior, ALL, Evidence())
    bits = [test.bits for test in tests]
    assert bits == sorted(bits, reverse=True)
    assert min(bits) >= 0.05
    assert {test.key for test in tests} == set(OUTCOMES)
    done = Evidence(hardness=(6.5, 10), streak="black", lustre="metallic", magnetic=False)
    assert {test.key for test in next_tests(prior, ALL, done)} == {"density", "acid"}


def test_no_test_is_suggested_when_none_can_help() -> None:
    assert next_tests(np.array([0.999, 0.001]), (PYRITE, QUARTZ), Evidence()) == []
    assert next_tests(UNIFORM, (None, None), Evidence()) == []


def test_every_scratch_tool_has_a_test() -> None:
    assert set(SCRATCH_TESTS) <= {tool.softest for tool in TOOLS}


def test_text_of_a_scratch_test() -> None:
    tests = next_tests(UNIFORM, (PYRITE, CHALCOPYRITE), Evidence())
    texts = [test.text for test in tests if test.key == "hardness"]
    assert texts[0] == {
        "en": "scratch glass with it: pyrite (6 to 6.5) scratches it, "
        "chalcopyrite (3.5 to 4) does not",
        "zh": "用它划玻璃：黄铁矿（6–6.5）能划动，黄铜矿（3.5–4）划不动",
    }


def test_text_names_at_most_four_minerals_of_all_outcomes() -> None:
    likely = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    hard = [mineral(f"Hard{n}", f"硬{n}", hardness=(7, 7)) for n in range(5)]
    (test,) = (
        test
        for test in next_tests(likely, (*hard, CALCITE), Evidence())
        if test.text["en"].startswith("scratch glass")
    )
    assert test.text["en"] == (
        "scratch glass with it: hard0 (7), hard1 (7) and hard2 (7) scratch it; calcite (3) does not"
    )


def test_text_states_uncertain_outcomes() -> None:
    tests = next_tests(np.array([0.5, 0.3, 0.2]), (MAGNETITE, CALCITE, QUARTZ), Evidence())
    (plate,) = (test for test in tests if test.text["en"].startswith("scratch a streak plate"))
    assert plate.text["en"] == (
        "scratch a streak plate with it: quartz (7) scratches it, magnetite (5.5 to 6.5) may "
        "scratch it, calcite (3) does not"
    )


def test_mineral_of_two_classes_is_named_once() -> None:
    tests = next_tests(np.array([0.3, 0.3, 0.4]), (QUARTZ, QUARTZ, CALCITE), Evidence())
    assert all(test.text["en"].count("quartz") == 1 for test in tests)


def test_distinguishing_facts_of_two_minerals() -> None:
    assert distinguishing_facts(CHALCOPYRITE, PYRITE) == {
        "en": "chalcopyrite: hardness 3.5 to 4 (pyrite 6 to 6.5), density 4.1 to 4.3 g/cm³ "
        "(pyrite 4.95 to 5.1 g/cm³), streak green or black (pyrite black)",
        "zh": "黄铜矿：硬度 3.5–4（黄铁矿：6–6.5），密度 4.1–4.3 g/cm³（黄铁矿：4.95–5.1 g/cm³），"
        "条痕绿色或黑色（黄铁矿：黑色）",
    }
    text = distinguishing_facts(CALCITE, DOLOMITE)
    assert text is not None
    assert "fizzes in acid (dolomite fizzes in acid when powdered)" in text["en"]


def test_magnetism_distinguishes_two_minerals() -> None:
    text = distinguishing_facts(MAGNETITE, PYRITE)
    assert text is not None
    assert text["en"].startswith("magnetite: strongly magnetic (pyrite not magnetic)")
    assert text["zh"].startswith("磁铁矿：强磁性（黄铁矿：无磁性）")


def test_no_distinguishing_facts_without_known_differences() -> None:
    assert distinguishing_facts(PYRITE, PYRITE) is None
    assert distinguishing_facts(PYRITE, mineral("Incomplete", "缺")) is None


def test_colour_and_cleavage_distinguish_what_tests_cannot() -> None:
    biotite = mineral("Biotite", "黑云母", colours=("black", "brown"), cleavage="perfect")
    muscovite = mineral("Muscovite", "白云母", colours=("colourless",), cleavage="perfect")
    assert distinguishing_facts(biotite, muscovite) == {
        "en": "biotite: colour black or brown (muscovite colourless)",
        "zh": "黑云母：黑色或褐色（白云母：无色）",
    }


def test_likelihoods_are_computed_once_per_model(monkeypatch: pytest.MonkeyPatch) -> None:
    advisor, prior = TestAdvisor(ALL), np.full(len(ALL), 1 / len(ALL))
    in_set = np.zeros(len(ALL), dtype=bool)
    expected = advisor.next_tests(prior, Evidence(), in_set)
    for name in ("probabilities_below", "word_probabilities", "yes_no_probabilities"):
        monkeypatch.setattr(likelihood_tables, name, None)
    assert advisor.next_tests(prior, Evidence(), in_set) == expected
    assert advisor.distinguishing_facts(0, 1) is not None
    evidence = Evidence(hardness=(5.5, 10), streak="black", magnetic=True)
    assert posterior(prior, advisor.tables, evidence).argmax() == ALL.index(MAGNETITE)


def test_probabilities_of_classes_of_one_mineral_are_added_for_the_texts() -> None:
    classes = (None, MAGNETITE, QUARTZ, QUARTZ)
    tests = next_tests(np.array([0.1, 0.36, 0.27, 0.27]), classes, Evidence())
    (streak,) = (test for test in tests if test.key == "streak")
    assert streak.text["en"].endswith(": quartz leaves white, magnetite leaves black")
    # Magnetite is less likely than quartz by a factor of 21, although not than either class.
    tests = next_tests(np.array([0.34, 0.03, 0.315, 0.315]), classes, Evidence())
    assert tests == []
