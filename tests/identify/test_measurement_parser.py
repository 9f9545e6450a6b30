"""Numbers, ranges and bounds of hardness and density as people write them, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence_parser import parse_density, parse_hardness
from mineral_recog.identify.likelihood import Interval


@pytest.mark.parametrize(
    ("texts", "interval"),
    [
        (("6", "6.0", "6,0", "６", "6.", "6\u200b", "Mohs 6", "6 on the Mohs scale"), (5.5, 6.5)),
        (
            ("H = 6", "Mohs’ hardness: 6", "hardness is 6", "硬度6", "莫氏硬度为 6", "6 级"),
            (5.5, 6.5),
        ),
        (
            ("about 6", "~6", "≈ 6", "approx. 6", "c. 6", "6ish", "约6", "大约 6", "6左右"),
            (5.5, 6.5),
        ),
        (("6,5", "6.5", "６．５", "６，５", "6。5", "6·5", "6½", "6 1/2", "6\u202f1/2"), (6, 7)),
        (("10", "10,0"), (9.5, 10)),
        (("3.5-5.5", "3,5-5,5", "5.5 to 3.5", "３.５～５.５", "3½–5½", "3,5 − 5,5"), (3.5, 5.5)),
        (("5-6", "5 to 6", "from 5 to 6", "between 5 and 6", "5 or 6", "5 and 6"), (5, 6)),
        (("about 5-6", "~5~6", "5 至 6", "5到6之间", "介于 5 与 6 之间", "5或6", "5、6"), (5, 6)),
        (("5.5 ± 0.5", "5,5 +/- 0,5", "5.5+-0.5"), (5, 6)),
        (("5,5, 6", "5.5, 6", "5,5; 6", "5,5 or 6"), (5.5, 6)),
        (("4.5-5, 6.5-7",), (4.5, 7)),  # kyanite along and across
        ((">5,5", ">5.5", ">= 5,5", "≥5½", "5.5+", "5,5 or more", "at least 5.5"), (5.5, 10)),
        (("no less than 5.5", "isn’t below 5.5", "harder than 5.5", "min. 5.5"), (5.5, 10)),
        (("大于5.5", "5.5以上", "5,5 及以上", "不低于5.5", "不小于5.5", "至少 5.5"), (5.5, 10)),
        (("< 2.5", "<=2,5", "2½ or less", "up to 2.5", "not more than 2.5", "max. 2.5"), (0, 2.5)),
        (("小于2.5", "2.5以下", "不到2.5", "不超过2,5", "不大于2.5", "至多2.5"), (0, 2.5)),
        ((">5,5,<6", "more than 5.5 and less than 6", "大于5.5且小于6"), (5.5, 6)),
        (("6, scratches glass", "约6，能划玻璃", "scratches glass. Hardness 6."), (5.5, 6.5)),
    ],
)
def test_hardness_is_parsed(texts: tuple[str, ...], interval: Interval) -> None:
    assert {text: parse_hardness(text) for text in texts} == dict.fromkeys(texts, interval)


@pytest.mark.parametrize(
    "text",
    [
        "5, 6",  # a list, or 5.6 in German
        "7, 5",
        "5 ,6",
        "5,6,7",
        "5.5,6.5",
        "5-1/2",
        "5/6",
        "5.5 1/2",
        "5 3/2",
        "not 6",
        "5 5",
        "5+6",
        "5<6",
        "6²",
        "6₅",
        "just under 6",
        ">5 or 6",
        "8 or scratches glass",
        "hard",
        "11",
        "-3",
        ">-3",
        "nan",
        "1e1",
        ",",
        "6" * 300,
    ],
)
def test_text_that_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^hardness '.*6\.5 or 6,5.*3\.5-5\.5.*scratched by knife"):
        parse_hardness(text)


def test_contradictory_hardness_is_reported() -> None:
    with pytest.raises(UserError, match=r"above 5\.5 and below 3\.5"):
        parse_hardness("scratches glass, scratched by a copper coin")


@pytest.mark.parametrize(
    ("texts", "interval"),
    [
        (("5", "5,0", "5.0", "SG 5", "S.G. = 5", "sp. gr. 5", "specific gravity of 5"), (4.8, 5.2)),
        (("5 g/cm3", "5 g/cm³", "5g·cm⁻³", "5 g/cc", "密度为5", "比重 5,0", "约5"), (4.8, 5.2)),
        (("2.6-2.7 g/cm³", "2,6–2,7", "2.6 至 2.7 克/立方厘米", ">2.6 and <2,7"), (2.6, 2.7)),
        (("1,000",), (0.96, 1.04)),
        ((">4", "≥ 4,0", "4+", "4以上"), (4, 25)),
    ],
)
def test_density_is_parsed(texts: tuple[str, ...], interval: Interval) -> None:
    for text in texts:
        assert parse_density(text) == pytest.approx(interval), text


@pytest.mark.parametrize(
    "text", ["heavy", "0", "400", "2.6 kg", "2,650 kg/m3", "2²", "2, 6", "scratches glass"]
)
def test_invalid_density_is_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"^density '.*from 0\.5 to 25 .*2\.65 or 2,65"):
        parse_density(text)


@given(
    st.decimals(1, 10, places=2).map(str),
    st.sampled_from(["{}", ">{}", "≤ {}", "about {}", "{}+", "{}-9,5", "{}以上", "9.5, {}"]),
)
def test_comma_and_point_mean_the_same(number: str, form: str) -> None:
    point = parse_hardness(form.format(number))
    assert parse_hardness(form.format(number.replace(".", ","))) == point
    assert parse_hardness(form.format(number.replace(".", "，"))) == point
    if form == "{}":
        assert point == parse_hardness(float(number))
