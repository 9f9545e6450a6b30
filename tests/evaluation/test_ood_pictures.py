"""Folders of out-of-distribution pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.evaluation.ood_pictures import read_ood_pictures
from tests.conftest import Recorder, write_photos


def test_classes_are_the_direct_sub_folders(tmp_path: Path, recorder: Recorder) -> None:
    write_photos(tmp_path / "others" / "leaves" / "deep", 1, 2)
    write_photos(tmp_path / "others" / "noise", 2, 1)
    (tmp_path / "others" / "noise" / "torn.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "others" / "notes.txt").touch()
    (tmp_path / "others" / "empty").mkdir()
    dataset = read_ood_pictures(tmp_path / "others", recorder)
    assert dataset.classes == ("leaves", "noise")
    assert dataset.paths == ("leaves/deep/0.png", "leaves/deep/1.png", "noise/0.png")
    assert dataset.labels.tolist() == [0, 0, 1]
    (notice,) = recorder.notices
    assert "Skipped, cannot be read" in notice
    assert "torn.jpg" in notice
    assert "notes.txt" not in notice


def test_pictures_need_no_sub_folder(tmp_path: Path) -> None:
    write_photos(tmp_path / "others", 1, 2)
    assert read_ood_pictures(tmp_path / "others").classes == ("",)
    write_photos(tmp_path / "others" / "leaves", 2, 1)
    dataset = read_ood_pictures(tmp_path / "others")
    assert dataset.classes == ("", "leaves")
    assert [dataset.classes[label] for label in dataset.labels] == ["", "", "leaves"]


def test_many_unreadable_pictures_are_counted(tmp_path: Path, recorder: Recorder) -> None:
    write_photos(tmp_path / "others", 1, 1)
    for number in range(13):
        (tmp_path / "others" / f"bad{number}.png").touch()
    assert len(read_ood_pictures(tmp_path / "others", recorder)) == 1
    assert len(recorder.notices) == 11
    assert recorder.notices[-1] == "... (+3)"


def test_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        read_ood_pictures(tmp_path / "gone")
    with pytest.raises(UserError, match="has no picture that can be read"):
        read_ood_pictures(tmp_path)
    (tmp_path / "torn.png").touch()
    with pytest.raises(UserError, match="has no picture that can be read") as error:
        read_ood_pictures(tmp_path)
    assert "\n" not in str(error.value)
