"""Outputs are complete or absent, and nothing that exists is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.files import atomic_file, atomic_folder, refuse_existing


def test_file_appears_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "a.txt"
    with atomic_file(target) as partial:
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_file_stays_unchanged_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OSError, match="full"), atomic_file(target) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_folder_is_replaced_when_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a"
    for text in ("old", "new"):
        with atomic_folder(target) as partial:
            (partial / f"{text}.txt").write_text(text)
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    with pytest.raises(OSError, match="full"), atomic_folder(target) as partial:
        (partial / "half.txt").write_text("half")
        raise OSError("disk full")
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_old_folder_stays_when_it_cannot_be_replaced(tmp_path: Path) -> None:
    for exists in (False, True):
        target = tmp_path / "a"
        if exists:
            target.mkdir()
            (target / "old.txt").write_text("old")
        with pytest.raises(FileNotFoundError), atomic_folder(target) as partial:
            partial.rmdir()  # as another process may do
        assert [path.name for path in tmp_path.rglob("*")] == (["a", "old.txt"] if exists else [])


def test_which_outputs_may_be_replaced(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new", force=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse_existing(empty, force=False)
    (empty / ".data.partial-x1").mkdir()  # left by a killed run
    refuse_existing(empty, force=False, made_by_us=False)
    (empty / ".git").mkdir()
    with pytest.raises(UserError, match="not made by this command"):
        refuse_existing(empty, force=True, made_by_us=False)
    with pytest.raises(UserError, match="--force"):
        refuse_existing(empty, force=False)
    refuse_existing(empty, force=True)
