"""Every mineral of the shipped table has a path to a class; a user's rows join or are rejected."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from mineral_recog.errors import DataError
from mineral_recog.minerals.facts import name_key, read_minerals
from mineral_recog.minerals.taxonomy import RANKS, ROCKS, SHIPPED_NODES, Taxonomy
from tests.minerals.test_facts import write_table

SHIPPED = read_minerals()
TAXONOMY = Taxonomy(SHIPPED)
CLASSES = {  # by the first number of the code of Nickel and Strunz
    "1": "Native elements",
    "2": "Sulfides and sulfosalts",
    "3": "Halides",
    "4": "Oxides and hydroxides",
    "5": "Carbonates and nitrates",
    "6": "Borates",
    "7": "Sulfates, chromates, molybdates and tungstates",
    "8": "Phosphates, arsenates and vanadates",
    "9": "Silicates",
    "10": "Organic minerals",
}


def path(name: str, taxonomy: Taxonomy = TAXONOMY) -> list[str]:
    node = taxonomy.find(name)
    return [] if node is None else [above.name for above in node.path]


def test_every_path_ends_in_a_class_and_ranks_rise() -> None:
    for node in TAXONOMY:
        ranks = [RANKS.index(above.rank) for above in node.path]
        assert ranks == sorted(set(ranks)), node.name
        assert node.path[-1].rank == "class", node.name
        assert node.chinese != node.name
    assert {node.name for node in TAXONOMY if node.rank == "class"} == {
        *CLASSES.values(),
        ROCKS,
    }


def test_class_is_that_of_the_code() -> None:
    for mineral in SHIPPED:
        if mineral.strunz is None:
            assert mineral.ima_status in ("rock", "mineraloid", "trade name"), mineral.name
            continue
        assert path(mineral.name)[-1] == CLASSES[mineral.strunz.partition(".")[0]], mineral.name


def test_minerals_of_one_species_have_one_code() -> None:
    for mineral in SHIPPED:
        if mineral.rank == "variety" and (species := SHIPPED.find(str(mineral.parent))):
            assert mineral.strunz == species.strunz, mineral.name


def test_names_of_nodes_belong_to_no_mineral_and_occur_once() -> None:
    with SHIPPED_NODES.open(encoding="utf-8", newline="") as file:
        nodes = list(csv.DictReader(file))
    names = [name for node in nodes for name in (node["name"], node["chinese"])]
    assert max(Counter(map(name_key, names)).values()) == 1
    assert [name for name in names if SHIPPED.find(name)] == []
    used = {node.parent.name for node in TAXONOMY if node.parent}
    assert [node["name"] for node in nodes if node["name"] not in used] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ruby", ["Ruby", "Corundum", "Oxides and hydroxides"]),
        ("玛瑙", ["Agate", "Quartz", "Silica mineral", "Oxides and hydroxides"]),
        ("Demantoid", ["Demantoid", "Andradite", "Garnet", "Silicates"]),
        ("schorl", ["Schorl", "Tourmaline", "Silicates"]),
        ("绢云母", ["Muscovite", "Mica", "Silicates"]),
        ("mica", ["Mica", "Silicates"]),
        ("长石", ["Feldspar", "Silicates"]),
        ("granite", ["Granite", "Igneous rock", ROCKS]),
        ("snowflake obsidian", ["Snowflake obsidian", "Obsidian", "Igneous rock", ROCKS]),
        ("concrete", []),
        ("", []),
    ],
)
def test_path_of_a_name(name: str, expected: list[str]) -> None:
    assert path(name) == expected


def test_rows_of_a_user_join_the_taxonomy(tmp_path: Path) -> None:
    table = write_table(
        tmp_path / "own.csv",
        {"name": "Our feldspar", "chinese": "我的长石", "parent": "碱性长石"},
        {"name": "Our garnet", "parent": "grossularite"},  # a synonym of grossular
        {"name": "Amphibole", "chinese": "我的闪石", "colours": "black"},  # now a mineral
        {"name": "Concrete"},
    )
    taxonomy = Taxonomy(read_minerals(table))
    assert path("Our feldspar", taxonomy)[1:] == ["Alkali feldspar", "Feldspar", "Silicates"]
    assert path("Our garnet", taxonomy)[:2] == ["Our garnet", "Grossular"]
    ranks = {node.name: node.rank for node in taxonomy}
    assert (ranks["Our feldspar"], ranks["Our garnet"]) == ("species", "variety")
    assert path("hornblende", taxonomy) == ["Hornblende", "Amphibole", "Silicates"]
    amphibole = taxonomy.find("Amphibole")
    assert amphibole is not None
    assert (amphibole.chinese, amphibole.rank) == ("我的闪石", "group")
    assert path("concrete", taxonomy) == ["Concrete"]


def test_rows_of_a_user_may_have_the_chinese_names_of_nodes(tmp_path: Path) -> None:
    table = write_table(
        tmp_path / "own.csv",
        {"name": "闪石"},
        {"name": "Clay mix", "chinese": "Clay mineral"},
    )
    taxonomy = Taxonomy(read_minerals(table))
    assert path("riebeckite", taxonomy) == ["Riebeckite", "闪石", "Silicates"]
    assert path("Amphibole", taxonomy) == path("闪石", taxonomy) == ["闪石", "Silicates"]
    assert path("kaolinite", taxonomy) == ["Kaolinite", "Clay mineral", "Silicates"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"name": "A", "parent": "Unobtainium"}], "A: the parent Unobtainium is neither"),
        ([{"name": "A", "parent": "A"}], r"A: its rank \(variety\) must be below"),
        (
            [{"name": "A", "parent": "B"}, {"name": "B", "parent": "A"}],
            r"its rank \(variety\) must be below that of its parent [AB] \(variety\)",
        ),
        ([{"name": "A", "parent": "Agate"}], r"A: its rank \(species\) must .* Agate \(variety\)"),
        ([{"name": "Quartz", "rank": "variety"}], r"its parent Quartz \(variety\)"),
    ],
)
def test_wrong_parent_is_rejected(tmp_path: Path, rows: list[dict[str, str]], message: str) -> None:
    minerals = read_minerals(write_table(tmp_path / "own.csv", *rows))
    with pytest.raises(DataError, match=message):
        Taxonomy(minerals)
