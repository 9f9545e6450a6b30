"""Hazards in words, and the tests that are recommended although a mineral may be hazardous."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from mineral_recog.calibration.temperature import Floats
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.hazards import (
    ADVICE,
    GAS_IN_ACID,
    SAFE_TESTS,
    cautions,
    hazards_of,
    is_safe,
    is_safe_for,
)
from mineral_recog.identify.likelihood import OUTCOMES
from mineral_recog.identify.next_test import NextTests, TestAdvisor
from mineral_recog.identify.taxon import Taxon, find_taxon
from mineral_recog.minerals.facts import Mineral, read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.minerals.vocabularies import VOCABULARIES
from mineral_recog.serve.response_schemas import Hazard
from tests.identify.minerals import CALCITE, COMPLETE_QUARTZ, PYRITE, QUARTZ, UNLIKE_QUARTZ, mineral

TABLE = read_minerals()
TAXONOMY = Taxonomy(TABLE)
SHIPPED = tuple(TABLE)
ADVISOR = TestAdvisor(SHIPPED)
LOOKING = {  # without breaking anything
    "lustre", "magnetic", "colours", "transparency", "habit", "cleavage", "cleavage_directions",
    "fracture", "fluorescence_long", "fluorescence_short",
}  # fmt: skip
# Written by hand from what each test does: dust, breaking, handling, water, acid.
EXPECTED_SAFE = {
    "radioactive": LOOKING,
    "toxic dust": LOOKING | {"density"},
    "toxic touch": LOOKING,
    "asbestos": LOOKING,
    "soluble poison": LOOKING,
}
HAZARDS = {  # of the minerals that the shipped table must have
    "Uraninite": {"radioactive", "toxic dust"},
    "Autunite": {"radioactive", "toxic dust"},
    "Torbernite": {"radioactive", "toxic dust"},
    "Monazite": {"radioactive"},
    "Chrysotile": {"asbestos"},
    "Tremolite": {"asbestos"},
    "Actinolite": {"asbestos"},
    "Cinnabar": {"toxic dust"},
    "Realgar": {"toxic dust", "toxic touch"},
    "Orpiment": {"toxic dust", "toxic touch"},
    "Arsenic": {"toxic dust", "toxic touch"},
    "Erythrite": {"toxic dust", "toxic touch"},
    "Annabergite": {"toxic dust", "toxic touch"},
    "Arsenopyrite": {"toxic dust"},
    "Galena": {"toxic dust"},
    "Cerussite": {"toxic dust"},
    "Anglesite": {"toxic dust"},
    "Witherite": {"toxic dust"},
    "Stibnite": {"toxic dust"},
    "Chalcanthite": {"soluble poison"},
}
# Every test would help to tell it from quartz. One for each kind of hazard.
HAZARDOUS = {
    kind: replace(UNLIKE_QUARTZ, name=kind.title(), chinese=kind, hazard=(kind,)) for kind in ADVICE
}


def taxon(name: str) -> Taxon | None:
    return find_taxon(name, TABLE, TAXONOMY)


def advise(
    minerals: tuple[Mineral | None, ...], probabilities: Floats, in_set: tuple[int, ...] = ()
) -> NextTests:
    chosen = np.isin(np.arange(len(minerals)), in_set)
    return TestAdvisor(minerals).next_tests(probabilities, Evidence(), chosen)


def test_every_kind_of_hazard_has_advice_and_safe_tests() -> None:
    kinds = list(VOCABULARIES["hazard"])
    assert [*ADVICE] == [*SAFE_TESTS] == kinds
    assert list(get_args(Hazard.model_fields["kind"].annotation)) == kinds
    assert set(VOCABULARIES["group"]) >= GAS_IN_ACID
    for advice in ADVICE.values():
        assert advice.remedy["en"].endswith(".")
        assert advice.remedy["zh"].endswith("。")


@pytest.mark.parametrize(("name", "kinds"), HAZARDS.items())
def test_hazards_of_the_shipped_table(name: str, kinds: set[str]) -> None:
    found = read_minerals().find(name)
    assert found is not None
    assert set(found.hazard) == kinds


@pytest.mark.parametrize("kind", EXPECTED_SAFE)
def test_safe_tests_of_each_kind(kind: str) -> None:
    safe = {test for test in OUTCOMES if is_safe(test, HAZARDOUS[kind])}
    assert safe == EXPECTED_SAFE[kind]
    everything = advise((QUARTZ, CALCITE), np.full(2, 0.5))
    assert {"hardness", "acid"} <= {test.key for test in everything.tests}
    next_tests = advise((COMPLETE_QUARTZ, HAZARDOUS[kind]), np.full(2, 0.5))
    assert {test.key for test in next_tests.tests} == EXPECTED_SAFE[kind]
    assert next_tests.left_out is not None
    assert set(next_tests.left_out.keys) == set(OUTCOMES) - EXPECTED_SAFE[kind]


def test_new_tests_are_unsafe_until_they_are_listed() -> None:
    assert not any(is_safe("taste", mineral) for mineral in HAZARDOUS.values())
    assert is_safe("taste", QUARTZ)


def test_acid_is_not_put_on_sulfides() -> None:
    sphalerite = read_minerals().find("sphalerite")
    assert {test for test in OUTCOMES if not is_safe(test, sphalerite)} == {"acid"}


@pytest.mark.parametrize("hazardous", [m for m in SHIPPED if m.hazard], ids=lambda m: m.name)
def test_no_harmful_test_is_recommended_for_any_mineral_of_the_table(hazardous: Mineral) -> None:
    others = [label for label, other in enumerate(SHIPPED) if not other.hazard][::20]
    probabilities = np.zeros(len(SHIPPED))
    probabilities[others] = 0.5 / len(others)
    probabilities[SHIPPED.index(hazardous)] = 0.5
    harmless = set.intersection(*(EXPECTED_SAFE[kind] for kind in hazardous.hazard))
    none_in_set = np.zeros(len(SHIPPED), dtype=bool)
    next_tests = ADVISOR.next_tests(probabilities, Evidence(), none_in_set)
    assert {test.key for test in next_tests.tests} <= harmless
    assert next_tests.left_out is not None
    assert "hardness" in next_tests.left_out.keys
    assert hazardous.name.lower() in next_tests.left_out.text["en"]
    assert hazardous.chinese in next_tests.left_out.text["zh"]


@pytest.mark.parametrize(
    ("probability", "in_set", "is_left_out"),
    [(0.02, (0,), True), (0.005, (0,), False), (0.001, (0, 2), True)],
    ids=["likely enough", "unlikely", "unlikely but in the set"],
)
def test_hazardous_mineral_counts_in_the_set_or_if_it_is_likely(
    probability: float, in_set: tuple[int, ...], is_left_out: bool
) -> None:
    probabilities = np.array([0.5, 0.5 - probability, probability])
    minerals = (QUARTZ, CALCITE, HAZARDOUS["toxic dust"])
    next_tests = advise(minerals, probabilities, in_set)
    assert (next_tests.left_out is not None) == is_left_out
    assert ("hardness" in {test.key for test in next_tests.tests}) != is_left_out


def test_text_of_what_is_left_out() -> None:
    poison = HAZARDOUS["toxic dust"]
    left_out = advise((PYRITE, None, poison), np.array([0.5, 0.1, 0.4])).left_out
    assert left_out is not None
    assert left_out.text == {
        "en": "Left out, since it could do harm if this is toxic dust: scratching, streak, acid.",
        "zh": "如果是toxic dust，以下测试可能有害，故不建议：刻划、擦条痕、滴酸。",
    }


def test_left_out_text_says_that_no_harmless_test_is_left() -> None:
    red, green = (
        mineral(name, name, streak=(name.lower(),), hazard=("asbestos",))
        for name in ("Red", "Green")
    )
    next_tests = advise((red, green), np.array([0.6, 0.4]))
    assert next_tests.tests == ()
    assert next_tests.left_out is not None
    assert next_tests.left_out.keys == ("streak",)
    assert next_tests.left_out.text["en"] == (
        "Left out, since it could do harm if this is red or green: streak. No harmless test is "
        "left that would tell the likely minerals apart: ask a museum or a laboratory."
    )
    assert next_tests.left_out.text["zh"].endswith(
        "没有既无害又能区分的测试了：请咨询博物馆或实验室。"
    )


def test_hazards_name_each_mineral_once() -> None:
    torbernite, autunite = map(taxon, ("torbernite", "autunite"))
    radioactive, dust = hazards_of(
        {"a": torbernite, "b": None, "c": taxon("quartz"), "d": autunite, "e": torbernite}
    )
    assert (radioactive.kind, radioactive.classes) == ("radioactive", ("a", "d", "e"))
    assert dust.kind == "toxic dust"
    assert radioactive.text["en"].startswith(
        "If it is torbernite or autunite, it is radioactive: handle it briefly, wash your hands"
    )
    assert radioactive.text["zh"].startswith("如果是铜铀云母或钙铀云母，它有放射性：")
    assert radioactive.to_dict()["names"] == {"en": "radioactive", "zh": "放射性"}
    assert hazards_of({"c": taxon("quartz"), "x": taxon("fossil")}) == ()


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Amphibole", {"asbestos"}),
        ("闪石", {"asbestos"}),
        ("Tremolite-actinolite series", {"asbestos"}),
        ("Zeolite", {"asbestos"}),  # a row of the table; erionite
        ("Serpentine", {"asbestos"}),  # its own row says so
        ("Epidote group", {"radioactive"}),  # allanite
        ("Autunite group", {"radioactive", "toxic dust"}),
        ("Silicates", {"radioactive", "toxic dust", "asbestos"}),
        ("Mica", set()),
        ("Garnet", set()),
        ("Calcite", set()),  # though bumblebee jasper, a trade name below it, is toxic
        ("Quartz", set()),
        ("fossil", set()),
    ],
)
def test_groups_have_the_hazards_of_their_minerals(name: str, kinds: set[str]) -> None:
    found = taxon(name)
    assert {hazard.kind for hazard in hazards_of({name: found})} == kinds
    assert is_safe_for("streak", found) == (not kinds)
    assert is_safe_for("lustre", found)


def test_text_of_groups_says_that_some_of_their_minerals_are_dangerous() -> None:
    (asbestos,) = hazards_of({"a": taxon("amphibole"), "t": taxon("tremolite")})
    assert asbestos.classes == ("a", "t")
    assert asbestos.text["en"].startswith(
        "If it is an amphibole or tremolite, it can be asbestos where it is fibrous, and breathing"
    )
    assert asbestos.text["zh"].startswith("如果是闪石或透闪石，它呈纤维状时可能是石棉")
    radioactive, _ = hazards_of({"e": taxon("epidote group"), "u": taxon("uraninite")})
    assert radioactive.text["en"].startswith(
        "If it is a mineral of the epidote group, it may be radioactive; if it is uraninite, it is "
        "radioactive: handle it briefly"
    )
    assert radioactive.text["zh"].startswith(
        "如果是绿帘石族矿物，它可能有放射性；如果是晶质铀矿，它有放射性：尽量少接触"
    )


def test_tests_are_left_out_because_of_a_group() -> None:
    minerals = (QUARTZ, CALCITE, None)
    advisor = TestAdvisor(minerals, [taxon("quartz"), taxon("calcite"), taxon("amphibole")])
    next_tests = advisor.next_tests(np.full(3, 1 / 3), Evidence(), np.zeros(3, dtype=bool))
    assert next_tests.left_out is not None
    assert "hardness" in next_tests.left_out.keys
    assert next_tests.left_out.text["en"].startswith(
        "Left out, since it could do harm if this is an amphibole: scratching"
    )


def test_cautions_join_tests_with_the_same_reason() -> None:
    names = ("galena", "quartz", "fossil", "amphibole")
    dust, acid, water = cautions(
        ("hardness", "streak", "lustre", "acid", "density"), map(taxon, names)
    )
    assert dust.keys == ("hardness", "streak")
    assert dust.text["en"] == (
        "could do harm if this is galena or an amphibole (toxic dust, asbestos). Enter a result "
        "only if you know it already."
    )
    assert dust.text["zh"] == (
        "如果是方铅矿或闪石，可能有害（粉尘有毒、石棉）。仅在已知结果时填写。"
    )
    assert acid.keys == ("acid",)
    assert "(toxic dust, acid may free toxic gas, asbestos)" in acid.text["en"]
    assert water.keys == ("density",)
    assert "if this is an amphibole (asbestos)" in water.text["en"]
    assert cautions(("hardness", "acid"), (taxon("quartz"), None)) == ()


def test_cautions_name_few_minerals() -> None:
    names = ("galena", "cerussite", "anglesite", "cinnabar", "stibnite")
    (caution,) = cautions(("streak",), map(taxon, names))
    assert "if this is galena, cerussite, anglesite or one of 2 others (" in caution.text["en"]
    assert "如果是方铅矿、白铅矿、铅矾或另外 2 种之一，" in caution.text["zh"]


def test_tests_that_leave_a_mark_say_so() -> None:
    next_tests = advise((COMPLETE_QUARTZ, UNLIKE_QUARTZ), np.full(2, 0.5))
    found = {test.key: test.caution for test in next_tests.tests}
    assert set(found) == set(OUTCOMES)
    for key in LOOKING - {"fluorescence_long", "fluorescence_short"}:
        assert found[key] is None
    for key in ("hardness", "streak", "acid", "tenacity"):
        caution = found[key]
        assert caution is not None
        assert "never a polished stone or a gem" in caution["en"]
        assert "切勿用于抛光的石头或宝石" in caution["zh"]
    (acid,) = (test for test in next_tests.tests if test.key == "acid")
    assert acid.full_text["en"].startswith("put a drop of dilute acid on it: soft fizzes")
    assert ". Acid etches: " in acid.full_text["en"]
    assert "。酸会腐蚀标本：" in acid.full_text["zh"]


def test_looking_at_cleavage_and_fracture_breaks_nothing_and_lamps_spare_the_eyes() -> None:
    next_tests = advise((COMPLETE_QUARTZ, HAZARDOUS["asbestos"]), np.full(2, 0.5))
    tests = {test.key: test for test in next_tests.tests}
    for key in ("cleavage", "cleavage_directions", "fracture"):
        assert "(do not break it)" in tests[key].text["en"]
        assert "（不要敲碎）" in tests[key].text["zh"]
    assert "o not look into the lamp" in tests["fluorescence_long"].full_text["en"]
    assert "never look into the lamp" in tests["fluorescence_short"].full_text["en"]
    assert "切勿直视" in tests["fluorescence_short"].full_text["zh"]
