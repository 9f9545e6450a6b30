"""What classes are named after."""

from __future__ import annotations

import pytest

from mineral_recog.identify.taxon import class_names, find_taxon
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy

TABLE = read_minerals()
TAXONOMY = Taxonomy(TABLE)


@pytest.mark.parametrize(
    ("name", "names", "phrase", "has_row", "members"),
    [
        ("beryl", ("Beryl", "绿柱石"), "beryl", True, ()),  # not its varieties, such as emerald
        ("amphibole", ("Amphibole", "闪石"), "an amphibole", False, ("Tremolite", "Riebeckite")),
        ("Zeolite", ("Zeolite", "沸石"), "zeolite", True, ("Erionite",)),
        ("Borates", ("Borates", "硼酸盐类"), "one of the borates", False, ("Borax",)),
        ("my_stone", ("my_stone", "my_stone"), None, False, ()),
    ],
)
def test_classes_are_minerals_groups_or_neither(
    name: str, names: tuple[str, str], phrase: str | None, has_row: bool, members: tuple[str, ...]
) -> None:
    taxon = find_taxon(name, TABLE, TAXONOMY)
    assert class_names(name, taxon) == {"en": names[0], "zh": names[1]}
    assert (taxon and taxon.phrase["en"]) == phrase
    assert (taxon is not None and taxon.mineral is not None) == has_row
    found = set() if taxon is None else {mineral.name for mineral in taxon.members}
    assert found >= set(members)
    assert bool(found) == bool(members)
