"""Tests of which names are those of files and folders that systems make."""

from __future__ import annotations

from collections import Counter

import pytest

from mineral_recog.data.system_files import (
    is_system_name,
    is_visible,
    system_files_notes,
    visible_names,
)


@pytest.mark.parametrize(
    "name",
    [
        "#recycle", "$RECYCLE.BIN", "@eaDir", "System Volume Information", "__MACOSX",
        "lost+found", ".Trashes", "Thumbs.db", ".DS_Store", "._IMG_1.jpg", "RECYCLER", "@Recycle",
        "#snapshot", ".thumbnails", ".Trash-1000", "a.jpg:Zone.Identifier", "desktop.ini",
        ".ipynb_checkpoints",
    ],
)  # fmt: skip
def test_names_of_systems(name: str) -> None:
    assert is_system_name(name)
    assert is_system_name(name.upper())
    assert not is_visible(name)


@pytest.mark.parametrize("name", ["quartz", "recycled", "石英", "lost and found", "thumbs", "a_.b"])
def test_names_of_classes(name: str) -> None:
    assert is_visible(name)


def test_what_systems_made_is_counted_and_hidden_files_are_not() -> None:
    left_out = Counter[str]()
    names = ["a.jpg", ".hidden", "._a.jpg", "._b.jpg", "@eaDir"]
    assert visible_names(names, left_out) == ["a.jpg"]
    assert system_files_notes(left_out) == [
        "Left out, made by a system or a server: 3 files and folders: ._* (2), @eaDir"
    ]
    assert system_files_notes({}) == []
