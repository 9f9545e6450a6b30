"""The expected information gain compared with brute force, and the texts of tests."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mineral_recog.identify import likelihood_tables
from mineral_recog.identify.evidence import Evidence, posterior, read_evidence
from mineral_recog.identify.fact_text import Text
from mineral_recog.identify.likelihood import OUTCOMES, SEVERAL_WORDS
from mineral_recog.identify.likelihood_tables import LikelihoodTables, fill_unknown
from mineral_recog.identify.next_test import Test, TestAdvisor
from mineral_recog.identify.scratch_parser import TOOLS
from mineral_recog.identify.test_procedures import SCRATCH_TESTS
from mineral_recog.minerals.facts import Mineral
from tests.identify.minerals import (
    ALL,
    CALCITE,
    CHALCOPYRITE,
    COMPLETE_QUARTZ,
    DOLOMITE,
    MAGNETITE,
    PYRITE,
    QUARTZ,
    UNLIKE_QUARTZ,
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


@pytest.mark.parametrize("key", [test for test in OUTCOMES if test != "hardness"])
def test_bits_are_the_expected_drop_in_entropy(key: str) -> None:
    minerals = (*ALL, INCOMPLETE, None, COMPLETE_QUARTZ, UNLIKE_QUARTZ)
    tables = LikelihoodTables(minerals)
    prior = np.array([0.1, 0.1, 0.1, 0.05, 0.05, 0.1, 0.1, 0.1, 0.2, 0.1])
    expected = entropy(prior)
    for outcome in OUTCOMES[key]:
        probability = prior @ fill_unknown(tables.row(key, outcome)[None], prior)[0]
        fields: dict[str, Any] = {key: (outcome,) if key in SEVERAL_WORDS else outcome}
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
    # one bit minus the mean entropy over yes, weak and no, of which a blunder is any
    yes, weak, no = (0.95 * np.array(pair) + 0.05 / 3 for pair in ((0.9, 0), (0.1, 0), (0, 1)))
    after = sum(pair.sum() / 2 * entropy(pair / pair.sum()) for pair in (yes, weak, no))
    tests = next_tests(UNIFORM, (MAGNETITE, PYRITE), Evidence())
    (magnet,) = (test for test in tests if test.key == "magnetic")
    assert magnet.bits == pytest.approx(1 - after)
    assert magnet.text == {
        "en": "hold a magnet to it, first any one, then a strong one (neodymium): magnetite is "
        "attracted, pyrite is not attracted",
        "zh": "先用普通磁铁、再用强磁铁（钕磁铁）吸它：磁铁矿被吸住，黄铁矿不被吸引",
    }


def test_tests_are_sorted_by_bits_and_not_repeated() -> None:
    prior = np.full(len(ALL), 1 / len(ALL))
    tests = next_tests(prior, ALL, Evidence())
    assert {test.key for test in tests} == {
        "hardness", "streak", "lustre", "density", "magnetic", "acid",
    }  # fmt: skip
    bits = [test.bits for test in tests]
    assert bits == sorted(bits, reverse=True)
    assert min(bits) >= 0.05
    done = Evidence(hardness=(6.5, 10), streak="black", lustre="metallic", magnetic=False)
    assert {test.key for test in next_tests(prior, ALL, done)} == {"density", "acid"}


@pytest.mark.parametrize(
    ("fact", "first", "second", "english", "chinese"),
    [
        ("colours", ("green",), ("red",), "a is green, b is red", "甲为绿色，乙为红色"),
        ("transparency", ("transparent",), ("opaque",), "a is transparent", "甲为透明"),
        ("habit", ("cubic",), ("fibrous",), "a is cubic, b is fibrous", "甲为立方体"),
        ("cleavage", "none", "perfect", "b has perfect cleavage, a has no cleavage",
         "乙有完全解理，甲无解理"),
        ("cleavage_directions", 1, 3, "a has 1 direction of cleavage, b has 3 directions of",
         "甲有 1 组解理，乙有 3 组解理"),
        ("fracture", ("conchoidal",), ("hackly",), "a has conchoidal fracture", "甲为贝壳状断口"),
        ("tenacity", ("brittle",), ("flexible",), "a is brittle, b is flexible", "甲为脆性"),
        ("fluorescence_long", ("none",), ("green", "blue"),
         "b glows green or blue in long-wave UV, a shows no glow in long-wave UV",
         "乙长波紫外灯下发绿色或蓝色荧光，甲长波紫外灯下无荧光"),
        ("fluorescence_short", ("none",), ("red",), "b glows red in short-wave UV", "发红色荧光"),
        ("magnetism", "weak", "none", "a is attracted only by a strong magnet", "只被强磁铁吸引"),
    ],
)  # fmt: skip
def test_what_only_one_fact_separates_is_tested(
    fact: str, first: object, second: object, english: str, chinese: str
) -> None:
    a, b = (
        replace(mineral(en, zh), **{fact: value})  # type: ignore[arg-type]
        for en, zh, value in (("A", "甲", first), ("B", "乙", second))
    )
    (test,) = next_tests(UNIFORM, (a, b), Evidence())
    assert test.key == ("magnetic" if fact == "magnetism" else fact)
    assert english in test.text["en"]
    assert chinese in test.text["zh"]


def test_directions_are_not_counted_where_no_cleavage_was_seen() -> None:
    minerals = COMPLETE_QUARTZ, UNLIKE_QUARTZ
    keys = {test.key for test in next_tests(UNIFORM, minerals, read_evidence(cleavage="none"))}
    assert not keys & {"cleavage", "cleavage_directions"}


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
    for name in ("probabilities_below", "word_probabilities", "reaction_probabilities"):
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
