"""The taxonomy of minerals: variety, species, series, group, and class of Nickel and Strunz.

The columns `parent` and `rank` of the table of minerals place each mineral below another one or
below a node of `taxonomy.csv`. That file has the nodes that are no minerals of the table, such as
amphibole. A class is one of the ten classes of Nickel and Strunz, 10th edition, or ROCKS; species
that belong to no group are directly below their class. A rock has the rank of a species.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mineral_recog.csv_files import read_rows
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import MAX_TABLE_BYTES, Mineral, MineralTable, name_key

SHIPPED_NODES = Path(__file__).parent / "taxonomy.csv"
COLUMNS = ("name", "chinese", "rank", "parent")
ROCKS = "Rocks and glasses"  # the one class that contains no minerals
RANKS = ("variety", "species", "series", "group", "class")  # from the most specific
_OWN_FACTS = ("variety", "species")  # ranks whose facts hold for all that is below


@dataclass(frozen=True)
class Node:
    """A mineral, or a set of minerals with a name.

    Attributes:
        name: English name.
        chinese: Chinese name.
        rank: One of RANKS.
        parent: Node above, of a higher rank; None at the top.
    """

    name: str
    chinese: str
    rank: str
    parent: Node | None

    @property
    def names(self) -> dict[str, str]:
        """The names in both languages."""
        return {"en": self.name, "zh": self.chinese}

    @property
    def path(self) -> tuple[Node, ...]:
        """The node and all nodes above it, from the most specific."""
        return (self,) if self.parent is None else (self, *self.parent.path)


class Taxonomy:
    """The nodes of a table of minerals and of `taxonomy.csv`.

    A mineral of a user's table may have the name of a node of `taxonomy.csv`: it then is that node,
    and keeps its parent and rank unless the table gives others. A mineral without a rank is a
    variety if it is below a species, and otherwise a species.

    Args:
        minerals: The table.

    Raises:
        DataError: A parent is unknown, or its rank is not higher.
    """

    def __init__(self, minerals: MineralTable) -> None:
        self._minerals = minerals
        self._rows: dict[str, _Row] = {}  # by key of both names
        for _, cells in read_rows(SHIPPED_NODES, COLUMNS, MAX_TABLE_BYTES):
            self._add(_Row(**cells))
        for mineral in minerals:
            row = self._rows.get(name_key(mineral.name), _NO_ROW)
            rank, parent = mineral.rank or row.rank, mineral.parent or row.parent
            self._add(_Row(mineral.name, mineral.chinese, rank, parent))
        self._nodes = self._make_nodes()
        self._members: dict[str, list[Mineral]] = {name: [] for name in self._nodes}
        for mineral in minerals:
            for above in self._nodes[self._rows[name_key(mineral.name)].name].path[1:]:
                self._members[above.name].append(mineral)

    def find(self, name: str) -> Node | None:
        """Return the mineral or node with a name, or a synonym of a mineral; None if unknown."""
        mineral = self._minerals.find(name)
        row = self._rows.get(name_key(name if mineral is None else mineral.name))
        return None if row is None else self._nodes[row.name]

    def members(self, name: str) -> tuple[Mineral, ...]:
        """Return the minerals of the table below a group, series or class with a name.

        There are none below a species or variety: what its row says holds for all of it.
        """
        node = self.find(name)
        return () if node is None or node.rank in _OWN_FACTS else tuple(self._members[node.name])

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def _add(self, row: _Row) -> None:
        """Add a row, instead of one of the same name in either language, whose names it takes over.

        So the nodes below the old row find the new one. A Chinese name of another row stays there.
        """
        replaced = self._rows.get(name_key(row.name))
        for key, kept in self._rows.items():
            if kept == replaced:
                self._rows[key] = row
        self._rows[name_key(row.name)] = row
        self._rows.setdefault(name_key(row.chinese), row)

    def _make_nodes(self) -> dict[str, Node]:
        """Return all nodes by name; every parent has a higher rank, so there are no cycles."""
        rows = dict.fromkeys(self._rows.values())  # each once
        parents = {row.name: self._parent(row) for row in rows}
        ranks = {row.name: _rank(row, parents[row.name]) for row in rows}
        nodes: dict[str, Node] = {}
        for row in sorted(rows, key=lambda row: RANKS.index(ranks[row.name]), reverse=True):
            rank, parent = ranks[row.name], parents[row.name]
            if parent is None:
                nodes[row.name] = Node(row.name, row.chinese, rank, None)
                continue
            if RANKS.index(ranks[parent.name]) <= RANKS.index(rank):
                raise _rank_error(row.name, rank, parent.name, ranks[parent.name])
            nodes[row.name] = Node(row.name, row.chinese, rank, nodes[parent.name])
        return nodes

    def _parent(self, row: _Row) -> _Row | None:
        """Return the row of a parent, which is given by a name, or by a synonym of a mineral."""
        if not row.parent:
            return None
        parent = self._rows.get(name_key(row.parent))
        if parent is None and (mineral := self._minerals.find(row.parent)):
            parent = self._rows[name_key(mineral.name)]
        if parent is None:
            raise DataError(
                tr(
                    f"Table of minerals, {row.name}: the parent {row.parent} is neither a mineral "
                    "of the table nor a group of the taxonomy. Correct it, or leave it empty.",
                    f"矿物表中的 {row.name}：parent {row.parent} 既不是表中的矿物，也不是分类中的"
                    "族或类。请更正，或留空。",
                )
            )
        return parent


class _Row(NamedTuple):
    """What a table says about a node; "" for what it does not say."""

    name: str
    chinese: str
    rank: str
    parent: str


_NO_ROW = _Row("", "", "", "")


def _rank(row: _Row, parent: _Row | None) -> str:
    """Return the rank of a node: as given, or by that of its parent."""
    if row.rank:
        return row.rank
    is_below_species = parent is not None and (parent.rank or "species") == "species"
    return "variety" if is_below_species else "species"


def _rank_error(name: str, rank: str, parent: str, parent_rank: str) -> DataError:
    return DataError(
        tr(
            f"Table of minerals, {name}: its rank ({rank}) must be below that of its parent "
            f"{parent} ({parent_rank}). Change rank or parent; from the lowest, ranks are "
            f"{', '.join(RANKS)}.",
            f"矿物表中的 {name}：其 rank（{rank}）必须低于 parent {parent} 的 rank"
            f"（{parent_rank}）。请修改 rank 或 parent；由低到高依次为 {'、'.join(RANKS)}。",
        )
    )
