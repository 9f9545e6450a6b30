"""Specimens found in names or listed by the source, and joined with copies."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest

from mineral_recog.cli.specimen_lines import specimen_lines
from mineral_recog.curation.duplicate_handling import ClassAssignment
from mineral_recog.curation.preparation import SHARES
from mineral_recog.curation.specimens import (
    SpecimenPattern,
    find_specimens,
    join_groups,
    report_specimens,
    write_specimens,
)
from mineral_recog.errors import UserError
from tests.curation.fake_source import FakeSource


@pytest.mark.parametrize(
    ("pattern", "path", "specimen"),
    [
        ("{specimen}-*", "stone12-1.jpg", "stone12"),
        ("{specimen}-*", "box 3/stone12-1.jpg", "stone12"),
        ("{specimen}-*", "blue-quartz-12-1.jpg", "blue-quartz-12"),
        ("{specimen}-*", "stone12.jpg", None),
        ("{specimen}-*", "-1.jpg", None),
        ("{specimen}_*.jpg", "IMG_001_a.JPG", "IMG_001"),
        ("{specimen}_*.jpg", "IMG_001_a.png", None),
        ("{specimen} (*", "石英 7 (2).jpeg", "石英 7"),
        ("{specimen}[a-z].*", "12B.jpg", "12"),
        ("{specimen}[a-z].*", "12.jpg", None),
        ("{specimen}_?.*", "3_10.jpg", None),
        ("view[1] {specimen}.*", "view1 a.b.jpg", "a.b"),
        ("a.+{specimen}.*", "a.+b.jpg", "b"),
        ("{specimen}/*", "stone12/1.jpg", "stone12"),
        ("{specimen}/*", "stone12/wet/1.jpg", "stone12"),
        ("{specimen}/*", "1.jpg", None),
        ("*/{specimen}/*", "museum/stone12/1.jpg", "stone12"),
        ("*/{specimen}/*", "stone12/1.jpg", None),
        ("{specimen}/*.jpg", "stone12/wet/1.jpg", None),
        ("*/{specimen}-*", "box/stone12-1.jpg", "stone12"),
        ("gre\u0300s {specimen}-*", "gr\u00e8s 4-1.jpg", "4"),
    ],
)
def test_specimen_in_a_name(pattern: str, path: str, specimen: str | None) -> None:
    assert SpecimenPattern(pattern).specimen(path) == specimen


@pytest.mark.parametrize("pattern", ["", "*-*", "{Specimen}-*", "{specimen}-{specimen}", "{}-*"])
def test_pattern_without_a_specimen_is_reported(pattern: str) -> None:
    with pytest.raises(UserError, match=r"write \{specimen\} once"):
        SpecimenPattern(pattern)


def source_of(*paths: str) -> FakeSource:
    source = FakeSource()
    source.paths = paths
    return source


def test_specimens_of_two_classes_are_different_and_those_of_a_list_are_not() -> None:
    source = source_of("opal/1-a.jpg", "opal/1-b.jpg", "gold/1-a.jpg", "gold/other.jpg")
    assert find_specimens(source, source.paths, "{specimen}-*") == {
        "opal/1-a.jpg": "opal/1",
        "opal/1-b.jpg": "opal/1",
        "gold/1-a.jpg": "gold/1",
    }
    assert find_specimens(source, source.paths, None) == {}
    source.specimens = {"opal/1-a.jpg": "gr\u00e8s", "gold/1-a.jpg": "gre\u0300s"}
    assert set(find_specimens(source, source.paths, None).values()) == {"gr\u00e8s"}


def test_folder_of_a_given_split_is_not_part_of_the_path() -> None:
    source = source_of("opal/train/7/1.jpg", "opal/test/7/2.jpg", "opal/train/8/1.jpg")
    source.splits = {path: path.split("/")[1] for path in source.paths}
    found = find_specimens(source, source.paths, "{specimen}/*")
    assert list(found.values()) == ["opal/7", "opal/7", "opal/8"]


def test_path_of_a_list_begins_below_the_folder_of_the_class() -> None:
    source = source_of("opal/images/opal/7/1.jpg", "opal/images/opal/7/2.jpg", "opal/8/1.jpg")
    found = find_specimens(source, source.paths, "{specimen}/*")
    assert list(found.values()) == ["opal/7", "opal/7", "opal/8"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{specimen}#*", r"matches no photo; it is compared with names such as IMG_1\.jpg"),
        ("{specimen}/*", r"matches no photo; it is compared with names such as IMG_1\.jpg"),
        ("{specimen}.*", r"puts no two photos together; in IMG_1\.jpg, \{specimen\} is IMG_1"),
        ("{specimen}_*", r"all photos of a class into one specimen; in IMG_1\.jpg, .* is IMG\."),
    ],
)
def test_useless_pattern_is_reported(pattern: str, message: str) -> None:
    source = source_of(*(f"{name}/IMG_{n}.jpg" for name in ("opal", "gold") for n in range(1, 4)))
    with pytest.raises(UserError, match=message):
        find_specimens(source, source.paths, pattern)


def assignment(
    class_paths: dict[str, list[str]],
    duplicate_set_of: dict[str, int],
    train_only: Iterable[int] = (),
) -> ClassAssignment:
    return ClassAssignment(class_paths, [], duplicate_set_of, frozenset(train_only), class_paths)


def test_copies_and_specimens_that_overlap_are_joined() -> None:
    photos = {"opal": ["a1", "a2", "b1", "b2", "c1", "alone"], "gold": ["d1", "e1"]}
    specimen_of = {photo: photo[0] for photo in ("a1", "a2", "b1", "b2", "c1", "d1")}
    copies = {"a2": 0, "b1": 0, "c1": 1, "e1": 1, "gone": 0}
    group_of, train_only = join_groups(assignment(photos, copies, [1]), specimen_of)
    members: dict[object, str] = {}
    for photo, group in group_of.items():
        members[group] = members.get(group, "") + photo
    assert sorted(members.values()) == ["a1a2b1b2", "c1e1", "d1"]
    assert train_only == {group_of["e1"]}


def test_without_specimens_only_copies_stay_together() -> None:
    plain = assignment({"opal": ["a"]}, {"a": 0}, [0])
    assert join_groups(plain, {}) == (plain.duplicate_set_of, plain.train_only)
    assert join_groups(assignment({"opal": ["a"]}, {}), {"gone": "x"}) == ({}, ())


def test_specimen_with_most_photos_of_a_class_is_reported() -> None:
    class_paths = {"opal": list("abcde"), "gold": list("fghi")}
    specimen_of = {"a": "IMG", "b": "IMG", "c": "IMG", "f": "x", "g": "x"}
    splits_of = {
        name: {"train": paths, "val": [], "test": []} for name, paths in class_paths.items()
    }
    source = source_of()
    report = report_specimens(source, "p", specimen_of, class_paths, splits_of, (), SHARES)
    assert report is not None
    assert report.dominant == ["IMG"]
    assert report.others == ["d", "e", "h", "i"]
    (line,) = [
        text for text in specimen_lines(report, False, Path("d")) if "more than half" in text
    ]
    assert line.endswith("of their class: IMG: check that each is one specimen")


def test_every_placed_photo_has_a_specimen(tmp_path: Path) -> None:
    placed = [("opal/1.jpg", "train/opal/1.jpg"), ("opal/Z\udce9.jpg", "test/opal/Z\udce9.jpg")]
    write_specimens(tmp_path / "specimens.csv", placed, {"opal/1.jpg": "opal/7"})
    with (tmp_path / "specimens.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["photo", "specimen"],
            ["test/opal/Z\\udce9.jpg", "opal/Z\\udce9.jpg"],
            ["train/opal/1.jpg", "opal/7"],
        ]
