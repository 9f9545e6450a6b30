"""Tests of class folders and split folders; irregular entries are reported and never fatal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.source import Remark
from mineral_recog.errors import UserError
from tests.data.readers.source_files import write_files


def test_photos_other_files_and_irregular_entries_are_listed(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        *("quartz/a.JPG", "quartz/trip/b.png", "quartz/.hidden.png", "opal/c", "opal/d.heic"),
        *("opal/notes.txt", "stray.jpg", ".git/x.png", "readme.md"),
    )
    (tmp_path / "Z\udce9ro").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "quartz" / "up").symlink_to(tmp_path, target_is_directory=True)
    source = FolderSource(tmp_path)
    assert source.classes == ("Z\udce9ro", "opal", "quartz")
    assert source.paths == ("opal/c", "opal/d.heic", "quartz/a.JPG", "quartz/trip/b.png")
    assert source.other_files == {".txt": 1}
    assert {(path, remark.kind) for path, remark in source.remarks} == {
        ("stray.jpg", "no_class"),
        ("Z\udce9ro", "class_text"),
        ("loop", "link"),
        ("quartz/up", "link"),
    }


def test_class_folder_that_is_a_link_is_read(tmp_path: Path) -> None:
    write_files(tmp_path, "elsewhere/a.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "opal").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert FolderSource(tmp_path / "photos").paths == ("opal/a.png",)


def test_folder_that_cannot_be_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, "train/opal/a.png", "train/opal/locked/b.png", "test/opal/c.png")
    scan = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # the superuser may read everything
    source = FolderSource(tmp_path)
    assert source.paths == ("opal/test/c.png", "opal/train/a.png")
    assert source.remarks == (
        ("opal/train/locked", Remark("unreadable", "Permission denied")),
    )  # fmt: skip


def test_folder_without_classes_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no photos in class folders\. It is empty"):
        FolderSource(tmp_path)


def test_split_folders_give_the_splits(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        *("Training/opal/a.png", "Training/gold/trip/a.png", "valid/opal/a.png", "dev/opal/a.png"),
        *("test/quartz/b.png", "test/loose.png", "test/opal/notes.txt"),
    )
    source = FolderSource(tmp_path)
    assert source.classes == ("gold", "opal", "quartz")
    assert source.splits == {
        "gold/Training/trip/a.png": "train",
        "opal/Training/a.png": "train",
        "opal/dev/a.png": "val",
        "opal/valid/a.png": "val",
        "quartz/test/b.png": "test",
    }
    assert source.paths == tuple(sorted(source.splits))
    with source.open("gold/Training/trip/a.png") as file:
        assert file.read() == b"Training/gold/trip/a.png"
    assert source.file("opal/dev/a.png") == tmp_path / "dev/opal/a.png"
    assert source.other_files == {".txt": 1}
    assert [(name, remark.kind) for name, remark in source.remarks] == [
        ("test/loose.png", "no_class")
    ]


def test_files_of_systems_are_left_out_at_every_depth_and_counted(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        *("opal/a.png", "opal/@eaDir/a.png/THUMB.jpg", "opal/trip/@eaDir/x.jpg", "#recycle/b.png"),
        *("$RECYCLE.BIN/c.png", "opal/Thumbs.db", "opal/._a.png", "gold/a.png", "gold/._b.png"),
        *("__MACOSX/opal/._a.png", "lost+found/d.png", "opal/.hidden.png"),
    )
    source = FolderSource(tmp_path)
    assert source.paths == ("gold/a.png", "opal/a.png")
    assert source.other_files == {}
    assert source.notes == [
        "Left out, made by a system or a server: 9 files and folders: #recycle, $RECYCLE.BIN, "
        "._* (2), @eaDir (2), Thumbs.db, __MACOSX, lost+found"
    ]


def test_photos_above_the_level_of_the_classes_have_no_class(tmp_path: Path) -> None:
    write_files(tmp_path, "igneous/basalt/a.png", "igneous/b.png", "coal/c.png", "d.png")
    source = FolderSource(tmp_path, class_level=2)
    assert source.paths == ("basalt/igneous/a.png",)
    assert source.file("basalt/igneous/a.png") == tmp_path / "igneous/basalt/a.png"
    assert [(name, remark.kind) for name, remark in source.remarks] == [
        ("d.png", "no_class"),
        ("coal/c.png", "no_class"),
        ("igneous/b.png", "no_class"),
    ]


def test_class_folder_that_links_to_nothing_is_reported(tmp_path: Path) -> None:
    write_files(tmp_path, "opal/a.png")
    (tmp_path / "quartz").symlink_to("/gone/quartz")
    source = FolderSource(tmp_path)
    assert source.classes == ("opal",)
    reason = "links to /gone/quartz, which does not exist"
    assert source.remarks == (("quartz", Remark("unreadable", reason)),)
