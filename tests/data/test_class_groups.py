"""Classes are assigned to head, medium and tail by each kind of rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.data.class_groups import class_groups
from mineral_recog.errors import UserError

NAMES = tuple("abcdefg")
COUNTS = (5, 500, 40, 80, 10, 200, 20)


def test_thirds_are_by_training_photos_with_tail_rounded_up() -> None:
    # Sorted by count: b f d c g e a, so two head, two medium, three tail.
    groups = class_groups("thirds", NAMES, COUNTS)
    assert dict(zip(NAMES, groups, strict=True)) == {
        "b": "head",
        "f": "head",
        "d": "medium",
        "c": "medium",
        "g": "tail",
        "e": "tail",
        "a": "tail",
    }


def test_thirty_six_classes_give_groups_of_twelve() -> None:
    groups = class_groups("thirds", [str(c) for c in range(36)], list(range(36)))
    assert [groups.count(group) for group in ("head", "medium", "tail")] == [12, 12, 12]


@pytest.mark.parametrize(
    ("counts", "groups"),
    [
        ((9, 9), "--"),
        ((4, 4, 4, 4, 4, 4), "------"),
        ((9, 5), "mt"),
        ((9, 9, 9, 9, 9, 9, 5), "hhhhhht"),
        ((9, 5, 5, 5, 5, 5, 5), "htttttt"),
        ((9, 8, 5, 5, 5, 5, 1), "hhttttt"),  # of the two middle fives, the latter decides
        ((9, 8, 5, 5, 5, 1, 1), "hhmmmtt"),
        ((9, 8, 7, 5, 5, 5, 5, 1, 1), "hhhmmmmtt"),
        ((9, 8, 8, 5, 4, 3, 2), "hmmmttt"),
        ((5, 8, 9, 8, 2, 3, 4), "mmhmttt"),
    ],
)
def test_classes_with_equal_counts_are_in_one_group(counts: tuple[int, ...], groups: str) -> None:
    names = {"h": "head", "m": "medium", "t": "tail", "-": ""}
    for order in (1, -1):  # whatever the names
        classes = [f"{number:02}" for number in range(len(counts))][::order]
        assert class_groups("thirds", classes, counts) == tuple(names[g] for g in groups)


def test_two_counts() -> None:
    groups = class_groups("100,20", NAMES, COUNTS)
    assert groups == ("tail", "head", "medium", "medium", "tail", "head", "medium")


def test_lists_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "groups.json"
    file.write_text('{"head": ["a"], "tail": ["b", "c"]}', encoding="utf-8")
    assert class_groups(str(file), NAMES, COUNTS) == ("head", "tail", "tail", *["medium"] * 4)
    file.write_text('{"head": ["a"], "tail": ["z"]}', encoding="utf-8")
    with pytest.raises(UserError, match="do not exist: z"):
        class_groups(str(file), NAMES, COUNTS)
    file.write_text('{"head": ["a"], "tail": ["a"]}', encoding="utf-8")
    with pytest.raises(UserError, match="both head and tail: a"):
        class_groups(str(file), NAMES, COUNTS)
    with pytest.raises(UserError, match="must not be below"):
        class_groups("20,100", NAMES, COUNTS)
    file.write_text('["a"]', encoding="utf-8")
    with pytest.raises(UserError, match="cannot be read as groups"):
        class_groups(str(file), NAMES, COUNTS)


@pytest.mark.parametrize("rule", ["halves", "100", "100,few", "²,³", ""])
def test_invalid_rule_is_reported(rule: str) -> None:
    with pytest.raises(UserError, match="thirds"):
        class_groups(rule, NAMES, COUNTS)
