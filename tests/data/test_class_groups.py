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
