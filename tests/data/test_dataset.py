"""The dataset of a prepared folder, and what is wrong with folders that are not."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from mineral_recog.data.dataset import files_in, read_split
from mineral_recog.errors import UserError
from tests.conftest import write_photos
from tests.tars import write_tar


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


def test_counts_come_from_names(data: Path) -> None:
    dataset = read_split(data, "train")
    assert dataset.classes == ("agate", "beryl", "copper")
    assert dataset.counts.tolist() == [12, 6, 3]
    assert len(dataset) == len(dataset.paths) == 21
    assert dataset.where(20) == str(data / "train" / "copper" / "2.png")
    assert dataset.labels[20] == 2


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


def test_a_class_folder_that_links_upwards_is_told(data: Path) -> None:
    (data / "train" / "loop").symlink_to(data, target_is_directory=True)
    with pytest.raises(UserError, match=r"loop links back.*remove the link"):
        read_split(data, "train")


def test_photos_in_shards_are_told_by_shard_and_name(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "train" / "0.tar", {"a.cls": b"opal", "a.jpg": b"xyz"})
    dataset = read_split(tmp_path, "train")
    assert dataset.where(0) == f"{shard}: opal/a.jpg"
    assert dataset.stamp(0) == (3, shard.stat().st_mtime_ns)


def test_folders_beside_shards_are_told(data: Path) -> None:
    write_tar(data / "train" / "0.tar", {"a.cls": b"opal", "a.jpg": b""})
    with pytest.raises(UserError, match="tar files beside folders, agate the first"):
        read_split(data, "train")


def test_a_photo_in_a_shard_without_a_class_is_told(tmp_path: Path) -> None:
    write_tar(tmp_path / "train" / "0.tar", {"a.cls": b"opal", "a.jpg": b"", "b.jpg": b""})
    with pytest.raises(UserError, match=r"without a class: give it a \.cls: 'b\.jpg'"):
        read_split(tmp_path, "train")


def test_a_link_in_a_shard_is_no_photo(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "train" / "0.tar", {"a.cls": b"opal", "a.jpg": b""})
    for name in ("notes.txt", "b.jpg"):
        with tarfile.open(path, "a") as tar:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "a.jpg"
            tar.addfile(link)
        if name == "notes.txt":
            assert list(read_split(tmp_path, "train").paths) == ["opal/a.jpg"]
    with pytest.raises(UserError, match=r"no file \(link\): 'b\.jpg'"):
        read_split(tmp_path, "train")


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: not name.startswith(".") and "." not in name)


@given(st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True), min_size=1))
def test_whatever_folders_are_called_each_photo_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, classes: dict[str, list[str]]
) -> None:
    data = tmp_path_factory.mktemp("data")
    try:
        for name, photos in classes.items():
            (data / "train" / name).mkdir(parents=True)
            for photo in photos:
                (data / "train" / name / f"{photo}.png").write_bytes(photo.encode())
    except OSError:
        reject()  # a name too long in bytes, or two that the system takes for one
    try:
        dataset = read_split(data, "train")
    except UserError as error:
        assert str(error).isprintable()
        assert not all(name.isprintable() for name in classes)
        return
    assert dataset.classes == tuple(sorted(classes))
    expected = sorted((name, f"{photo}.png") for name, own in classes.items() for photo in own)
    found = [(dataset.classes[dataset.labels[i]], dataset.paths[i]) for i in range(len(dataset))]
    assert sorted(found) == [(name, f"{name}/{photo}") for name, photo in expected]
    assert dataset.counts.tolist() == [len(classes[name]) for name in dataset.classes]
    order = np.random.default_rng(0).permutation(len(dataset))
    assert dataset.some(order).fingerprint() == dataset.fingerprint()
