"""Outputs appear whole or not at all, and nothing that exists is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.files import refuse_existing, whole_file, whole_folder


def test_a_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "a.txt"
    with whole_file(target) as partial:
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_a_file_stays_as_it_was_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(target) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a"
    for text in ("old", "new"):
        with whole_folder(target) as partial:
            (partial / f"{text}.txt").write_text(text)
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    with pytest.raises(OSError, match="full"), whole_folder(target) as partial:
        (partial / "half.txt").write_text("half")
        raise OSError("disk full")
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path) -> None:
    for there in (False, True):
        target = tmp_path / "a"
        if there:
            target.mkdir()
            (target / "old.txt").write_text("old")
        with pytest.raises(FileNotFoundError), whole_folder(target) as partial:
            partial.rmdir()  # as another process may, once this one is done
        assert [path.name for path in tmp_path.rglob("*")] == (["a", "old.txt"] if there else [])


def test_what_may_be_replaced(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new", force=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse_existing(empty, force=False)
    (empty / ".data.partial-x1").mkdir()  # left by a run that was killed
    refuse_existing(empty, force=False, made_by_us=False)
    (empty / ".git").mkdir()
    with pytest.raises(UserError, match="not made by this command"):
        refuse_existing(empty, force=True, made_by_us=False)
    with pytest.raises(UserError, match="--force"):
        refuse_existing(empty, force=False)
    refuse_existing(empty, force=True)
