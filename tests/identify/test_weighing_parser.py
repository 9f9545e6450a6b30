"""Density from two weighings, with the interval that the steps of the scale leave."""

from __future__ import annotations

import pytest

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence_parser import parse_density


@pytest.mark.parametrize(
    ("texts", "low", "high"),
    [
        (  # the lost weight is 19.2, off by two steps of 0.1: 52.4 / 19.4 to 52.2 / 19.0
            (
                "dry 52.3 wet 33.1", "dry 52,3 wet 33,1", "Wet 33.1 g, dry 52.3 g",
                "52.3 g dry, 33.1 g wet", "weight in air 52.3, weight in water: 33.1",
                "air=52.3 water=33.1", "干重 52.3 水中 33.1", "干重52.3克，水中33.1克",
                "空气中重52.3克 水中重33.1克", "５２．３ dry and 33.1 in water",
                "dry 52.3 oz wet 33.1 oz",
            ),
            52.4 / 19.4, 52.2 / 19.0,
        ),
        (("dry 52 wet 33",), 53 / 21, 51 / 17),  # a scale of 1 g
        (("dry 52.30 wet 33.1",), 52.31 / 19.31, 52.29 / 19.09),
        (  # the weights are independent: 52.2 / 19.3 to 52.4 / 19.1
            (
                "dry 52.3 gain 19.2", "dry 52.3 g displaced 19.2 ml", "干重 52.3 增重 19.2",
                "gain 19.2 dry 52.3", "空气中 52.3 克 排水 19.2 毫升",
            ),
            52.2 / 19.3, 52.4 / 19.1,
        ),
        (("dry 100 gain 5",), 99 / 6, 25.0),  # up to the end of the scale
    ],
)  # fmt: skip
def test_weights_mean_a_density(texts: tuple[str, ...], low: float, high: float) -> None:
    for text in texts:
        assert parse_density(text) == pytest.approx((low, high)), text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dry 33.1 wet 52.3", "weighs less in water than in air; .* write gain instead of wet"),
        ("dry 5 wet 5", "weighs less in water than in air"),
        ("dry 0 gain 0", "both numbers must be above 0"),
        ("dry 3 wet 1", "weighs no more than the steps of the scale"),
        ("dry 3 gain 1", "weighs no more than the steps of the scale"),
        ("dry 900 gain 1.0", "817 to 1e.03 g/cm³, which no mineral has"),
        ("dry 0.4 gain 3", "which no mineral has"),
    ],
)
def test_weights_that_cannot_be_are_reported(text: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^density '{text}': .*{message}.*[.]$"):
        parse_density(text)


@pytest.mark.parametrize(
    "text",
    [
        "dry 52.3", "dry 52.3 wet", "dry 52.3 dry 33.1", "wet 33.1 gain 19.2", "dry -5 wet 3",
        "dry 1e3 wet 3", "dry nan wet 3", "dry 9999999 wet 3", "dry 52.3 g wet 33.1 oz",
        "dry 52.3 g wet 19.2 ml", "dry 52.3 wet 33.1 gain 19.2", "dry" + " 1" * 90,
    ],
)  # fmt: skip
def test_other_texts_are_not_understood(text: str) -> None:
    with pytest.raises(UserError, match=r"dry 52\.3 wet 33\.1"):
        parse_density(text)
