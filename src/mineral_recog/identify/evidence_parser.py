"""Parses the outcome of a physical test: a text in English or Chinese, or a value of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.cleavage_parser import parse_cleavage_text, parse_direction_count
from mineral_recog.identify.likelihood import Interval
from mineral_recog.identify.measurement_parser import combine, parse_measurement
from mineral_recog.identify.typed_text import normalise, not_understood
from mineral_recog.identify.weighing_parser import parse_weighing
from mineral_recog.identify.yes_no_parser import parse_yes_no_text

MAX_NUMBER = 1000  # far beyond both scales


def parse_hardness(value: str | float | Sequence[float]) -> Interval:
    """Return the interval of Mohs hardness that a text, a number or a pair of numbers means.

    A single number becomes an interval with the measurement error on both sides.

    Raises:
        UserError: The value is not understood, or its clauses contradict each other.
    """
    interval = _parse_interval("hardness", value)
    if interval is None:
        raise not_understood("hardness", value)
    return interval


def parse_density(value: str | float | Sequence[float]) -> Interval:
    """Return the interval of density in g/cm3 that a text, a number or a pair of numbers means.

    A single number becomes an interval with the measurement error on both sides. A text may also
    be the weights in air and in water, see `parse_weighing`.

    Raises:
        UserError: The value is not understood, or its clauses contradict each other.
    """
    interval = parse_weighing(normalise(value)) if isinstance(value, str) else None
    interval = interval or _parse_interval("density", value)
    if interval is None:
        raise not_understood("density", value)
    return interval


def parse_magnetic(value: str | bool) -> bool | str:
    """Return whether a text or truth value means that a magnet draws the specimen.

    Returns:
        True, False, or "weak", drawn only by a strong magnet.

    Raises:
        UserError: The value means none of them.
    """
    return _parse_reaction("magnetic", value)


def parse_acid(value: str | bool) -> bool:
    """Return whether a text or truth value means that the specimen fizzes in acid.

    Raises:
        UserError: The value means neither yes nor no.
    """
    return _parse_reaction("acid", value) is not False  # weak bubbles are bubbles


def parse_directions(value: str | int) -> int:
    """Return the number of directions of cleavage that a text or number means.

    Raises:
        UserError: The value is no number from 0 to 6.
    """
    text = normalise(value) if isinstance(value, str) else ""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        text = str(value)
    number = parse_direction_count(text)
    if number is None:
        raise not_understood("cleavage_directions", value)
    return number


def parse_cleavage(value: str) -> tuple[str | None, int | None]:
    """Return the quality of the best cleavage and the number of directions that a text means.

    Either is None if the text does not say it.

    Raises:
        UserError: The text is not understood.
    """
    found = parse_cleavage_text(normalise(value)) if isinstance(value, str) else None
    if found is None:
        raise not_understood("cleavage", value)
    return found


def _parse_reaction(test: str, value: str | bool) -> bool | str:
    """Return True, False or "weak" for what a text or truth value says about a reaction."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    outcome = parse_yes_no_text(test, normalise(value)) if isinstance(value, str) else None
    if outcome is None:
        raise not_understood(test, value)
    return outcome


def _parse_interval(test: str, value: object) -> Interval | None:
    """Return the interval that a value means, or None if it is not understood."""
    if isinstance(value, str):
        interval = parse_measurement(test, normalise(value))
    else:
        ends = _numbers(value)
        interval = combine(test, [(min(ends), max(ends))]) if ends else None
    if interval is not None and interval[0] > interval[1]:
        low, high = interval
        raise UserError(
            tr(
                f"{test} {value!r} contradicts itself: above {low:g} and below {high:g}; do one "
                "of the tests again.",
                f"{test} {value!r} 自相矛盾：既大于 {low:g} 又小于 {high:g}；请重做其中一项测试。",
            )
        )
    return interval


def _numbers(value: object) -> list[float]:
    """Return the one or two numbers of a value from Python, or [] if it is something else."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    values: list[Any] = list(value) if isinstance(value, tuple | list) else [value]
    is_valid = len(values) <= 2 and all(
        isinstance(number, int | float | np.integer | np.floating)
        and not isinstance(number, bool)
        and abs(number) < MAX_NUMBER
        for number in values
    )
    return [float(number) for number in values] if is_valid else []
