"""Texts that users type about physical tests, in both languages."""

import pytest

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence_parser import (
    parse_density,
    parse_hardness,
    parse_word,
    parse_yes_no,
)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("6", (5.5, 6.5)),
        ("10", (9.5, 10)),
        ("3.5-5.5", (3.5, 5.5)),
        ("5.5 to 3.5", (3.5, 5.5)),
        ("３.５～５.５", (3.5, 5.5)),
        (">5.5", (5.5, 10)),
        ("< 2.5", (0, 2.5)),
        ("大于5.5", (5.5, 10)),
        ("scratches glass", (5.5, 10)),
        ("Does not scratch a glass", (0, 5.5)),
        ("can't scratch glass", (0, 5.5)),
        ("scratched by knife", (0, 5.5)),
        ("is not scratched by my penknife", (5.5, 10)),
        ("a fingernail scratches it", (0, 2.5)),
        ("harder than a streak plate", (6.5, 10)),
        ("scratches copper coin, scratched by glass", (3.5, 5.5)),
        ("scratches glass but is scratched by a knife", (5, 6)),
        ("划玻璃", (5.5, 10)),
        ("能划动玻璃", (5.5, 10)),
        ("不能划玻璃", (0, 5.5)),
        ("划不动玻璃", (0, 5.5)),
        ("被小刀划动", (0, 5.5)),
        ("不能被小刀划伤", (5.5, 10)),
        ("小刀划不动", (5.5, 10)),
        ("指甲划不动，小刀能划动", (2.5, 5.5)),
        ("比条痕板硬", (6.5, 10)),
    ],
)
def test_hardness_is_parsed(text: str, interval: tuple[float, float]) -> None:
    assert parse_hardness(text) == interval


@pytest.mark.parametrize(
    "text",
    ["hard", "11", "-3", "nan", ",", "scratched by something harder than glass", "6" * 300],
)
def test_invalid_hardness_is_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"^hardness '.*3\.5-5\.5.*scratched by knife"):
        parse_hardness(text)


def test_contradictory_hardness_is_reported() -> None:
    with pytest.raises(UserError, match=r"harder than 5\.5 and softer than 3\.5"):
        parse_hardness("scratches glass, scratched by a copper coin")


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("5", (4.8, 5.2)),
        ("2.6-2.7 g/cm³", (2.6, 2.7)),
        (">4", (4, 25)),
        ("2.6 至 2.7 克/立方厘米", (2.6, 2.7)),
    ],
)
def test_density_is_parsed(text: str, interval: tuple[float, float]) -> None:
    assert parse_density(text) == pytest.approx(interval)


@pytest.mark.parametrize("text", ["heavy", "0", "400", "2.6 kg"])
def test_invalid_density_is_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"^density '.*from 0\.5 to 25"):
        parse_density(text)


@pytest.mark.parametrize(
    ("test", "text", "word"),
    [
        ("streak", " Gray ", "grey"),
        ("streak", "greenish-black", "black"),
        ("streak", "reddish brown streak", "brown"),
        ("streak", "colorless", "white"),
        ("streak", "绿黑色", "black"),
        ("streak", "樱红", "red"),
        ("lustre", "Vitreous luster", "vitreous"),
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


@pytest.mark.parametrize("text", ["not black", "black or green", "非黑色", "blackboard"])
def test_streak_that_is_not_a_shade_is_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"^streak '.*: give one of white, grey"):
        parse_word("streak", text)


@pytest.mark.parametrize(
    ("text", "is_yes"),
    [
        ("yes", True),
        ("TRUE", True),
        ("是", True),
        ("No", False),
        ("false", False),
        ("否", False),
    ],
)
def test_yes_and_no_are_parsed(text: str, is_yes: bool) -> None:
    assert parse_yes_no("acid", text) is is_yes


def test_neither_yes_nor_no_is_reported() -> None:
    with pytest.raises(UserError, match=r"^magnetic 'maybe' is not understood: give yes or no"):
        parse_yes_no("magnetic", "maybe")
