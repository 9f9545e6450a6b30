"""Class names brought to one: by the shipped table, and by a user's on top of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.data.readers.aliases import Renamed, new_names, read_aliases
from mineral_recog.data.readers.folder_reader import FolderPhotos
from mineral_recog.errors import UserError
from mineral_recog.minerals.facts import read_minerals


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "own.csv"
    path.write_text("\n".join(("alias,name", *rows)), encoding="utf-8-sig")
    return path


def test_names_by_the_shipped_table() -> None:
    classes = ("Quartz", "albite", "钠长石", "cleavelandite", "rock", "ROCK")
    assert new_names(classes, read_minerals()) == {
        "albite": "Albite",
        "钠长石": "Albite",
        "cleavelandite": "Albite",
    }


def test_a_users_table_goes_first(tmp_path: Path) -> None:
    own = read_aliases(table(tmp_path, "Fool's gold,Pyrite", "albite,plagioclase", "Rock,stone"))
    classes = ("fools gold", "Albite", "钠长石", "ROCK", "Plagioclase", "Stone", "gold")
    assert new_names(classes, read_minerals(), own) == {
        "fools gold": "Pyrite",
        "Albite": "plagioclase",
        "钠长石": "Albite",
        "ROCK": "stone",
        "Plagioclase": "plagioclase",
        "Stone": "stone",
        "gold": "Gold",
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,b", "A,c"], "line 3: A goes to c here and to b by line 2"),
        (["a,b", "b,c"], "line 3: b goes to c here and to b by line 2"),
        (["a,"], "line 2: alias 'a', name ''"),
        (["a,../b"], "line 2: .*a name that a folder can have"),
        (["a"], "line 2: not as many cells"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_aliases(table(tmp_path, *rows))


def test_photos_under_new_names(tmp_path: Path) -> None:
    for name in ("train/Quartz/1.png", "train/石英/1.png", "test/Quartz/from 石英/train/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    source = Renamed(FolderPhotos(tmp_path), {"石英": "Quartz"})
    assert source.classes == ("Quartz",)
    assert source.splits == {
        "Quartz/from 石英/train/1.png": "train",
        "Quartz/test/from 石英/train/1.png": "test",
        "Quartz/train/1.png": "train",
    }
    assert source.photos == tuple(sorted(source.splits))
    with source.open("Quartz/from 石英/train/1.png") as file:
        assert file.read() == "train/石英/1.png".encode()
    assert source.file("Quartz/train/1.png") == tmp_path / "train" / "Quartz" / "1.png"


def test_a_new_name_that_is_taken(tmp_path: Path) -> None:
    for name in ("Quartz/from 石英/1.png", "石英/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    source = Renamed(FolderPhotos(tmp_path), {"石英": "Quartz"})
    assert source.photos == ("Quartz/from 石英/1 (2).png", "Quartz/from 石英/1.png")
    with source.open("Quartz/from 石英/1.png") as file:
        assert file.read() == "Quartz/from 石英/1.png".encode()
