"""Likelihoods of physical tests compared with values calculated by hand."""

import numpy as np
import pytest

from mineral_recog.identify.likelihood import OUTCOMES, SIMILAR, Outcome
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.minerals.facts import Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES
from tests.identify.minerals import ALL, CALCITE, CHALCOPYRITE, DOLOMITE, MAGNETITE, QUARTZ, mineral


def likelihood(test: str, outcome: Outcome, mineral: Mineral) -> float:
    return float(LikelihoodTables((mineral,)).row(test, outcome)[0])


@pytest.mark.parametrize("test", OUTCOMES)
def test_likelihoods_of_all_outcomes_sum_to_one(test: str) -> None:
    table = LikelihoodTables(ALL).tables[test]
    assert table.shape == (len(OUTCOMES[test]), len(ALL))
    np.testing.assert_allclose(table.sum(axis=0), 1)
    assert table.min() > 0


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
        assert {word for pair in pairs for word in pair.split()} == set(VOCABULARIES[test])


def test_magnet_and_acid() -> None:
    assert likelihood("magnetic", True, MAGNETITE) == pytest.approx(0.975)
    assert likelihood("magnetic", True, QUARTZ) == pytest.approx(0.025)
    assert likelihood("acid", True, DOLOMITE) == pytest.approx(0.5)
    assert likelihood("acid", False, CALCITE) == pytest.approx(0.025)
