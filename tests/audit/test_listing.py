"""Folders as people have them: odd ones are told, none stops the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.audit.listing import list_photos
from mineral_recog.errors import UserError


def test_what_lies_where(tmp_path: Path) -> None:
    for name in ("quartz/a.JPG", "quartz/trip/b.png", "quartz/.hidden.png", "opal/c", "opal/d.heic",
                 "opal/notes.txt", "stray.jpg", ".git/x.png", "readme.md"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "Z\udce9ro").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "quartz" / "up").symlink_to(tmp_path, target_is_directory=True)
    listing = list_photos(tmp_path)
    assert listing.classes == ("Z\udce9ro", "opal", "quartz")
    assert listing.photos == ("opal/c", "opal/d.heic", "quartz/a.JPG", "quartz/trip/b.png")
    assert listing.others == {".txt": 1}
    assert {(path, remark.kind) for path, remark in listing.odd} == {
        ("stray.jpg", "no_class"),
        ("Z\udce9ro", "class_text"),
        ("loop", "link"),
        ("quartz/up", "link"),
    }


def test_a_class_folder_that_is_a_link_elsewhere_is_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "opal").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list_photos(tmp_path / "photos").photos == ("opal/a.png",)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        list_photos(tmp_path / "none")
    with pytest.raises(UserError, match="no class folders"):
        list_photos(tmp_path)
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
    with pytest.raises(UserError, match="split already"):
        list_photos(tmp_path)
