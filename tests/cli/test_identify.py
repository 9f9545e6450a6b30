"""The command `identify` from photos to answers."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.identify.photo_stream import find_photos


@pytest.fixture
def field(prepared: Path, tmp_path: Path) -> Path:
    """Photos as a user brings them home: nested, one of them no photo."""
    shutil.copytree(prepared / "test", tmp_path / "field")
    (tmp_path / "field" / "beryl" / "broken.jpg").write_text("no photo")
    return tmp_path / "field"


def identify(*arguments: object) -> int:
    return main(["identify", *map(str, arguments), "--device", "cpu"])


def test_files_folders_and_patterns_are_photos(field: Path) -> None:
    one = field / "agate" / "0.png"
    assert find_photos([str(one), str(one)]) == [one]
    assert len(find_photos([str(field)])) == 13
    assert find_photos([str(field / "*" / "0.png")]) == [
        field / name / "0.png" for name in ("agate", "beryl", "copper")
    ]
    with pytest.raises(UserError, match=r"absent.*no photo there"):
        find_photos([str(field / "absent")])


def test_one_photo_gets_a_full_answer(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = field / "copper" / "0.png"
    # What the hand found does not go with what the photo shows, so much is left to test.
    assert identify(photo, "--model", trained, "--hardness", "7.5-8", "--top", 2) == 0
    told = capsys.readouterr().out
    assert "by photo %" in told
    assert "90 %" in told
    assert "Next: " in told
    assert "Alike in training: " in told


def test_the_terminal_speaks_chinese(
    field: Path,
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    assert identify(field / "beryl" / "0.png", "--model", trained) == 0
    told = capsys.readouterr().out
    assert "绿柱石" in told
    assert "90%" in told


def test_many_photos_give_a_line_of_json_each_and_name_what_cannot_be_read(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identify(field, "--model", trained, "--json", "--top", 1) == 0
    told = capsys.readouterr()
    answers = [json.loads(line) for line in told.out.splitlines()]
    assert len(answers) == 12
    assert all(len(answer["candidates"]) == 1 for answer in answers)
    assert "broken.jpg" in told.err


def test_a_specimen_is_one_answer(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = sorted((field / "agate").iterdir())
    assert identify(*photos, "--model", trained, "--specimen", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["photos"] == len(photos) == 4


def test_a_second_run_looks_at_new_photos_alone(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out" / "answers.csv"
    (field / "beryl" / "broken.jpg").unlink()
    (field / "agate" / "0.png").rename(field / "agate" / "=cmd()|x.png")
    assert identify(field, "--model", trained, "--csv", file) == 0
    before = file.read_bytes()
    assert identify(field, "--model", trained, "--csv", file) == 0
    assert file.read_bytes() == before
    assert "12 photos were in" in capsys.readouterr().err
    Image.new("RGB", (40, 40), (10, 200, 30)).save(field / "new.png")
    assert identify(field, "--model", trained, "--csv", file) == 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [Path(row["photo"]).name for row in rows][-1] == "new.png"
    assert len(rows) == 13
    assert {row["none_of_these"] for row in rows} <= {"yes", "no"}
    assert identify(field, "--model", trained, "--csv", file, "--hardness", "6") == 2
    assert "another model, evidence" in capsys.readouterr().err
    assert file.read_bytes().startswith(before)


def test_a_line_that_was_being_written_is_written_anew(
    field: Path, trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answers.csv"
    assert identify(field / "agate", "--model", trained, "--csv", file) == 0
    whole = file.read_bytes()
    file.write_bytes(whole[:-30])
    assert identify(field / "agate", "--model", trained, "--csv", file) == 0
    lines = file.read_text("utf-8-sig").splitlines()
    assert lines[:4] == whole.decode("utf-8-sig").splitlines()[:4]
    assert lines[-1] == whole.decode("utf-8-sig").splitlines()[-1]


def test_a_file_of_something_else_is_left_alone(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.csv").write_text("day,place\n1,quarry\n")
    photo = field / "agate" / "0.png"
    assert identify(photo, "--model", trained, "--csv", tmp_path / "notes.csv") == 2
    assert "holds no answers" in capsys.readouterr().err
    assert (tmp_path / "notes.csv").read_text() == "day,place\n1,quarry\n"


def test_heat_maps_are_pictures_and_replace_none(
    field: Path, trained: Path, tmp_path: Path
) -> None:
    photo = field / "agate" / "0.png"
    for _ in range(2):
        assert identify(photo, "--model", trained, "--heat-maps", tmp_path / "maps") == 0
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"0.png", "0-2.png"}
    with Image.open(tmp_path / "maps" / "0.png") as picture:
        assert picture.size == (32, 32)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--hardness", "soft"), "hardness"),
        (("--streak", "plaid"), "streak"),
        (("--specimen", "--csv", "a.csv"), "--specimen"),
        (("--minerals", "absent.csv"), "absent.csv"),
        (("--coverage", "1.5"), "coverage"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    field: Path,
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    told: str,
) -> None:
    assert identify(field / "agate" / "0.png", "--model", trained, *arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_no_model_and_no_readable_photo_are_told(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identify(field, "--model", tmp_path) == 2
    assert "holds no trained model" in capsys.readouterr().err
    assert identify(field / "beryl" / "broken.jpg", "--model", trained) == 2
    assert "None of the photos" in capsys.readouterr().err
