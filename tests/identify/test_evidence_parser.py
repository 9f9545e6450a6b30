"""Words and Python values for the outcome of a physical test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence_parser import (
    parse_density,
    parse_hardness,
    parse_word,
    parse_yes_no,
)


@pytest.mark.parametrize(
    ("test", "text", "word"),
    [
        ("streak", " Gray ", "grey"),
        ("streak", "greenish-black", "black"),
        ("streak", "reddish brown streak", "brown"),
        ("streak", "colorless", "white"),
        ("streak", "绿黑色", "black"),
        ("streak", "樱红", "red"),
        ("streak", "no streak", "white"),
        ("streak", "无条痕", "white"),
        ("streak", "Streak: whitish", "white"),
        ("streak", "条痕为白色", "white"),
        ("streak", "pink", "red"),
        ("streak", "purple", "red"),
        ("streak", "粉红色", "red"),
        ("streak", "紫色", "red"),
        ("streak", "bluish", "blue"),
        ("streak", "golden", "yellow"),
        ("streak", "rust", "brown"),
        ("streak", "棕色", "brown"),
        ("streak", "cream", "white"),
        ("lustre", "Vitreous luster", "vitreous"),
        ("lustre", "无光泽", "earthy"),
        ("lustre", "semi-metallic", "submetallic"),
        ("lustre", "金属光泽", "metallic"),
        ("lustre", "半金属", "submetallic"),
        ("lustre", "sub-metallic", "submetallic"),
        ("lustre", "glassy", "vitreous"),
    ],
)
def test_streak_and_lustre_are_parsed(test: str, text: str, word: str) -> None:
    assert parse_word(test, text) == word


def test_error_for_an_unknown_word_lists_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^lustre 'non-metallic' .*: give one of metallic, sub"):
        parse_word("lustre", "non-metallic")
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    with pytest.raises(UserError, match=r"^streak 'loud' 无法理解：请给出 白色、灰色"):
        parse_word("streak", "loud")


@pytest.mark.parametrize(
    "text",
    [
        "not black",
        "isn't black",
        "black or green",
        "white, grey",
        "hardly red",
        "piano",
        "非黑色",
        "blackboard",
    ],
)
def test_streak_that_is_not_a_shade_is_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"^streak ['\"].*: give one of white, grey"):
        parse_word("streak", text)


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
    assert [parse_yes_no("acid", value) for value in values] == [True, False, True, False]
    for value in (1, 0.0, (True,), b"yes"):
        with pytest.raises(UserError, match=r"^acid .* is not understood: give yes or no"):
            parse_yes_no("acid", value)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^streak 3 is not understood: give one of white"):
        parse_word("streak", 3)  # type: ignore[arg-type]
