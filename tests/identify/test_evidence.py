"""The posterior calculated by hand, its properties, and parsing of evidence."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence import Evidence, posterior, read_evidence
from mineral_recog.identify.likelihood import OUTCOMES, SCALES, SEVERAL_WORDS
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from tests.identify.minerals import ALL, CALCITE, MAGNETITE, PYRITE, QUARTZ, mineral

Floats = npt.NDArray[np.float64]


def intervals(test: str) -> st.SearchStrategy[tuple[float, float]]:
    points = st.floats(*SCALES[test])
    return st.tuples(points, points).map(lambda p: (min(p), max(p))).filter(lambda p: p[0] < p[1])


def words(test: str) -> st.SearchStrategy[Any]:
    words = st.sampled_from(list(OUTCOMES[test]))
    if test not in SEVERAL_WORDS:
        return words
    return st.lists(words, min_size=1, unique=True).map(tuple)


EVIDENCE = st.builds(
    Evidence,
    hardness=st.none() | intervals("hardness"),
    density=st.none() | intervals("density"),
    acid=st.none() | st.booleans(),
    **{
        test: st.none() | words(test)
        for test in OUTCOMES
        if test not in ("hardness", "density", "acid")
    },
)
INCOMPLETE = mineral("Incomplete", "缺", streak=("red",))
CLASSES = (*ALL, INCOMPLETE, None, None)
TABLES = LikelihoodTables(CLASSES)
PRIORS = st.lists(st.floats(0.001, 1), min_size=len(CLASSES), max_size=len(CLASSES)).map(
    lambda weights: np.array(weights) / sum(weights)
)


def test_likelihoods_of_two_tests_are_multiplied() -> None:
    result = posterior(
        np.array([0.5, 0.3, 0.2]),
        LikelihoodTables((QUARTZ, CALCITE, MAGNETITE)),
        Evidence(acid=True, magnetic=False),
    )
    not_drawn, drawn = 0.95 + 0.05 / 3, 0.05 / 3
    weights = np.array([0.5 * 0.025 * not_drawn, 0.3 * 0.975 * not_drawn, 0.2 * 0.025 * drawn])
    np.testing.assert_allclose(result, weights / weights.sum())


def test_classes_in_the_table_keep_their_total_probability() -> None:
    result = posterior(
        np.array([0.3, 0.6, 0.1]),
        LikelihoodTables((MAGNETITE, None, QUARTZ)),
        Evidence(magnetic=True),
    )
    weights = np.array([0.3 * (0.95 * 0.9 + 0.05 / 3), 0.1 * 0.05 / 3])
    np.testing.assert_allclose(result[[0, 2]], weights / weights.sum() * 0.4)
    assert result[1] == 0.6


def test_mineral_without_the_fact_keeps_its_probability() -> None:
    result = posterior(
        np.array([0.3, 0.5, 0.2]),
        LikelihoodTables((PYRITE, INCOMPLETE, QUARTZ)),
        Evidence(magnetic=True),
    )
    assert result[1] == pytest.approx(0.5)


@settings(max_examples=50)
@given(PRIORS, EVIDENCE)
@example(np.full(len(CLASSES), 1 / len(CLASSES)), Evidence(hardness=(0.0, 5e-324)))
@example(np.full(len(CLASSES), 1 / len(CLASSES)), Evidence(density=(4.0, np.nextafter(4.0, 5))))
def test_posterior_is_a_distribution_without_zeros(prior: Floats, evidence: Evidence) -> None:
    result = posterior(prior, TABLES, evidence)
    assert result.sum() == pytest.approx(1)
    assert (result > 0).all()
    np.testing.assert_array_equal(result[-2:], prior[-2:])
    if evidence.empty:
        np.testing.assert_allclose(result, prior)


@settings(max_examples=50)
@given(PRIORS, st.data())
def test_outcome_never_lowers_the_best_matching_mineral(prior: Floats, data: st.DataObject) -> None:
    test = data.draw(st.sampled_from(list(OUTCOMES)))
    outcome = data.draw(words(test))
    fields: dict[str, Any] = {test: outcome}
    evidence = Evidence(**fields)
    from_uniform = posterior(np.full(len(CLASSES), 1 / len(CLASSES)), TABLES, evidence)
    best = int(from_uniform[:-2].argmax())  # of the classes with a mineral
    assert posterior(prior, TABLES, evidence)[best] >= prior[best] * (1 - 1e-9)


def test_without_classes_in_the_table_the_photo_decides() -> None:
    prior = np.array([0.25, 0.75])
    np.testing.assert_array_equal(
        posterior(prior, LikelihoodTables((None, None)), Evidence(acid=True)), prior
    )


def test_evidence_is_parsed_from_texts() -> None:
    evidence = read_evidence("scratches glass", "Greenish black", "金属", "5.0", "no", "是")
    assert evidence == Evidence((5.5, 10), "black", "metallic", (4.8, 5.2), False, True)
    assert read_evidence("", None, " ").empty
    assert read_evidence(hardness=6, density=(2.6, 2.7), magnetic=True, acid=False) == Evidence(
        (5.5, 6.5), None, None, (2.6, 2.7), True, False
    )
    assert not evidence.empty


@pytest.mark.parametrize(
    ("evidence", "english", "chinese"),
    [
        (Evidence(hardness=(5.5, 10)), "hardness at least 5.5", "硬度不低于 5.5"),
        (Evidence(hardness=(0, 5 + 1 / 3)), "hardness at most 5.333", "硬度不高于 5.333"),
        (Evidence(hardness=(0, 10)), "hardness 0 to 10", "硬度 0–10"),
        (
            Evidence(density=(4.8, 5.2), streak="red", lustre="metallic"),
            "streak red, lustre metallic, density 4.8 to 5.2 g/cm³",
            "条痕红色，金属光泽，密度 4.8–5.2 g/cm³",
        ),
        (
            Evidence(magnetic=True, acid=False),
            "magnetic, does not fizz in acid",
            "有磁性，遇酸不起泡",
        ),
        (
            Evidence(magnetic="weak", colours=("green", "brown"), habit=("cubic",)),
            "weakly magnetic, colours green and brown, habit cubic",
            "弱磁性，颜色绿色、褐色，形态立方体",
        ),
        (
            Evidence(transparency="opaque", cleavage="perfect", cleavage_directions=1),
            "transparency opaque, cleavage perfect, 1 direction of cleavage",
            "不透明，完全解理，1 组解理",
        ),
        (
            Evidence(cleavage="none", cleavage_directions=0, fracture="even", tenacity="tough"),
            "cleavage none, fracture even, tenacity tough",
            "无解理，平坦断口，韧性",
        ),
        (
            Evidence(fluorescence_long="green", fluorescence_short="none"),
            "glows green in long-wave UV, no glow in short-wave UV",
            "长波紫外灯下发绿色荧光，短波紫外灯下无荧光",
        ),
    ],
)
def test_evidence_is_shown_as_understood(evidence: Evidence, english: str, chinese: str) -> None:
    assert evidence.text() == {"en": english, "zh": chinese}
    assert Evidence().text() is None


@pytest.mark.parametrize(
    "fields",
    [
        {"hardness": (6, 6)},
        {"hardness": (6, 11)},
        {"density": (0, 3)},
        {"streak": "loud"},
        {"colours": ("loud",)},
        {"colours": ()},
        {"habit": ("cubic", "cubic")},
        {"cleavage_directions": 7},
        {"magnetic": "strong"},
    ],
)
def test_invalid_evidence_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is not an interval in|is not one of|at least one word"):
        Evidence(**fields)


@pytest.mark.parametrize(
    ("values", "quality", "count"),
    [
        ({"cleavage": "perfect, 3"}, "perfect", 3),
        ({"cleavage": "perfect", "cleavage_directions": "3"}, "perfect", 3),
        ({"cleavage": "perfect, 3", "cleavage_directions": 3}, "perfect", 3),
        ({"cleavage": "three directions"}, None, 3),
        ({"cleavage_directions": "3"}, None, 3),
        ({"cleavage": "none"}, "none", 0),
        ({"cleavage_directions": 0}, "none", 0),
        ({"cleavage": "无", "cleavage_directions": "0"}, "none", 0),
    ],
)
def test_quality_and_directions_of_cleavage(
    values: dict[str, Any], quality: str | None, count: int | None
) -> None:
    expected = Evidence(cleavage=quality, cleavage_directions=count)
    assert read_evidence(**values) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"cleavage": "perfect, 3", "cleavage_directions": 2},
        {"cleavage": "none", "cleavage_directions": "1"},
        {"cleavage": "perfect", "cleavage_directions": 0},
        {"cleavage": "perfect, 0"},
        {"cleavage": "none, 2"},
    ],
)
def test_contradictory_cleavage_is_reported(values: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"^cleavage '.* contradicts itself: .*\.$"):
        read_evidence(**values)


def test_no_cleavage_counts_once() -> None:
    prior = np.full(2, 0.5)
    tables = LikelihoodTables(
        (mineral("A", "甲", cleavage="none"), mineral("B", "乙", cleavage="good"))
    )
    both = Evidence(cleavage="none", cleavage_directions=0)
    np.testing.assert_array_equal(
        posterior(prior, tables, both), posterior(prior, tables, Evidence(cleavage="none"))
    )
