"""Sizes of classes, and classes left out or refused for having too few photos or specimens."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.curation.class_sizes import (
    ClassSize,
    class_sizes,
    classes_tested_once,
    describe_size,
    leave_out_small,
    refuse_undivided,
)
from mineral_recog.curation.duplicate_handling import ClassAssignment
from mineral_recog.curation.specimens import Groups, join_groups
from mineral_recog.errors import UserError

PHOTOS = {
    "opal": [f"opal/{n}" for n in range(12)],  # of two specimens
    "gold": ["gold/0", "gold/1", "gold/2", "gold/3"],  # 0 and 1 are copies
    "agate": ["agate/0", "agate/1", "agate/2"],
}
ASSIGNMENT = ClassAssignment(PHOTOS, [], {"gold/0": 0, "gold/1": 0}, frozenset(), dict(PHOTOS))
GROUPS = join_groups(ASSIGNMENT, {path: f"opal {int(path[5:]) % 2}" for path in PHOTOS["opal"]})
SIZES = class_sizes([*PHOTOS, "none"], ASSIGNMENT, GROUPS)


def test_copies_and_specimens_count_as_one() -> None:
    assert {
        "opal": ClassSize(12, 12, 2),
        "gold": ClassSize(4, 3, 3),
        "agate": ClassSize(3, 3, 3),
        "none": ClassSize(0, 0, 0),
    } == SIZES
    assert [describe_size(name, size) for name, size in SIZES.items()] == [
        "opal: 12 photos of 2 specimens",
        "gold: 4 photos, 3 without copies",
        "agate: 3 photos",
        "none: 0 photos",
    ]


def test_small_classes_are_left_out() -> None:
    kept, small = leave_out_small(ASSIGNMENT, SIZES, 3)
    assert list(kept.class_paths) == list(kept.all_class_paths) == ["gold", "agate"]
    assert list(small) == ["opal", "none"]
    with pytest.raises(UserError, match="--min-photos 4 leaves 0 of 4 classes"):
        leave_out_small(ASSIGNMENT, SIZES, 4)


def test_classes_with_one_test_photo_or_specimen() -> None:
    splits_of = {
        name: {"train": [], "val": [], "test": photos} for name, photos in {
            "opal": ["opal/0", "opal/2"], "gold": ["gold/0", "gold/1"], "agate": PHOTOS["agate"],
        }.items()
    }  # fmt: skip
    assert classes_tested_once(splits_of, GROUPS) == ["opal", "gold"]
    assert classes_tested_once(splits_of, Groups({}, ())) == []


def test_classes_whose_specimens_cannot_be_divided_are_named() -> None:
    splits_of = {
        "opal": {"train": PHOTOS["opal"][::2], "val": PHOTOS["opal"][1::2], "test": []},
        "agate": {"train": ["agate/0"], "val": ["agate/1"], "test": ["agate/2"]},
    }
    with pytest.raises(UserError, match=r": opal: 12 photos of 2 specimens\. Add photos of other"):
        refuse_undivided(Path("photos"), splits_of, SIZES)
