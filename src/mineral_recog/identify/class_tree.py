"""The classes of a model as the leaves of a tree, whose nodes join them by the taxonomy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.identify.fact_text import Text
from mineral_recog.minerals.taxonomy import RANKS, ROCKS, Node, Taxonomy

Level = Literal["species", "group", "class"]
LEVELS: tuple[Level, ...] = get_args(Level)
_Key = int | Node  # of a class of the model, by its index, or of a node


@dataclass(frozen=True)
class Name:
    """What an answer can say: a class of the model, or a node that joins several.

    Attributes:
        name: Name of the class, or English name of the node.
        names: Names in both languages.
        rank: One of `taxonomy.RANKS`; None for a class that the taxonomy lacks.
        labels: Indices of the classes that it stands for.
        phrase: The name as it stands in a sentence, such as "a garnet".
    """

    name: str
    names: Text
    rank: str | None
    labels: tuple[int, ...]
    phrase: Text


class ClassTree:
    """The names of one level, which are the leaves, and the nodes above that join several.

    At the level `group` almandine and pyrope are one leaf, garnet; a mineral that belongs to no
    group, and a class that the taxonomy lacks, is a leaf of its own. A node that would join a
    single leaf is left out, and so is one that joins the same leaves as a node below it.

    Args:
        classes: Names of the C classes.
        taxonomy: The taxonomy.
        level: The level of the leaves; None if each class is a leaf.

    Attributes:
        names: The N names; leaves come first.
        leaf_count: Number of leaves.
        leaf_of_class: Number of the leaf that each class belongs to, [C].
        children: Numbers of the names directly below each name, N.
        heights: Height of the rank of each name, [N]; 0 for leaves.
    """

    def __init__(self, classes: Sequence[str], taxonomy: Taxonomy, level: Level | None) -> None:
        nodes = [taxonomy.find(name) for name in classes]
        chains = [_chain(label, node, level) for label, node in enumerate(nodes)]
        labels: dict[_Key, list[int]] = {}
        for label, chain in enumerate(chains):
            for key in chain:
                labels.setdefault(key, []).append(label)
        leaves = list(dict.fromkeys(chain[0] for chain in chains))
        keys = leaves + _joining_nodes(labels, chains)
        self.names = tuple(
            _node_name(key, labels[key])
            if isinstance(key, Node)
            else _class_name(key, classes[key], nodes[key])
            for key in keys
        )
        self.leaf_count = len(leaves)
        numbers = {key: number for number, key in enumerate(keys)}
        self.leaf_of_class = np.array([numbers[chain[0]] for chain in chains])
        below: list[set[int]] = [set() for _ in keys]
        for chain in chains:
            for low, high in pairwise(numbers[key] for key in chain if key in numbers):
                below[high].add(low)
        self.children = tuple(tuple(sorted(numbers)) for numbers in below)
        self.members = np.zeros((len(keys), len(classes)))
        for number, key in enumerate(keys):
            self.members[number, labels[key]] = 1
        joining = [name.rank or "" for name in self.names[self.leaf_count :]]
        self.heights = np.array([0] * self.leaf_count + [1 + RANKS.index(r) for r in joining])

    def sums(self, probabilities: Floats) -> Floats:
        """Return the probabilities of the names, [M, N], from those of the classes, [M, C]."""
        result: Floats = probabilities @ self.members.T
        return result

    def choose(self, sums: Floats, threshold: float) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return the lowest names that reach a probability.

        Args:
            sums: Probabilities of the names, [M, N].
            threshold: The probability to reach.

        Returns:
            Number of the name for each of the M answers, and whether it reaches the probability.
            If none does, the name is the most probable leaf.
        """
        reaching = sums >= threshold
        # Of several on one level, which a threshold below one half allows, the most probable one.
        best = np.where(reaching, sums - 2 * self.heights, -np.inf).argmax(axis=1)
        reached: npt.NDArray[np.bool_] = sums.max(axis=1) >= threshold
        return np.where(reached, best, sums[:, : self.leaf_count].argmax(axis=1)), reached


def _chain(label: int, node: Node | None, level: Level | None) -> tuple[_Key, ...]:
    """Return the leaf of a class at a level, and the nodes above it."""
    path = () if node is None else node.path
    if level is None:
        return (label, *path)
    within = [n for n, above in enumerate(path) if RANKS.index(above.rank) <= RANKS.index(level)]
    return path[within[-1] :] if within else (label, *path)


def _joining_nodes(labels: dict[_Key, list[int]], chains: Sequence[tuple[_Key, ...]]) -> list[_Key]:
    """Return the nodes that join several leaves, each set of leaves once, by its lowest node."""
    joining: dict[tuple[int, ...], _Key] = {}
    for chain in chains:
        for key in chain[1:]:
            if len({chains[label][0] for label in labels[key]}) > 1:
                joining.setdefault(tuple(labels[key]), key)
    return list(joining.values())


def _class_name(label: int, name: str, node: Node | None) -> Name:
    if node is None:
        names = {"en": name, "zh": name}
        return Name(name, names, None, (label,), names)
    phrase = {"en": _lower_first(node.name), "zh": node.chinese}
    return Name(name, node.names, node.rank, (label,), phrase)


def _node_name(node: Node, labels: Sequence[int]) -> Name:
    return Name(node.name, node.names, node.rank, tuple(labels), node_phrase(node))


def node_phrase(node: Node) -> Text:
    """Return how a node is called in a sentence."""
    english = _lower_first(node.name)
    if node.rank == "class":
        is_mineral = node.name != ROCKS
        return {"en": f"one of the {english}", "zh": node.chinese + "矿物" * is_mineral}
    if english.endswith(("group", "series")):
        return {"en": f"a mineral of the {english}", "zh": f"{node.chinese}矿物"}
    if node.rank in ("group", "series"):
        return {"en": f"{'an' if english[0] in 'aeiou' else 'a'} {english}", "zh": node.chinese}
    return {"en": english, "zh": node.chinese}


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
