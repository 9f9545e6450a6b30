"""Words and Python values for the outcome of a physical test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence_parser import (
    parse_acid,
    parse_cleavage,
    parse_density,
    parse_directions,
    parse_hardness,
    parse_magnetic,
)


@pytest.mark.parametrize(
    ("value", "interval"),
    [
        (6, (5.5, 6.5)),
        (6.5, (6, 7)),
        (np.float32(6.5), (6, 7)),
        (np.int64(6), (5.5, 6.5)),
        (np.array(6), (5.5, 6.5)),
        ((5, 6), (5, 6)),
        ([6, 5.5], (5.5, 6)),
        (np.array([5, 6]), (5, 6)),
        ((6, 6), (5.5, 6.5)),
    ],
)
def test_numbers_of_python_are_hardnesses(value: Any, interval: tuple[float, float]) -> None:
    assert parse_hardness(value) == interval


@pytest.mark.parametrize(
    "value",
    [True, np.True_, (True, 6), 26, -1, float("nan"), float("inf"), 10**400, (5, None), (5, 6, 7),
     (), [[6]], b"6", {"low": 5}, 6j, object()],
)  # fmt: skip
def test_other_values_are_refused_in_one_line(value: Any) -> None:
    for parse, name in ((parse_hardness, "hardness"), (parse_density, "density")):
        with pytest.raises(UserError, match=rf"^{name} .*is not understood: give .*\.$"):
            parse(value)


def test_truth_values_of_python() -> None:
    values: tuple[Any, ...] = (True, False, np.True_, np.False_)
    others: tuple[Any, ...] = (1, 0.0, (True,), b"yes")
    for parse, name in ((parse_acid, "acid"), (parse_magnetic, "magnetic")):
        assert [parse(value) for value in values] == [True, False, True, False]
        for value in others:
            with pytest.raises(UserError, match=rf"^{name} .* is not understood: give yes or no"):
                parse(value)


def test_a_weak_reaction_is_a_grade_for_the_magnet_only() -> None:
    assert parse_magnetic("weak") == "weak"
    assert parse_acid("weak") is True


@pytest.mark.parametrize(
    "value", [3, np.int64(3), "3", "３", "٣", " three ", "3 directions", "三组", "cubic"]
)
def test_directions_are_counted(value: Any) -> None:
    assert parse_directions(value) == 3


@pytest.mark.parametrize("value", [7, -1, True, 2.0, "7", "some", "1.5", "3-4", None, "33"])
def test_other_numbers_of_directions_are_refused(value: Any) -> None:
    with pytest.raises(
        UserError, match=r"^cleavage_directions .*: give the number of .* 0 to 6\.$"
    ):
        parse_directions(value)


@pytest.mark.parametrize("value", ["perfect to good", "not perfect", "loud", "", 3, "2 and 3", "7"])
def test_unclear_cleavage_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=r"^cleavage .*: give one of none, poor, good, perfect, or"):
        parse_cleavage(value)
