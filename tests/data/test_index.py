"""The index of a prepared folder, and what is wrong with folders that are not."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from mineral_recog.data.index import files_in, read_split
from mineral_recog.errors import UserError
from tests.conftest import write_photos


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


def test_counts_come_from_names(data: Path) -> None:
    index = read_split(data, "train")
    assert index.classes == ("agate", "beryl", "copper")
    assert index.counts.tolist() == [12, 6, 3]
    assert len(index) == len(index.paths) == 21
    assert index.where(20) == str(data / "train" / "copper" / "2.png")
    assert index.labels[20] == 2


def test_files_are_listed_below_the_folder_in_order_and_hidden_ones_left_out(
    tmp_path: Path,
) -> None:
    for name in ("b/2.png", "b/c/1.png", "b-1.png", "a.png", ".hidden.png", ".git/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_in(tmp_path) == ["a.png", "b-1.png", "b/2.png", "b/c/1.png"]


def test_the_fingerprint_is_that_of_names_and_sizes(tmp_path: Path) -> None:
    for name, size in {"b/1.png": 3, "b-1/2.png": 12}.items():
        (tmp_path / "train" / name).parent.mkdir(parents=True)
        (tmp_path / "train" / name).write_bytes(b"x" * size)
    # In the order of their paths as text, not in that of their classes.
    wanted = hashlib.sha256(b"b-1/2.png\x0012\nb/1.png\x003\n").hexdigest()
    assert read_split(tmp_path, "train").fingerprint() == wanted


def test_the_fingerprint_changes_with_the_photos(data: Path) -> None:
    before = read_split(data, "train").fingerprint()
    assert before == read_split(data, "train").fingerprint()
    (data / "train" / "copper" / "2.png").write_bytes(b"another size")
    assert read_split(data, "train").fingerprint() != before


def test_a_missing_split_is_told(data: Path) -> None:
    shutil.rmtree(data / "val")
    with pytest.raises(UserError, match=r"no folder val.*prepare"):
        read_split(data, "val")


def test_an_empty_split_is_told(data: Path) -> None:
    shutil.rmtree(data / "val")
    (data / "val").mkdir()
    with pytest.raises(UserError, match="is empty"):
        read_split(data, "val")


def test_a_class_without_photos_is_told(data: Path) -> None:
    shutil.rmtree(data / "train" / "beryl")
    (data / "train" / "beryl").mkdir()
    with pytest.raises(UserError, match="beryl has no photos"):
        read_split(data, "train")


def test_other_classes_than_those_of_training_are_told(data: Path) -> None:
    classes = read_split(data, "train").classes
    shutil.rmtree(data / "val" / "copper")
    write_photos(data / "val" / "gold", 1, 1)
    with pytest.raises(UserError, match="lacks copper and has gold"):
        read_split(data, "val", classes)
