"""What people type about cleavage, in both languages."""

from __future__ import annotations

import pytest

from mineral_recog.identify.cleavage_parser import parse_cleavage_text, parse_direction_count
from mineral_recog.identify.typed_text import normalise


@pytest.mark.parametrize(
    ("text", "quality", "count"),
    [
        ("perfect", "perfect", None),
        ("perfect, 3", "perfect", 3),
        ("perfect 3", "perfect", 3),
        ("Perfect in three directions", "perfect", 3),
        ("3 directions, perfect", "perfect", 3),
        ("one perfect cleavage", "perfect", 1),
        ("very good", "perfect", None),
        ("distinct cleavage", "good", None),
        ("indistinct", "poor", None),
        ("imperfect", "poor", None),
        ("no cleavage", "none", None),
        ("It has no cleavage.", "none", None),
        ("none", "none", None),
        ("splits like mica", "perfect", 1),
        ("splits into thin sheets", "perfect", 1),
        ("three directions at right angles", None, 3),
        ("2 directions, not at right angles", None, 2),
        ("two directions at about 120°", None, 2),
        ("perfect rhombohedral", "perfect", 3),
        ("octahedral", None, 4),
        ("完全", "perfect", None),
        ("不完全解理", "poor", None),
        ("极完全解理", "perfect", 1),
        ("三组完全解理", "perfect", 3),
        ("完全，3 组", "perfect", 3),
        ("两组中等解理，近垂直", "good", 2),
        ("像云母一样", "perfect", 1),
        ("无解理", "none", None),
    ],
)
def test_quality_and_directions(text: str, quality: str | None, count: int | None) -> None:
    assert parse_cleavage_text(normalise(text)) == (quality, count)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not perfect",
        "good to perfect",
        "perfect, 2 or 3",
        "3, 4",
        "7 directions",
        "1.5",
        "maybe",
    ],
)
def test_unclear_texts(text: str) -> None:
    assert parse_cleavage_text(normalise(text)) is None


@pytest.mark.parametrize(("text", "count"), [("none", 0), ("2", 2), ("六组", 6), ("perfect", None)])
def test_number_of_directions(text: str, count: int | None) -> None:
    assert parse_direction_count(text) == count
