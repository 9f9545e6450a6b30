"""Likelihoods of physical tests compared with values calculated by hand."""

from itertools import combinations

import numpy as np
import pytest

from mineral_recog.identify.likelihood import OUTCOMES, SEVERAL_WORDS, Outcome
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.observers import SIMILAR
from mineral_recog.minerals.facts import Mineral
from tests.identify.minerals import ALL, CALCITE, CHALCOPYRITE, DOLOMITE, MAGNETITE, QUARTZ, mineral

FLUORITE = Mineral(
    "Fluorite", "萤石", habit=("cubic", "massive"), transparency=("transparent", "translucent"),
    colours=("purple", "green"), cleavage="perfect", cleavage_directions=4,
    fracture=("subconchoidal",), tenacity=("brittle",), fluorescence_long=("blue", "green"),
    fluorescence_short=("none",),
)  # fmt: skip


def likelihood(test: str, outcome: Outcome, mineral: Mineral) -> float:
    return float(LikelihoodTables((mineral,)).row(test, outcome)[0])


@pytest.mark.parametrize("test", OUTCOMES)
def test_likelihoods_of_all_outcomes_sum_to_one(test: str) -> None:
    minerals = (*ALL, FLUORITE)
    table = LikelihoodTables(minerals).tables[test]
    assert table.shape == (len(OUTCOMES[test]), len(minerals))
    known = ~np.isnan(table[0])
    assert known.any()
    np.testing.assert_allclose(table[:, known].sum(axis=0), 1)
    assert np.nanmin(table) > 0


def test_hardness_of_one_number() -> None:
    # 7 is 3 standard errors of 0.5 above 5.5: 0.99865; a blunder is above 5.5 in 45 %
    assert likelihood("hardness", (5.5, 10), QUARTZ) == pytest.approx(0.95 * 0.998650 + 0.05 * 0.45)
    assert likelihood("hardness", (5.5, 10), CALCITE) == pytest.approx(0.05 * 0.45, abs=1e-6)


def test_limit_of_a_bound_belongs_to_it() -> None:
    """`>5.5` and `5.5+` are one event: the measurement error is far wider than the limit."""
    at_limit = mineral("Limit", "限", hardness=(5.5, 5.5))
    above, below = (likelihood("hardness", part, at_limit) for part in ((5.5, 10), (0, 5.5)))
    assert above == pytest.approx(0.95 * 0.5 + 0.05 * 0.45)
    assert below == pytest.approx(0.95 * 0.5 + 0.05 * 0.55)


def test_likelihood_of_a_hardness_range_is_the_mean_over_it() -> None:
    wide = mineral("Wide", "宽", hardness=(4, 6))
    assert likelihood("hardness", (5, 10), wide) == pytest.approx(0.5)  # by symmetry
    points = [mineral("Point", "点", hardness=(h, h)) for h in np.linspace(4.0005, 5.9995, 2000)]
    values = LikelihoodTables(points).row("hardness", (4.5, 5.5))
    assert likelihood("hardness", (4.5, 5.5), wide) == pytest.approx(values.mean(), abs=1e-6)


def test_interval_too_narrow_for_arithmetic_is_widened() -> None:
    for each in (QUARTZ, CALCITE):
        narrow, wider = (likelihood("hardness", (7, high), each) for high in (7 + 1e-15, 7.001))
        assert narrow == pytest.approx(wider, rel=0.01)


def test_density_error_is_proportional_to_the_density() -> None:
    # 1 + 4 % and 10 + 4 % are one standard error above: 0.8413 of measurements are below
    for density in (1.0, 10.0):
        exact = mineral("Exact", "一", density=(density, density))
        value = likelihood("density", (0.5, density * 1.04), exact)
        blunder = np.log(density * 1.04 / 0.5) / np.log(50)
        assert value == pytest.approx(0.95 * 0.841345 + 0.05 * blunder)


def test_streak_can_be_any_of_its_words_or_a_similar_one() -> None:
    # half green, half black; 20 % call black grey or brown, and green yellow or blue
    blunder = 0.05 / 9
    assert likelihood("streak", "black", CHALCOPYRITE) == pytest.approx(0.95 * 0.4 + blunder)
    assert likelihood("streak", "grey", CHALCOPYRITE) == pytest.approx(0.95 * 0.05 + blunder)
    assert likelihood("streak", "white", CHALCOPYRITE) == pytest.approx(blunder)


