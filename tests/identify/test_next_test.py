"""The expected drop in entropy against brute force, and what the texts name."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mineral_recog.identify.evidence import Evidence, posterior
from mineral_recog.identify.likelihood import OUTCOMES, likelihoods
from mineral_recog.identify.next_test import next_test, tells_apart
from mineral_recog.identify.scratch_parser import SCRATCHERS
from mineral_recog.identify.test_instructions import SCRATCH_TESTS
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
LACKING = mineral("Lacking", "缺", streak=("red",))
EVEN = np.full(2, 0.5)


def entropy(p: Floats) -> float:
    return float(-(p * np.log2(p)).sum())


@pytest.mark.parametrize("key", ["streak", "lustre", "density", "magnetic", "acid"])
def test_bits_are_the_drop_in_entropy_over_all_outcomes(key: str) -> None:
    minerals = (*ALL, LACKING, None)
    prior = np.array([0.2, 0.15, 0.1, 0.1, 0.1, 0.15, 0.1, 0.1])
    expected = entropy(prior)
    for outcome in OUTCOMES[key]:
        chance = prior @ likelihoods(key, outcome, prior, minerals)
        told: dict[str, Any] = {key: outcome}
        expected -= float(chance) * entropy(posterior(prior, minerals, Evidence(**told)))
    (found,) = (test.bits for test in next_test(prior, minerals, Evidence()) if test.key == key)
    assert found == pytest.approx(expected)


def test_bits_of_a_scratch_inside_of_the_hardness_known() -> None:
    prior = np.full(len(ALL), 1 / len(ALL))
    known = Evidence(hardness=(2.5, 6.5))
    now = posterior(prior, ALL, known)
    expected = entropy(now)
    all_of_it = prior @ likelihoods("hardness", (2.5, 6.5), prior, ALL)
    for part in ((2.5, 5.5), (5.5, 6.5)):
        chance = prior @ likelihoods("hardness", part, prior, ALL) / all_of_it
        expected -= float(chance) * entropy(posterior(prior, ALL, Evidence(hardness=part)))
    tests = {test.text["en"].split(":")[0]: test for test in next_test(now, ALL, known)}
    assert tests["scratch glass with it"].bits == pytest.approx(expected)
    assert "scratch it with a fingernail" not in tests
    assert "scratch a streak plate with it" not in tests


def test_magnet_between_two_by_hand() -> None:
    # one bit less the entropy of a test that is right in 97.5 %
    tests = next_test(EVEN, (MAGNETITE, PYRITE), Evidence())
    (magnet,) = (test for test in tests if test.key == "magnetic")
    assert magnet.bits == pytest.approx(1 - entropy(np.array([0.975, 0.025])))
    assert magnet.text == {
        "en": "hold a magnet to it: magnetite is drawn, pyrite is not drawn",
        "zh": "用磁铁吸它：磁铁矿被吸住，黄铁矿不被吸引",
    }


def test_tests_come_by_their_bits_and_not_again() -> None:
    prior = np.full(len(ALL), 1 / len(ALL))
    tests = next_test(prior, ALL, Evidence())
    bits = [test.bits for test in tests]
    assert bits == sorted(bits, reverse=True)
    assert min(bits) >= 0.05
    assert {test.key for test in tests} == set(OUTCOMES)
    done = Evidence(hardness=(6.5, 10), streak="black", lustre="metallic", magnetic=False)
    assert {test.key for test in next_test(prior, ALL, done)} == {"density", "acid"}


def test_nothing_is_left_to_tell_when_the_mineral_is_sure() -> None:
    assert next_test(np.array([0.999, 0.001]), (PYRITE, QUARTZ), Evidence()) == []
    assert next_test(EVEN, (None, None), Evidence()) == []


def test_whatever_scratches_has_its_test() -> None:
    assert set(SCRATCH_TESTS) == set(SCRATCHERS)


def test_text_of_a_scratch() -> None:
    tests = next_test(EVEN, (PYRITE, CHALCOPYRITE), Evidence())
    texts = [test.text for test in tests if test.key == "hardness"]
    assert texts[0] == {
        "en": "scratch glass with it: pyrite (6 to 6.5) scratches it, "
        "chalcopyrite (3.5 to 4) does not",
        "zh": "用它划玻璃：黄铁矿（6–6.5）能划动，黄铜矿（3.5–4）划不动",
    }


def test_text_names_minerals_of_each_outcome_four_at_most() -> None:
    likely = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    hard = [mineral(f"Hard{n}", f"硬{n}", hardness=(7, 7)) for n in range(5)]
    (test,) = (
        test
        for test in next_test(likely, (*hard, CALCITE), Evidence())
        if test.text["en"].startswith("scratch glass")
    )
    assert test.text["en"] == (
        "scratch glass with it: hard0 (7), hard1 (7) and hard2 (7) scratch it; calcite (3) does not"
    )


def test_text_tells_what_is_not_sure() -> None:
    tests = next_test(np.array([0.5, 0.3, 0.2]), (MAGNETITE, CALCITE, QUARTZ), Evidence())
    (plate,) = (test for test in tests if test.text["en"].startswith("scratch a streak plate"))
    assert plate.text["en"] == (
        "scratch a streak plate with it: quartz (7) scratches it, magnetite (5.5 to 6.5) may "
        "scratch it, calcite (3) does not"
    )


def test_two_classes_of_one_mineral_are_named_once() -> None:
    tests = next_test(np.array([0.3, 0.3, 0.4]), (QUARTZ, QUARTZ, CALCITE), Evidence())
    assert all(test.text["en"].count("quartz") == 1 for test in tests)


def test_what_tells_two_apart() -> None:
    assert tells_apart(CHALCOPYRITE, PYRITE) == {
        "en": "chalcopyrite: hardness 3.5 to 4 (pyrite 6 to 6.5), density 4.1 to 4.3 g/cm3 "
        "(pyrite 4.95 to 5.1 g/cm3), streak green or black (pyrite black)",
        "zh": "黄铜矿：硬度 3.5–4（黄铁矿 6–6.5），密度 4.1–4.3 g/cm3（黄铁矿 4.95–5.1 g/cm3），"
        "条痕绿色或黑色（黄铁矿 黑色）",
    }
    of_acid = tells_apart(CALCITE, DOLOMITE)
    assert of_acid is not None
    assert "fizzes in acid (dolomite fizzes in acid when powdered)" in of_acid["en"]


def test_a_magnet_tells_two_apart() -> None:
    told = tells_apart(MAGNETITE, PYRITE)
    assert told is not None
    assert told["en"].startswith("magnetite: strongly magnetic (pyrite not magnetic)")
    assert told["zh"].startswith("磁铁矿：强磁性（黄铁矿 无磁性）")


def test_nothing_known_tells_two_apart() -> None:
    assert tells_apart(PYRITE, PYRITE) is None
    assert tells_apart(PYRITE, mineral("Lacking", "缺")) is None


def test_colour_and_cleavage_tell_apart_what_tests_do_not() -> None:
    biotite = mineral("Biotite", "黑云母", colours=("black", "brown"), cleavage="perfect")
    muscovite = mineral("Muscovite", "白云母", colours=("colourless",), cleavage="perfect")
    assert tells_apart(biotite, muscovite) == {
        "en": "biotite: colour black or brown (muscovite colourless)",
        "zh": "黑云母：黑色或褐色（白云母 无色）",
    }
