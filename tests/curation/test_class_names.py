"""Class names that may mean the same."""

from __future__ import annotations

import pytest

from mineral_recog.curation.class_names import same_names
from mineral_recog.minerals.facts import read_minerals


@pytest.mark.parametrize(
    ("names", "expected", "reason"),
    [
        (["Albite", "albite"], [("Albite", "albite")], "case"),
        (["albite", "quartz", "钠长石"], [("albite", "钠长石")], "both name Albite"),
        (["Quartz", "rock crystal"], [("Quartz", "rock crystal")], "both name Quartz"),
        (["malachit", "malachite"], [("malachit", "malachite")], "misspelling"),
        (["Zéolite", "zeolite"], [("Zéolite", "zeolite")], "case"),
        (["my find", "My_find"], [("my find", "My_find")], "case"),
    ],
)
def test_names_that_mean_the_same(
    names: list[str], expected: list[tuple[str, str]], reason: str
) -> None:
    found = same_names(names, read_minerals())
    assert [pair for pair, _ in found] == expected
    assert reason in found[0][1]["en"]
    assert found[0][1]["zh"]


@pytest.mark.parametrize(
    "names",
    [
        ["albite", "quartz"],
        ["quartz", "rose quartz", "smoky quartz"],
        ["pyrite", "pyrope"],
        ["sample 10", "sample 11"],
        ["石英", "水镁石"],
        ["---", "___"],
        ["Z\udce9ro", "quartz"],
    ],
)
def test_names_that_do_not(names: list[str]) -> None:
    assert same_names(names, read_minerals()) == []


def test_each_name_is_told_with_the_first_like_it() -> None:
    found = same_names(["Albite", "albite", "钠长石"], read_minerals())
    assert [pair for pair, _ in found] == [("Albite", "albite"), ("Albite", "钠长石")]


def test_no_two_minerals_of_the_table_are_taken_for_one() -> None:
    assert same_names([mineral.name for mineral in read_minerals()], read_minerals()) == []
