"""Patterns are proposed where names show specimens, and not for cameras, dates and series."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mineral_recog.curation.specimen_proposal import propose_pattern
from tests.curation.fake_source import FakeSource


def source_of(
    name_of: Callable[[int, int], str], specimens: int = 8, photos: int = 3
) -> FakeSource:
    """Return photos of two classes, named by the numbers of their specimen and view."""
    source = FakeSource()
    source.paths = tuple(
        sorted(
            f"{name}/{name_of(specimen, view)}"
            for name in ("gold", "opal")
            for specimen in range(specimens)
            for view in range(photos)
        )
    )
    return source


@pytest.mark.parametrize(
    ("name_of", "pattern"),
    [
        (lambda s, v: f"stone{s}-{v}.jpg", "{specimen}-*"),
        (lambda s, v: f"IMG_00{s}_{'abc'[v]}.jpg", "{specimen}_*"),
        (lambda s, v: f"blue-opal-{s}-{('front', 'back', 'top')[v]}.jpg", "{specimen}-*"),
        (lambda s, v: f"石 {s} ({v}).jpg", "{specimen} (*"),
        (lambda s, v: f"{s} {v}.jpg", "{specimen} *"),
        (lambda s, v: f"{s}.{v}.jpg", "{specimen}.*.*"),
        (lambda s, v: f"0{s}{'abc'[v]}.jpg", "{specimen}[a-z].*"),
        (lambda s, v: f"museum 7/{s}-{v}.jpg", "{specimen}-*"),
        (lambda s, v: f"stone {s}/IMG_{100 * s + v}.jpg", "{specimen}/*"),
        (lambda s, v: f"IMG_{s}_jpg.rf.{hash((s, v)):x}.jpg", "{specimen}.rf.*"),
    ],
)
def test_names_of_specimens(name_of: Callable[[int, int], str], pattern: str) -> None:
    proposal = propose_pattern(source_of(name_of))
    assert proposal is not None
    assert (proposal.pattern, proposal.specimens, proposal.photos) == (pattern, 16, 48)
    assert set(proposal.example) == {f"gold/{name_of(0, view)}" for view in range(3)}


@pytest.mark.parametrize(
    "name_of",
    [
        lambda s, v: f"IMG_{1000 + 3 * s + v}.jpg",  # a camera
        lambda s, v: f"{('IMG', 'DSC', 'P')[v]}_{1000 + 3 * s + v}.jpg",  # three cameras
        lambda s, v: f"{3 * s + v:04}.jpg",
        lambda s, v: f"1 ({3 * s + v}).jpg",
        lambda s, v: f"opal_{3 * s + v}.jpg",  # downloaded
        lambda s, v: f"{('rose', 'smoky', 'milky')[v]}_{s}.jpg",  # varieties
        lambda s, v: f"2024010{s + 1}_12{v}059{s}.jpg",  # a phone
        lambda s, v: f"IMG-2024010{s + 1}-WA000{v}.jpg",  # a messenger, numbered anew every day
        lambda s, v: f"2024-01-0{s + 1}/IMG_{v}.jpg",  # a folder a day
        lambda s, v: f"folder/{s}.jpg",
    ],
)
def test_names_of_no_specimens(name_of: Callable[[int, int], str]) -> None:
    assert propose_pattern(source_of(name_of)) is None


def test_nothing_is_proposed_where_specimens_are_listed_or_few_classes_have_them() -> None:
    source = source_of(lambda s, v: f"stone{s}-{v}.jpg")
    source.paths += tuple(f"{name}/{n}.jpg" for name in ("pyrite", "topaz") for n in range(9))
    assert propose_pattern(source) is not None
    source.paths += tuple(f"zircon/{n}.jpg" for n in range(9))
    assert propose_pattern(source) is None
    listed = source_of(lambda s, v: f"stone{s}-{v}.jpg")
    listed.specimens = {"gold/stone0-0.jpg": "7"}
    assert propose_pattern(listed) is None


def test_no_photos() -> None:
    assert propose_pattern(FakeSource()) is None
