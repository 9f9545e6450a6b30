"""The answer goes up to the most specific name that is as probable as asked, and no higher."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.identify.class_tree import ClassTree, Level
from mineral_recog.identify.roll_up import RollUp
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy

TAXONOMY = Taxonomy(read_minerals())
CLASSES = ("almandine", "pyrope", "quartz", "agate", "malachite", "biotite", "concrete", "topaz")
ROLL_UP = RollUp(CLASSES, TAXONOMY)


def probabilities(**of: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([of.get(name, 0.0) for name in CLASSES])


@pytest.mark.parametrize(
    ("level", "of", "expected", "text"),
    [
        (None, {"pyrope": 0.95, "topaz": 0.05}, "pyrope", "Most likely pyrope, 95 %."),
        (
            None,
            {"almandine": 0.61, "pyrope": 0.32, "concrete": 0.07},
            "Garnet",
            "A garnet, 93 %; most likely almandine, 61 %.",
        ),
        (None, {"quartz": 0.6, "agate": 0.35}, "Quartz", "Quartz, 95 %."),
        (
            None,
            {"quartz": 0.35, "agate": 0.6},
            "Quartz",
            "Quartz, 95 %; most likely agate, 60 %.",
        ),
        (
            None,
            {"almandine": 0.5, "biotite": 0.25, "topaz": 0.2, "concrete": 0.05},
            "Silicates",
            "One of the silicates, 95 %; most likely almandine, 50 %.",
        ),
        # A node with a single class of the model says nothing more than that class.
        (None, {"biotite": 0.8, "concrete": 0.2}, "biotite", "Most likely biotite, 80 %."),
        (None, {"concrete": 0.6, "topaz": 0.4}, "concrete", "Most likely concrete, 60 %."),
        ("species", {"agate": 0.95}, "Quartz", "Quartz, 95 %."),
        ("group", {"biotite": 0.95}, "Mica", "Most likely a mica, 95 %."),
        ("group", {"pyrope": 0.5, "concrete": 0.5}, "Garnet", "Most likely a garnet, 50 %."),
        (
            None,
            {"concrete": 0.4, "topaz": 0.3},
            "concrete",
            "Not certain; most likely concrete, 40 %.",
        ),
        ("group", {"concrete": 0.96}, "concrete", "Most likely concrete, 96 %."),
        ("group", {"topaz": 0.96}, "Topaz", "Most likely topaz, 96 %."),
        (
            "class",
            {"malachite": 0.999},
            "Carbonates and nitrates",
            "Most likely one of the carbonates and nitrates, > 99 %.",
        ),
    ],
)
def test_answer_at_the_right_level(
    level: Level | None, of: dict[str, float], expected: str, text: str
) -> None:
    answer = ROLL_UP.answer(probabilities(**of), 0.9, level)
    assert answer.whole.name.name == expected
    assert answer.text["en"] == text


def test_rocks_are_rolled_up() -> None:
    rocks = RollUp(("granite", "basalt", "marble"), TAXONOMY)
    igneous = rocks.answer(np.array([0.5, 0.45, 0.05]), 0.9)
    assert igneous.text["en"] == "An igneous rock, 95 %; most likely granite, 50 %."
    text = rocks.answer(np.array([0.5, 0.2, 0.3]), 0.9).text
    assert text["en"].startswith("One of the rocks and glasses, ")
    assert "岩石和玻璃类" in text["zh"]
    assert "矿物" not in text["zh"]


def test_parts_of_an_answer() -> None:
    of = {"almandine": 0.2, "pyrope": 0.3, "biotite": 0.25, "topaz": 0.2}
    silicates = ROLL_UP.answer(probabilities(**of), 0.9)
    parts = [(part.name.name, round(part.probability, 6)) for part in silicates.parts]
    assert parts == [("Garnet", 0.5), ("biotite", 0.25), ("topaz", 0.2)]
    assert silicates.first.name.name == "pyrope"
    garnet = ROLL_UP.answer(probabilities(almandine=0.35, pyrope=0.6), 0.9, "group")
    assert [part.name.name for part in garnet.parts] == ["pyrope", "almandine"]
    assert garnet.text["zh"] == "属于石榴石，95%。"
    written = garnet.to_dict(top=1)
    assert (written["name"], written["rank"], written["reached"]) == ("Garnet", "group", True)
    assert [part["name"] for part in written["parts"]] == ["pyrope"]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.9, 0.999])
def test_no_more_specific_name_reaches_the_probability(threshold: float) -> None:
    rng = np.random.default_rng(0)
    given = rng.dirichlet(np.full(len(CLASSES), 0.3), size=500)
    tree = ClassTree(CLASSES, TAXONOMY, None)
    sums = tree.sums(given)
    chosen, reached = tree.choose(sums, threshold)
    assert 0 < reached.mean() <= 1
    for row, number, is_reached in zip(sums, chosen, reached, strict=True):
        assert (row[number] >= threshold) == is_reached
        labels = set(tree.names[number].labels)
        below = [n for n, name in enumerate(tree.names) if labels > set(name.labels)]
        assert not any(row[n] >= threshold for n in below)


def test_set_is_named_by_nodes_whose_classes_are_all_in_it() -> None:
    classes = ("almandine", "pyrope", "topaz", "grossular", "copper")
    roll_up = RollUp(classes, TAXONOMY)

    def names(*labels: int) -> list[str]:
        return [name.name for name in roll_up.shortest(labels)]

    assert names(4, 1, 3, 0) == ["copper", "Garnet"]
    assert names(2, 1, 0) == ["topaz", "pyrope", "almandine"]  # without grossular
    assert names(2, 1, 0, 3) == ["Silicates"]
    assert names(4) == ["copper"]


def test_class_that_is_no_mineral_of_the_table_may_be_a_node() -> None:
    roll_up = RollUp(("mica", "biotite", "concrete"), TAXONOMY)
    answer = roll_up.answer(np.array([0.5, 0.45, 0.05]), 0.9)
    assert (answer.whole.name.name, answer.whole.name.names["zh"]) == ("Mica", "云母")
    assert answer.text["en"] == "A mica, 95 %."
