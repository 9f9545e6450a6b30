"""Parses the outcome of a physical test: a text in English or Chinese, or a value of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.cleavage_parser import parse_cleavage_text, parse_direction_count
from mineral_recog.identify.likelihood import MAX_DIRECTIONS, SCALES, Interval
from mineral_recog.identify.measurement_parser import combine, parse_measurement
from mineral_recog.identify.typed_text import normalise, not_understood
from mineral_recog.identify.weighing_parser import parse_weighing
from mineral_recog.identify.yes_no_parser import parse_yes_no_text
from mineral_recog.minerals.vocabularies import VOCABULARIES

MAX_NUMBER = 1000  # far beyond both scales


def parse_hardness(value: str | float | Sequence[float]) -> Interval:
    """Return the interval of Mohs hardness that a text, a number or a pair of numbers means.

    A single number becomes an interval with the measurement error on both sides.

    Raises:
        UserError: The value is not understood, or its clauses contradict each other.
    """
    interval = _parse_interval("hardness", value)
    if interval is None:
        raise not_understood(
            "hardness",
            value,
            "give a number up to 10 such as 6.5 or 6,5, a range such as 3.5-5.5, >5.5, or what "
            "scratches what, such as 'scratches glass' or 'scratched by knife' (fingernail 2.5, "
            "copper coin 3.5, glass or knife 5.5, steel 5.5 to 6.5, streak plate 6.5, quartz 7)",
            "请给出不超过 10 的数（如 6.5）、如 3.5-5.5 的范围、>5.5，或谁划动谁，"
            "如“划玻璃”或“被小刀划动”（指甲 2.5，铜币 3.5，玻璃或小刀 5.5，钢 5.5–6.5，"
            "条痕板 6.5，石英 7）",
        )
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
        low, high = SCALES["density"]
        raise not_understood(
            "density",
            value,
            f"give g/cm3 from {low:g} to {high:g} as a number such as 2.65 or 2,65, a range such "
            "as 4.8-5.2, or >4, or the weights in air and in water such as 'dry 52.3 wet 33.1'",
            f"请给出 {low:g} 到 {high:g} 之间的克/立方厘米数（如 2.65）、如 4.8-5.2 的范围、>4，"
            "或在空气中和水中的重量，如“干重 52.3 水中 33.1”",
        )
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
        raise not_understood(
            "cleavage_directions",
            value,
            f"give the number of directions in which it splits, 0 to {MAX_DIRECTIONS}",
            f"请给出解理的组数，0 到 {MAX_DIRECTIONS}",
        )
    return number


def parse_cleavage(value: str) -> tuple[str | None, int | None]:
    """Return the quality of the best cleavage and the number of directions that a text means.

    Either is None if the text does not say it.

    Raises:
        UserError: The text is not understood.
    """
    found = parse_cleavage_text(normalise(value)) if isinstance(value, str) else None
    if found is None:
        words = VOCABULARIES["cleavage"]
        raise not_understood(
            "cleavage",
            value,
            f"give one of {', '.join(words)}, or with the number of directions, such as "
            "'perfect, 3'",
            f"请给出 {'、'.join(words.values())} 之一，也可加上组数，如“完全，3 组”",
        )
    return found


def _parse_reaction(test: str, value: str | bool) -> bool | str:
    """Return True, False or "weak" for what a text or truth value says about a reaction."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    outcome = parse_yes_no_text(test, normalise(value)) if isinstance(value, str) else None
    if outcome is None:
        example, chinese = {
            "magnetic": ("weakly attracted", "微弱吸引"),
            "acid": ("does not fizz", "不起泡"),
        }[test]
        raise not_understood(
            test, value, f"give yes or no, or words such as '{example}'",
            f"请给出“是”或“否”，或如“{chinese}”的文字",
        )  # fmt: skip
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
