"""Outputs are complete or absent, and nothing that exists is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.files import (
    atomic_file,
    atomic_folder,
    encoding_error,
    matches,
    refuse_existing,
    refuse_replacing_photos,
    refuse_user_files,
    write_file_list,
)


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


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


@pytest.mark.parametrize(
    ("path", "matching"),
    [
        ("a.json", True),
        ("b/a.json", False),
        ("b/c/d.txt", True),
        ("b/c/c/d.txt", False),
        ("b/d.txt", False),
        ("A.json", False),
    ],
)
def test_patterns_match_part_by_part(path: str, matching: bool) -> None:
    assert matches(path, ("a.json", "b/*/d.*")) is matching


def test_files_of_the_user_are_listed_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    refuse_user_files(folder, lambda path: False)  # does not exist
    write(folder, "ours.txt", "sub/ours.txt", ".DS_Store", ".x.partial-1/half.txt", "sub/.a.lock")
    refuse_user_files(folder, lambda path: path.endswith("ours.txt"))
    write(folder, "notes.txt", ".hidden", "sub/a.jpg", "sub/b.jpg")
    with pytest.raises(
        UserError, match=r"4 files that this program did not write \(.hidden, notes.txt, sub/a.jpg"
    ) as error:
        refuse_user_files(folder, lambda path: path.endswith("ours.txt"))
    assert "\n" not in str(error.value)


def test_link_to_a_folder_belongs_to_the_user(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "more").symlink_to(tmp_path / "photos")
    with pytest.raises(UserError, match=r"1 file .*\(more\)"):
        refuse_user_files(tmp_path / "out", lambda path: False)


def test_folder_of_photos_knows_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    refuse_replacing_photos(data, force=False, marker="made.json")
    strange = "train/石英/a\nb [*].png", os.fsdecode(b"train/\xff/0.png")
    write(data, "made.json", *strange)
    write_file_list(data)
    refuse_replacing_photos(data, force=True, marker="made.json")
    write(data, ".cache/train-32/pixels")  # reduced photos, which training adds
    refuse_replacing_photos(data, force=True, marker="made.json")
    with pytest.raises(UserError, match="exists: choose another place, or replace it with --force"):
        refuse_replacing_photos(data, force=False, marker="made.json")
    write(data, "train/石英/mine.png")
    with pytest.raises(UserError, match=r"1 file that this program did not write .*mine\.png"):
        refuse_replacing_photos(data, force=True, marker="made.json")


@pytest.mark.parametrize("text", [None, "", "{", "[1]\n", "\xff"])
def test_folder_of_photos_without_its_list_is_kept(tmp_path: Path, text: str | None) -> None:
    write(tmp_path, "made.json", "train/a/0.png")
    if text is not None:
        (tmp_path / ".files.jsonl").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"no list of the files|did not write"):
        refuse_replacing_photos(tmp_path, force=True, marker="made.json")


@pytest.mark.parametrize(
    ("encoding", "name", "shown"),
    [
        ("ascii", "石英".encode().decode("ascii", "surrogateescape"), "石英"),
        ("iso8859-1", "石英".encode().decode("latin-1"), "石英"),
        ("iso8859-1", "émeraude".encode().decode("latin-1"), "émeraude"),  # printable, but wrong
        ("gbk", "石英石".encode().decode("gbk", "surrogateescape"), "石英石"),
        ("ascii", "石英", "石英"),  # from a list; cannot be written
    ],
)
def test_names_that_the_locale_garbles_are_blamed_on_the_locale(
    monkeypatch: pytest.MonkeyPatch, encoding: str, name: str, shown: str
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: encoding)
    message = str(encoding_error(name))
    assert f"encoding {encoding} for file names, in which {shown} is" in message
    assert "LC_ALL=C.UTF-8 or PYTHONUTF8=1" in message


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "石英"),
        ("utf-8", os.fsdecode(b"\xff")),
        ("ascii", "quartz"),
        ("iso8859-1", "grün"),  # these bytes are Latin-1
        ("ascii", os.fsdecode(b"gr\xfcn")),
        ("gbk", "石英"),  # bytes that are UTF-8 too, of other letters
        ("gbk", "方解石"),
    ],
)
def test_names_of_the_locale_are_right(
    monkeypatch: pytest.MonkeyPatch, encoding: str, name: str
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: encoding)
    assert encoding_error(name) is None
