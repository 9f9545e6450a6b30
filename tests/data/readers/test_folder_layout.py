"""Tests of which folders are read as classes and as splits, what is noted, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.errors import UserError
from tests.data.readers.source_files import write_files


def in_each(folders: str, *classes: str) -> list[str]:
    """Return a photo of each class in each folder."""
    return [f"{folder}/{name}/a.png" for folder in folders.split() for name in classes]


def splits_by_folder(source: FolderSource) -> dict[str, str]:
    return {path.split("/")[1]: split for path, split in source.splits.items()}


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        ("train_set test_set", {"train_set": "train", "test_set": "test"}),
        ("train_images val_images test_images", {"train_images": "train", "val_images": "val",
                                                 "test_images": "test"}),
        ("训练集 验证集 测试集", {"训练集": "train", "验证集": "val", "测试集": "test"}),
        ("Training dev", {"Training": "train", "dev": "val"}),
        ("TrainSet val-set", {"TrainSet": "train", "val-set": "val"}),
        ("train2017 val2017", {"train2017": "train", "val2017": "val"}),
        ("rocks_train rocks_test", {"rocks_train": "train", "rocks_test": "test"}),
    ],
)  # fmt: skip
def test_splits_under_other_names_are_read_and_noted(
    tmp_path: Path, folders: str, splits: dict[str, str]
) -> None:
    write_files(tmp_path, *in_each(folders, "opal", "gold"), "annotations/a.xml")
    source = FolderSource(tmp_path)
    assert source.classes == ("gold", "opal")
    assert splits_by_folder(source) == splits
    assert source.notes[0].startswith("Read as splits: ")
    for name, split in splits.items():
        assert f"{name} = {split}" in source.notes[0]
    assert source.notes[1] == "Left out, folders without photos next to the splits: annotations"


def test_plain_splits_and_plain_classes_need_no_note(tmp_path: Path) -> None:
    write_files(tmp_path / "a", *in_each("train val test", "opal", "gold"))
    write_files(tmp_path / "b", "opal/a.png", "gold/trip/b.png", "gold/c.png", "gold/gold/d.png")
    write_files(tmp_path / "c", "opal/images/a.png", "gold/images/a.png")
    for name in "abc":
        source = FolderSource(tmp_path / name)
        assert source.classes == ("gold", "opal")
        assert source.notes == []


def test_splits_below_the_classes_are_read(tmp_path: Path) -> None:
    write_files(tmp_path, *in_each("opal gold", "train", "test"))
    source = FolderSource(tmp_path)
    assert source.splits["gold/test/a.png"] == "test"
    assert source.splits["opal/train/a.png"] == "train"
    assert source.notes == ["Read as splits: test, train"]
    assert FolderSource(tmp_path, class_level=1).splits == source.splits


def test_splits_with_a_folder_of_the_same_name_in_them(tmp_path: Path) -> None:
    write_files(tmp_path, *in_each("seg_train/seg_train seg_test/seg_test", "opal", "gold"))
    source = FolderSource(tmp_path)
    assert source.classes == ("gold", "opal")
    assert source.splits["opal/seg_train/seg_train/a.png"] == "train"
    (tmp_path / "seg_pred").mkdir()
    write_files(tmp_path, "seg_pred/a.png")
    with pytest.raises(UserError, match="next to other folders"):
        FolderSource(tmp_path)
    assert FolderSource(tmp_path, class_level=3).splits == source.splits


@pytest.mark.parametrize(("inner", "level"), [("", 2), ("train_set/", 3)])
def test_only_folder_is_opened(tmp_path: Path, inner: str, level: int) -> None:
    write_files(tmp_path, *in_each(f"archive/{inner}", "opal", "gold"))
    source = FolderSource(tmp_path)
    assert source.classes == ("gold", "opal")
    assert "archive is the only folder" in source.notes[0]
    assert FolderSource(tmp_path, class_level=level).paths == source.paths
    assert FolderSource(tmp_path, class_level=1).classes == ("archive",)


@pytest.mark.parametrize(
    ("files", "classes", "note"),
    [
        ([*in_each("Igneous", "Basalt", "Granite"), "Sedimentary/Coal/a.png"],
         ("Igneous", "Sedimentary"), "hold only folders (Basalt, Coal, Granite). If those are the "
         "classes: --class-level 2"),
        (in_each("opal gold", "S001", "S002"), ("gold", "opal"), "hold only folders (S001, S002)"),
        (["opal/a.png", "opal/test/b.png", "gold/a.png"], ("gold", "opal"),
         "Read as photos of opal: those in its folder test"),
        (["opal/a.png", "opal/gold/b.png", "gold/a.png"], ("gold", "opal"),
         "Read as photos of opal: those in its folder gold"),
        (["rocks_train/a.png", "minerals_test/a.png"], ("minerals_test", "rocks_train"),
         "the names may mean splits: minerals_test, rocks_train"),
    ],
)  # fmt: skip
def test_assumption_is_noted_with_the_other_reading(
    tmp_path: Path, files: list[str], classes: tuple[str, ...], note: str
) -> None:
    write_files(tmp_path, *files)
    source = FolderSource(tmp_path)
    assert source.classes == classes
    assert any(note in line for line in source.notes)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([*in_each("test", "opal"), "opal/b.png"], r"has test next to other folders \(first: 'opal'"
         r".*--class-level 1"),
        (["dev/a.png", "opal/a.png"], "has dev next to other folders"),
        ([*in_each("train", "opal"), "gold/a.png"], r"has train next to other.*\(first: 'gold'\)"),
        (["train_images/a.png", "test_images/a.png"], "has the splits .* without class folders"),
        (in_each("siteA siteB", "opal", "gold"), "two ways.*--class-level 1.*--class-level 2"),
        ([*in_each("unsorted", "opal"), "opal/a.png"], "'opal' among the classes.*--class-level 1"),
        ([*in_each("train test", "test"), "train/opal/b.png"],
         "has test next to other folders .*--class-level 2"),
    ],
)  # fmt: skip
def test_reading_that_could_do_harm_is_refused(
    tmp_path: Path, files: list[str], message: str
) -> None:
    write_files(tmp_path, *files)
    with pytest.raises(UserError, match=message) as raised:
        FolderSource(tmp_path)
    level = int(re.findall(r"--class-level (\d)", str(raised.value))[0])
    assert FolderSource(tmp_path, class_level=level).notes is not None  # as the message says


def test_given_level_is_used_with_splits_above_it(tmp_path: Path) -> None:
    write_files(tmp_path, *in_each("train_set/site1 test_set/site1", "opal", "gold"))
    source = FolderSource(tmp_path, class_level=3)
    assert source.classes == ("gold", "opal")
    assert source.splits["opal/train_set/site1/a.png"] == "train"
    with pytest.raises(UserError, match="no folders on level 4, only 3 levels"):
        FolderSource(tmp_path, class_level=4)


def test_given_level_does_not_hide_a_split(tmp_path: Path) -> None:
    write_files(tmp_path, *in_each("test other", "opal", "gold"))
    with pytest.raises(UserError, match="has test next to other folders"):
        FolderSource(tmp_path, class_level=2)


def test_links_near_the_root_count_and_loops_do_not(tmp_path: Path) -> None:
    write_files(tmp_path, *in_each("elsewhere", "opal", "gold"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "train_set").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path)
    source = FolderSource(tmp_path / "photos")
    assert source.paths == ("gold/train_set/a.png", "opal/train_set/a.png")
    assert [(name, remark.kind) for name, remark in source.remarks] == [("loop", "link")]
