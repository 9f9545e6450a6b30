"""Tests of pairs of class names that may mean the same."""

from __future__ import annotations

import pytest

from mineral_recog.curation.class_names import similar_names
from mineral_recog.minerals.facts import read_minerals


@pytest.mark.parametrize(
    ("names", "expected", "reason"),
    [
        (["Albite", "albite"], [("Albite", "albite")], "case"),
        (["albite", "quartz", "钠长石"], [("albite", "钠长石")], "both name Albite"),
        (["Quartz", "rock crystal"], [("Quartz", "rock crystal")], "both name Quartz"),
        (["malachit", "malachite"], [("malachit", "malachite")], "misspelling"),
        (["Zéolite", "zeolite"], [("Zéolite", "zeolite")], "differ only in case, accents"),
        (["grès", "gres"], [("grès", "gres")], "differ only in accents"),
        (["my find", "My_find"], [("my find", "My_find")], "only in case, spacing, punctuation"),
        (["my find", "myfind"], [("my find", "myfind")], "differ only in spacing"),
        (["agate, blue", "agate; blue"], [("agate, blue", "agate; blue")], "only in punctuation"),
        (["gr\u00e8s", "gre\u0300s"], [("gr\u00e8s", "gre\u0300s")], "look alike"),
        (["rock", "ｒｏｃｋ"], [("rock", "ｒｏｃｋ")], "look alike"),
    ],
)
def test_names_that_may_mean_the_same_are_paired(
    names: list[str], expected: list[tuple[str, str]], reason: str
) -> None:
    pairs = similar_names(names, read_minerals())
    assert [pair for pair, _ in pairs] == expected
    assert reason in pairs[0][1]["en"]
    assert pairs[0][1]["zh"]


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
def test_names_with_other_meanings_are_not_paired(names: list[str]) -> None:
    assert similar_names(names, read_minerals()) == []


def test_each_name_is_paired_with_the_first_similar_one() -> None:
    pairs = similar_names(["Albite", "albite", "钠长石"], read_minerals())
    assert [pair for pair, _ in pairs] == [("Albite", "albite"), ("Albite", "钠长石")]


def test_minerals_of_the_table_are_not_paired() -> None:
    assert similar_names([mineral.name for mineral in read_minerals()], read_minerals()) == []