def test_similar_words_are_in_the_lists() -> None:
    for test, pairs in SIMILAR.items():
        words = {word for pair in pairs for word in pair.split()}
        # No glow is not similar to a glow.
        assert words | {"none"} == {*map(str, OUTCOMES[test])} | {"none"}
        assert len({frozenset(pair.split()) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("test", "outcome", "expected"),
    [
        # half green: 60 % of 80 % say so, 10 % of 15 % blunder or are of unlisted colours
        ("colours", ("green",), 0.85 * 0.5 * 0.8 + 0.15 / 12),
        ("colours", ("blue",), 0.85 * 0.5 * (0.2 / 2 + 0.2 / 3) + 0.15 / 12),
        ("colours", ("black",), 0.15 / 12),
        ("transparency", "transparent", 0.95 * 0.5 * (0.7 + 0.3 / 2) + 0.05 / 3),
        ("transparency", "opaque", 0.95 * 0.5 * 0.3 / 2 + 0.05 / 3),
        ("habit", ("cubic",), 0.8 * 0.5 * 0.6 + 0.2 / 31),
        ("habit", ("octahedral",), 0.8 * 0.5 * 0.4 / 2 + 0.2 / 31),
        # one in five shows no cleavage, and of these 40 % see a poor one
        ("cleavage", "perfect", 0.95 * 0.8 * 0.6 + 0.05 / 4),
        ("cleavage", "good", 0.95 * 0.8 * 0.4 + 0.05 / 4),
        ("cleavage", "none", 0.95 * 0.2 * 0.6 + 0.05 / 4),
        ("cleavage", "poor", 0.95 * 0.2 * 0.4 + 0.05 / 4),
        ("cleavage_directions", 4, 0.95 * 0.8 * 0.6 + 0.05 / 7),
        ("cleavage_directions", 3, 0.95 * 0.8 * 0.4 / 3 + 0.05 / 7),
        ("cleavage_directions", 0, 0.95 * 0.2 * 0.6 + 0.05 / 7),
        ("fracture", "subconchoidal", 0.85 * 0.6 + 0.15 / 8),
        ("fracture", "conchoidal", 0.85 * 0.4 / 2 + 0.15 / 8),
        ("tenacity", "brittle", 0.95 * 0.8 + 0.05 / 7),
        ("tenacity", "elastic", 0.05 / 7),
        # half of the specimens do not glow
        ("fluorescence_long", "none", 0.9 * 0.5 + 0.1 / 13),
        ("fluorescence_long", "blue", 0.9 * 0.5 * 0.5 * (0.8 + 0.2 / 3) + 0.1 / 13),
        ("fluorescence_long", "red", 0.1 / 13),
        ("fluorescence_short", "none", 0.9 + 0.1 / 13),
        ("fluorescence_short", "blue", 0.1 / 13),
    ],
)
def test_what_is_seen_by_hand(test: str, outcome: Outcome, expected: float) -> None:
    assert likelihood(test, outcome, FLUORITE) == pytest.approx(expected)


def test_no_glow_is_weak_and_a_colour_is_strong_evidence() -> None:
    glowing, dark = (
        Mineral(name, name, fluorescence_long=(colour,))
        for name, colour in (("Glowing", "green"), ("Dark", "none"))
    )
    none, green = (
        likelihood("fluorescence_long", outcome, dark)
        / likelihood("fluorescence_long", outcome, glowing)
        for outcome in ("none", "green")
    )
    assert 1.5 < none < 2.5
    assert green < 1 / 40


@pytest.mark.parametrize("test", SEVERAL_WORDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_likelihoods_of_all_sets_of_words_sum_to_one(test: str, count: int) -> None:
    tables = LikelihoodTables(
        (FLUORITE, Mineral("Green", "绿", colours=("green",), habit=("wiry",)))
    )
    words = [str(word) for word in OUTCOMES[test]]
    total = sum(tables.row(test, chosen) for chosen in combinations(words, count))
    np.testing.assert_allclose(total, 1)


def test_mineral_with_both_colours_fits_two_colours_better() -> None:
    both = ("green", "purple")
    one = Mineral("Green", "绿", colours=("green",))
    assert likelihood("colours", both, FLUORITE) > 5 * likelihood("colours", both, one)
    assert likelihood("colours", ("green",), one) > likelihood("colours", ("green",), FLUORITE)


def test_what_the_photo_shows_counts_less() -> None:
    tables = LikelihoodTables((FLUORITE,))
    for test in OUTCOMES:
        for outcome in OUTCOMES[test]:
            row = tables.row(test, outcome)
            exponent = 0.4 if test in ("colours", "habit") else 1
            actual = tables.likelihoods(test, outcome, np.ones(1))
            np.testing.assert_allclose(actual, 1.0 if np.isnan(row[0]) else row**exponent)


def test_magnet_and_acid() -> None:
    weak = mineral("Weak", "弱", magnetism="weak")
    for each, yes, weakly, no in (
        (MAGNETITE, 0.9, 0.1, 0),
        (weak, 0.1, 0.4, 0.5),
        (QUARTZ, 0, 0, 1),
    ):
        for outcome, correct in ((True, yes), ("weak", weakly), (False, no)):
            expected = 0.95 * correct + 0.05 / 3
            assert likelihood("magnetic", outcome, each) == pytest.approx(expected)
    assert likelihood("acid", True, DOLOMITE) == pytest.approx(0.5)
    assert likelihood("acid", False, CALCITE) == pytest.approx(0.025)
