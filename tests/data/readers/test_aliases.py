"""Tests of class names unified by the shipped table and by a user's table."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.data.readers.aliases import (
    RenamedSource,
    open_with_aliases,
    read_aliases,
    renamed_classes,
)
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.errors import UserError
from mineral_recog.minerals.facts import read_minerals
from tests.data.readers.source_files import write_files


def write_table(tmp_path: Path, *rows: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "aliases.csv"
    path.write_text("\n".join(("alias,name", *rows)), encoding="utf-8-sig")
    return path


def test_classes_are_renamed_by_shipped_table() -> None:
    classes = ("Quartz", "albite", "钠长石", "cleavelandite", "rock", "ROCK")
    assert renamed_classes(classes, read_minerals(), {}) == {
        "albite": "Albite",
        "钠长石": "Albite",
        "cleavelandite": "Albite",
    }


def test_user_table_has_priority(tmp_path: Path) -> None:
    user_aliases = read_aliases(
        write_table(tmp_path, "Fool's gold,Pyrite", "albite,plagioclase", "Rock,stone")
    )
    classes = ("fools gold", "Albite", "钠长石", "ROCK", "Plagioclase", "Stone", "gold")
    by_user = {
        "fools gold": "Pyrite",
        "Albite": "plagioclase",
        "ROCK": "stone",
        "Plagioclase": "plagioclase",
        "Stone": "stone",
    }
    assert renamed_classes(classes, None, user_aliases.names) == by_user
    by_both = {**by_user, "钠长石": "Albite", "gold": "Gold"}
    assert renamed_classes(classes, read_minerals(), user_aliases.names) == by_both


def test_own_table_alone_renames_no_other_class_and_reports_unused_rows(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    table = write_table(tmp_path, "fools gold,Pyrite", "granit,Granite")
    write_files(photos, "fools gold/1.png", "石英/1.png", "Quartz/1.png", "granite/1.png")
    opened = open_with_aliases(photos, [str(table)])
    assert opened.source.classes == ("Granite", "Pyrite", "Quartz", "石英")
    assert opened.unused == ["granit"]
    for aliases in ([str(table), "minerals"], ["minerals", str(table)]):
        opened = open_with_aliases(photos, aliases)
        assert opened.source.classes == ("Granite", "Pyrite", "Quartz")
        assert opened.unused == ["granit"]
    assert open_with_aliases(photos).renamed == {}


def test_first_of_several_own_tables_has_priority(tmp_path: Path) -> None:
    write_files(tmp_path / "photos", "a/1.png", "b/1.png")
    tables = [str(write_table(tmp_path / name, f"a,{name}")) for name in ("first", "second")]
    assert open_with_aliases(tmp_path / "photos", tables).source.classes == ("b", "first")


def test_classes_that_look_alike_become_one(tmp_path: Path) -> None:
    composed, decomposed = "gr\u00e8s", "gre\u0300s"
    write_files(tmp_path, f"{composed}/1.png", f"{decomposed}/1.png", "e\u0301b/1.png")
    source = open_with_aliases(tmp_path, ["minerals"]).source
    assert source.classes == ("e\u0301b", composed)
    assert source.paths[1:] == (f"{composed}/1.png", f"{composed}/from {decomposed}/1.png")


def test_specimens_attributes_and_paths_in_the_class_are_those_of_the_old_classes(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, "train/石英/7/1.png")
    plain = FolderSource(tmp_path)
    plain.specimens = {"石英/train/7/1.png": "stone 7"}
    plain.attributes = {"石英/train/7/1.png": "smoky"}
    source = RenamedSource(plain, {"石英": "Quartz"})
    assert source.specimens == {"Quartz/from 石英/train/7/1.png": "stone 7"}
    assert source.attributes == {"Quartz/from 石英/train/7/1.png": "smoky"}
    assert source.path_in_class(source.paths[0]) == "7/1.png"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,b", "A,c"], "line 3: A becomes c here and b in line 2"),
        (["a,b", "b,c"], "line 3: b becomes c here and b in line 2"),
        (["a,"], "line 2: alias 'a', name ''"),
        (["a,../b"], "line 2: .*name must be a valid folder name"),
        (["a"], "line 2: not as many cells"),
    ],
)
def test_invalid_table_is_reported(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_aliases(write_table(tmp_path, *rows))


def test_photos_of_renamed_classes_can_be_opened(tmp_path: Path) -> None:
    write_files(
        tmp_path, "train/Quartz/1.png", "train/石英/1.png", "test/Quartz/from 石英/train/1.png"
    )
    source = RenamedSource(FolderSource(tmp_path), {"石英": "Quartz"})
    assert source.classes == ("Quartz",)
    assert source.splits == {
        "Quartz/from 石英/train/1.png": "train",
        "Quartz/test/from 石英/train/1.png": "test",
        "Quartz/train/1.png": "train",
    }
    assert source.paths == tuple(sorted(source.splits))
    with source.open("Quartz/from 石英/train/1.png") as file:
        assert file.read() == "train/石英/1.png".encode()
    assert source.file("Quartz/train/1.png") == tmp_path / "train" / "Quartz" / "1.png"


def test_photo_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    write_files(tmp_path, "Quartz/from 石英/1.png", "石英/1.png")
    source = RenamedSource(FolderSource(tmp_path), {"石英": "Quartz"})
    assert source.paths == ("Quartz/from 石英/1 (2).png", "Quartz/from 石英/1.png")
    with source.open("Quartz/from 石英/1.png") as file:
        assert file.read() == "Quartz/from 石英/1.png".encode()
