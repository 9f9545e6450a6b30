"""Photos that are added to those of a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.data.readers.aliases import open_with_aliases
from mineral_recog.errors import DataError
from tests.data.readers.source_files import contents, write_files


def write_list(folder: Path, *rows: str, columns: str = "path,label,specimen") -> Path:
    file = folder / "corrections.csv"
    file.write_text("\n".join([columns, *rows]), encoding="utf-8")
    return file


def test_added_photos_join_their_classes_and_keep_their_specimens(tmp_path: Path) -> None:
    photos, more = tmp_path / "photos", tmp_path / "more"
    write_files(photos, "opal/1.png", "gold/1.png", "gold/notes.txt")
    write_files(more, "gold/1.png", "gold/2.png", "azurite/1.png")
    rows = ("gold/1.png,gold,s", "gold/2.png,gold,s", "azurite/1.png,azurite,t")
    source = open_with_aliases(photos, added=[write_list(more, *rows)]).source
    assert source.classes == ("azurite", "gold", "opal")
    assert contents(source) == {
        "azurite/added/1.png": b"azurite/1.png",
        "gold/1.png": b"gold/1.png",
        "gold/added/1.png": b"gold/1.png",
        "gold/added/2.png": b"gold/2.png",
        "opal/1.png": b"opal/1.png",
    }
    assert source.file("gold/added/2.png") == more / "gold/2.png"
    assert source.path_in_class("gold/added/2.png") == "2.png"
    assert source.specimens == {
        "azurite/added/1.png": "t", "gold/added/1.png": "s", "gold/added/2.png": "s"
    }  # fmt: skip
    assert source.splits == {}
    assert source.other_files == {".txt": 1}
    assert f"Added from {more / 'corrections.csv'}: 3 photos" in source.notes


def test_added_photos_are_for_training_where_splits_are_given(tmp_path: Path) -> None:
    photos, more = tmp_path / "photos", tmp_path / "more"
    write_files(photos, "train/opal/1.png", "test/opal/2.png")
    write_files(more, "opal/1.png")
    added = write_list(more, "opal/1.png,opal,s")
    source = open_with_aliases(photos, added=[added]).source
    assert source.splits["opal/added/1.png"] == "train"
    assert sorted(source.splits.values()) == ["test", "train", "train"]

    write_files(tmp_path / "unsplit", "opal/1.png")
    split = write_list(more, "opal/1.png,opal,test", columns="path,label,split")
    with pytest.raises(DataError, match="remove its column of splits"):
        open_with_aliases(tmp_path / "unsplit", added=[split])
