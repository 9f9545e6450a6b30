"""What a class of a model is named after: a mineral of the table, or a group of minerals."""

from __future__ import annotations

from dataclasses import dataclass, field

from mineral_recog.identify.class_tree import node_phrase
from mineral_recog.identify.fact_text import Text, name_text
from mineral_recog.minerals.facts import Mineral, MineralTable
from mineral_recog.minerals.taxonomy import Taxonomy


@dataclass(frozen=True)
class Taxon:
    """A mineral, or a group of minerals.

    Attributes:
        names: Names in both languages.
        phrase: The name as it stands in a sentence, such as "an amphibole".
        mineral: Its row in the table; None for a group without one.
        members: The minerals of a group.
    """

    names: Text = field(hash=False)
    phrase: Text = field(hash=False)
    mineral: Mineral | None
    members: tuple[Mineral, ...] = ()

    @property
    def minerals(self) -> tuple[Mineral, ...]:
        """All minerals that a specimen of it may be."""
        return self.members if self.mineral is None else (self.mineral, *self.members)


def taxon_of(mineral: Mineral | None) -> Taxon | None:
    """Return a mineral of the table as a taxon without members; None for None."""
    return None if mineral is None else Taxon(mineral.names, name_text(mineral), mineral)


def find_taxon(name: str, minerals: MineralTable, taxonomy: Taxonomy) -> Taxon | None:
    """Return the taxon with a name or synonym; None if table and taxonomy lack it."""
    members = taxonomy.members(name)
    if mineral := minerals.find(name):
        return Taxon(mineral.names, name_text(mineral), mineral, members)
    node = taxonomy.find(name)
    return None if node is None else Taxon(node.names, node_phrase(node), None, members)


def class_names(name: str, taxon: Taxon | None) -> Text:
    """Return a class's names in both languages, or its own name twice if it is no taxon."""
    return {"en": name, "zh": name} if taxon is None else taxon.names
