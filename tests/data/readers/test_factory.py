"""Tests of how `open_source` recognises the format of a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.list_reader import ListSource
from mineral_recog.errors import UserError


def write(path: Path, text: str = "path,label\na.png,opal\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_folders_and_lists_are_recognised(tmp_path: Path) -> None:
    write(tmp_path / "plain" / "opal" / "a.png")
    write(tmp_path / "plain" / "backup.tar")  # ignored, since there are photos
    write(tmp_path / "list" / "a.csv")
    write(tmp_path / "metadata" / "metadata.csv")
    assert isinstance(open_source(tmp_path / "plain"), FolderSource)
    assert isinstance(open_source(tmp_path / "list" / "a.csv"), ListSource)
    source = open_source(tmp_path / "metadata")
    assert isinstance(source, ListSource)
    assert source.root == tmp_path / "metadata"
    assert source.paths == ("opal/a.png",)


def test_path_without_photos_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / "b.folders")
    for path in (tmp_path / "none", tmp_path / "a.txt", tmp_path / "b.folders"):
        with pytest.raises(UserError, match=r"is not a folder of photos.*\.csv, \.json"):
            open_source(path)
