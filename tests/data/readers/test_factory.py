"""What a path is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.folder_reader import FolderPhotos
from mineral_recog.data.readers.list_reader import ManifestPhotos
from mineral_recog.errors import UserError


def write(path: Path, text: str = "path,label\na.png,opal\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_folders_and_lists(tmp_path: Path) -> None:
    write(tmp_path / "plain" / "opal" / "a.png")
    write(tmp_path / "plain" / "backup.tar")  # beside photos: not what is meant
    write(tmp_path / "list" / "a.csv")
    write(tmp_path / "hugging" / "metadata.csv")
    assert isinstance(open_source(tmp_path / "plain"), FolderPhotos)
    assert isinstance(open_source(tmp_path / "list" / "a.csv"), ManifestPhotos)
    source = open_source(tmp_path / "hugging")
    assert isinstance(source, ManifestPhotos)
    assert source.root == tmp_path / "hugging"
    assert source.photos == ("opal/a.png",)


def test_paths_that_are_no_source(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / "b.folders")
    for path in (tmp_path / "none", tmp_path / "a.txt", tmp_path / "b.folders"):
        with pytest.raises(UserError, match=r"is not a folder of photos.*\.csv, \.json"):
            open_source(path)
