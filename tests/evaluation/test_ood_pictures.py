"""Folders of pictures of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.evaluation.ood_pictures import read_others
from tests.conftest import Recorder, write_photos


def test_kinds_are_the_folders_right_below(tmp_path: Path, recorder: Recorder) -> None:
    write_photos(tmp_path / "others" / "leaves" / "deep", 1, 2)
    write_photos(tmp_path / "others" / "noise", 2, 1)
    (tmp_path / "others" / "noise" / "torn.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "others" / "notes.txt").touch()
    (tmp_path / "others" / "empty").mkdir()
    index = read_others(tmp_path / "others", recorder)
    assert index.classes == ("leaves", "noise")
    assert index.paths == ("leaves/deep/0.png", "leaves/deep/1.png", "noise/0.png")
    assert index.labels.tolist() == [0, 0, 1]
    (told,) = recorder.notices
    assert "Skipped, cannot be read" in told
    assert "torn.jpg" in told
    assert "notes.txt" not in told


def test_pictures_may_lie_in_no_folder(tmp_path: Path) -> None:
    write_photos(tmp_path / "others", 1, 2)
    assert read_others(tmp_path / "others").classes == ("",)
    write_photos(tmp_path / "others" / "leaves", 2, 1)
    index = read_others(tmp_path / "others")
    assert index.classes == ("", "leaves")
    assert [index.classes[label] for label in index.labels] == ["", "", "leaves"]


def test_many_that_cannot_be_read_are_counted(tmp_path: Path, recorder: Recorder) -> None:
    write_photos(tmp_path / "others", 1, 1)
    for number in range(13):
        (tmp_path / "others" / f"bad{number}.png").touch()
    assert len(read_others(tmp_path / "others", recorder)) == 1
    assert len(recorder.notices) == 11
    assert recorder.notices[-1] == "... (+3)"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        read_others(tmp_path / "gone")
    with pytest.raises(UserError, match="holds no picture"):
        read_others(tmp_path)
    (tmp_path / "torn.png").touch()
    with pytest.raises(UserError, match="holds no picture") as told:
        read_others(tmp_path)
    assert "\n" not in str(told.value)
