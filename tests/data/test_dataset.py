"""Datasets are read from prepared folders and shards; errors in them are reported."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from mineral_recog.data.dataset import files_in, read_split
from mineral_recog.data.system_files import is_visible
from mineral_recog.errors import UserError
from tests.conftest import write_photos
from tests.tars import write_tar


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


def test_prepared_folder_is_read(data: Path) -> None:
    dataset = read_split(data, "train")
    assert dataset.classes == ("agate", "beryl", "copper")
    assert dataset.counts.tolist() == [12, 6, 3]
    assert len(dataset) == len(dataset.paths) == 21
    assert dataset.display_path(20) == str(data / "train" / "copper" / "2.png")
    assert dataset.labels[20] == 2


def test_files_are_listed_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/c/1.png", "b-1.png", "a.png", ".hidden.png", ".git/x.png",
                 "b/@eaDir/2.png", "#recycle/3.png", "Thumbs.db"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_in(tmp_path) == ["a.png", "b-1.png", "b/2.png", "b/c/1.png"]


def test_fingerprint_is_of_names_and_sizes(tmp_path: Path) -> None:
    for name, size in {"b/1.png": 3, "b-1/2.png": 12}.items():
        (tmp_path / "train" / name).parent.mkdir(parents=True)
        (tmp_path / "train" / name).write_bytes(b"x" * size)
    # In the order of their paths as text, not in the order of their classes.
    expected = hashlib.sha256(b"b-1/2.png\x0012\nb/1.png\x003\n").hexdigest()
    assert read_split(tmp_path, "train").fingerprint() == expected


def test_fingerprint_changes_with_the_photos(data: Path) -> None:
    before = read_split(data, "train").fingerprint()
    assert before == read_split(data, "train").fingerprint()
    (data / "train" / "copper" / "2.png").write_bytes(b"another size")
    assert read_split(data, "train").fingerprint() != before


def test_folders_of_systems_are_no_classes(data: Path) -> None:
    before = read_split(data, "train")
    for name in ("@eaDir", "copper/@eaDir", "copper/$RECYCLE.BIN"):
        shutil.copytree(data / "train" / "agate", data / "train" / name)
    after = read_split(data, "train", before.classes)
    assert (after.classes, after.paths) == (before.classes, before.paths)


def test_missing_split_is_reported(data: Path) -> None:
    shutil.rmtree(data / "val")
    with pytest.raises(UserError, match=r"no folder val.*prepare"):
        read_split(data, "val")


def test_empty_split_is_reported(data: Path) -> None:
    shutil.rmtree(data / "val")
    (data / "val").mkdir()
    with pytest.raises(UserError, match="is empty"):
        read_split(data, "val")


def test_class_without_photos_is_reported(data: Path) -> None:
    shutil.rmtree(data / "train" / "beryl")
    (data / "train" / "beryl").mkdir()
    with pytest.raises(UserError, match="beryl has no photos"):
        read_split(data, "train")


def test_classes_that_differ_from_training_are_reported(data: Path) -> None:
    classes = read_split(data, "train").classes
    shutil.rmtree(data / "val" / "copper")
    write_photos(data / "val" / "gold", 1, 1)
    with pytest.raises(UserError, match="lacks copper and has gold"):
        read_split(data, "val", classes)


def test_class_folder_that_links_to_a_parent_is_reported(data: Path) -> None:
    (data / "train" / "loop").symlink_to(data, target_is_directory=True)
    with pytest.raises(UserError, match=r"loop links back.*remove the link"):
        read_split(data, "train")


def test_tar_files_are_to_be_unpacked_first(tmp_path: Path) -> None:
    write_tar(tmp_path / "train" / "0.tar", {"0.cls": b"opal", "0.jpg": b""})
    with pytest.raises(UserError, match=r"holds tar files.*mineral-recog prepare"):
        read_split(tmp_path, "train")


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: is_visible(name) and "." not in name)


@given(st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True), min_size=1))
def test_each_photo_is_read_once_whatever_the_folder_names(
    tmp_path_factory: pytest.TempPathFactory, classes: dict[str, list[str]]
) -> None:
    data = tmp_path_factory.mktemp("data")
    try:
        for name, stems in classes.items():
            (data / "train" / name).mkdir(parents=True)
            for stem in stems:
                (data / "train" / name / f"{stem}.png").write_bytes(stem.encode())
    except OSError:
        reject()  # a name is too long in bytes, or the file system treats two names as equal
    try:
        dataset = read_split(data, "train")
    except UserError as error:
        assert str(error).isprintable()
        assert not all(name.isprintable() for name in classes)
        return
    assert dataset.classes == tuple(sorted(classes))
    expected = sorted((name, f"{stem}.png") for name, stems in classes.items() for stem in stems)
    pairs = [(dataset.classes[dataset.labels[i]], dataset.paths[i]) for i in range(len(dataset))]
    assert sorted(pairs) == [(name, f"{name}/{file}") for name, file in expected]
    assert dataset.counts.tolist() == [len(classes[name]) for name in dataset.classes]
    order = np.random.default_rng(0).permutation(len(dataset))
    assert dataset.subset(order).fingerprint() == dataset.fingerprint()
