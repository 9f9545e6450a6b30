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
    """Nested folders of photos, with one file that is no photo."""
    shutil.copytree(prepared / "test", tmp_path / "field")
    (tmp_path / "field" / "beryl" / "broken.jpg").write_text("no photo")
    return tmp_path / "field"


def identify(*arguments: object) -> int:
    return main(["identify", *map(str, arguments), "--device", "cpu"])


def test_files_folders_and_patterns_are_photos(field: Path) -> None:
    photo = field / "agate" / "0.png"
    assert find_photos([str(photo), str(photo)]) == [photo]
    assert len(find_photos([str(field)])) == 13
    assert find_photos([str(field / "*" / "0.png")]) == [
        field / name / "0.png" for name in ("agate", "beryl", "copper")
    ]
    shutil.copytree(field / "agate", field / "@eaDir" / "x.jpg")
    assert len(find_photos([str(field)])) == 13
    assert len(find_photos([str(field / "**" / "0.png")])) == 3
    assert len(find_photos([str(field / "@eaDir" / "*" / "*.png")])) == 4  # as asked for
    with pytest.raises(UserError, match=r"absent.*no photo there"):
        find_photos([str(field / "absent")])


def test_one_photo_gets_a_full_answer(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = field / "copper" / "0.png"
    # The hardness contradicts the photo, so further tests are useful.
    assert identify(photo, "--model", trained, "--hardness", "7.5-8", "--top", 2) == 0
    output = capsys.readouterr().out
    assert "photo only %" in output
    assert "90 %" in output
    assert "Next: " in output
    assert "Similar training photos: " in output


def test_answers_are_in_chinese(
    field: Path,
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    assert identify(field / "beryl" / "0.png", "--model", trained) == 0
    output = capsys.readouterr().out
    assert "绿柱石" in output
    assert "90%" in output


def test_each_photo_gives_a_line_of_json_and_unreadable_ones_are_named(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identify(field, "--model", trained, "--json", "--top", 1) == 0
    output = capsys.readouterr()
    answers = [json.loads(line) for line in output.out.splitlines()]
    assert len(answers) == 12
    assert all(len(answer["candidates"]) == 1 for answer in answers)
    assert "broken.jpg" in output.err


def test_specimen_gets_one_answer(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = sorted((field / "agate").iterdir())
    assert identify(*photos, "--model", trained, "--specimen", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["photos"] == len(photos) == 4


def test_second_run_identifies_only_new_photos(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out" / "answers.csv"
    (field / "beryl" / "broken.jpg").unlink()
    (field / "agate" / "0.png").rename(field / "agate" / "=cmd()|x.png")
    assert identify(field, "--model", trained, "--csv", file) == 0
    before = file.read_bytes()
    assert identify(field, "--model", trained, "--csv", file) == 0
    assert file.read_bytes() == before
    assert "Skipped 12 photos" in capsys.readouterr().err
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


def test_incomplete_row_is_written_again(field: Path, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    assert identify(field / "agate", "--model", trained, "--csv", file) == 0
    complete = file.read_bytes()
    file.write_bytes(complete[:-30])
    assert identify(field / "agate", "--model", trained, "--csv", file) == 0
    lines = file.read_text("utf-8-sig").splitlines()
    assert lines[:4] == complete.decode("utf-8-sig").splitlines()[:4]
    assert lines[-1] == complete.decode("utf-8-sig").splitlines()[-1]


def test_file_without_answers_is_not_changed(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.csv").write_text("day,place\n1,quarry\n")
    photo = field / "agate" / "0.png"
    assert identify(photo, "--model", trained, "--csv", tmp_path / "notes.csv") == 2
    assert "is not a file of answers" in capsys.readouterr().err
    assert (tmp_path / "notes.csv").read_text() == "day,place\n1,quarry\n"


def test_heat_maps_are_saved_and_replace_no_file(
    field: Path, trained: Path, tmp_path: Path
) -> None:
    photo = field / "agate" / "0.png"
    for _ in range(2):
        assert identify(photo, "--model", trained, "--heat-maps", tmp_path / "maps") == 0
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"0.png", "0-2.png"}
    with Image.open(tmp_path / "maps" / "0.png") as picture:
        assert picture.size == (32, 32)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--hardness", "soft"), "hardness"),
        (("--streak", "plaid"), "streak"),
        (("--specimen", "--csv", "a.csv"), "--specimen"),
        (("--minerals", "absent.csv"), "absent.csv"),
        (("--coverage", "1.5"), "coverage"),
    ],
)
def test_wrong_arguments_are_reported_in_one_line(
    field: Path,
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    assert identify(field / "agate" / "0.png", "--model", trained, *arguments) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.strip().splitlines()) == 1


def test_missing_model_and_unreadable_photos_are_reported(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identify(field, "--model", tmp_path) == 2
    assert "holds no trained model" in capsys.readouterr().err
    assert identify(field / "beryl" / "broken.jpg", "--model", trained) == 2
    assert "None of the photos" in capsys.readouterr().err
