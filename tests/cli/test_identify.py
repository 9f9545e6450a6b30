"""The command `identify` from photos to answers."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from mineral_recog.cli.main import main
from mineral_recog.identify.evidence import read_evidence
from mineral_recog.minerals.facts import SHIPPED_TABLE


@pytest.fixture
def field(prepared: Path, tmp_path: Path) -> Path:
    """Nested folders of photos, with one file that is no photo."""
    shutil.copytree(prepared / "test", tmp_path / "field")
    (tmp_path / "field" / "beryl" / "broken.jpg").write_text("no photo")
    return tmp_path / "field"


def read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def identify(*arguments: object) -> int:
    return main(["identify", *map(str, arguments), "--device", "cpu"])


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


def test_evidence_means_the_same_as_in_python_and_is_shown(
    field: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = field / "copper" / "0.png"
    options = (
        "--hardness", ">5,5", "--density", "2,65", "--streak", "pink", "--magnetic", "yes",
        "--colours", "green, brown", "--transparency", "clear", "--habit", "needles",
        "--cleavage", "perfect", "--cleavage-directions", "3", "--fracture", "uneven",
        "--tenacity", "brittle", "--fluorescence-long", "no", "--fluorescence-short", "red",
    )  # fmt: skip
    evidence = read_evidence(
        hardness=">5,5", density=2.65, streak="red", magnetic=True, colours=("brown", "green"),
        transparency="transparent", habit=("acicular",), cleavage="perfect, 3", fracture="uneven",
        tenacity="brittle", fluorescence_long="none", fluorescence_short="red",
    )  # fmt: skip
    assert identify(photo, "--model", trained, *options, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evidence"] == json.loads(json.dumps(asdict(evidence)))
    assert answer["evidence_text"] == evidence.text()
    assert identify(photo, "--model", trained, *options) == 0
    shown = (
        "Physical tests: hardness at least 5.5, streak red, density 2.544 to 2.756 g/cm³, magnetic"
    )
    assert shown in " ".join(capsys.readouterr().out.split())
    assert identify(photo.parent, "--model", trained, *options) == 0
    assert shown in capsys.readouterr().err


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
    assert identify(field, "--model", trained, "--json", "--top", 1) == 3
    output = capsys.readouterr()
    answers = [json.loads(line) for line in output.out.splitlines()]
    assert len(answers) == 12
    assert all(len(answer["candidates"]) == 1 for answer in answers)
    assert "broken.jpg" in output.err


def test_unused_bits_are_told(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (40, 40)).astype(np.uint16)
    Image.fromarray(noise).save(tmp_path / "a.png")
    Image.fromarray(noise).save(tmp_path / "b.tif")
    assert identify(tmp_path / "a.png", "--model", trained) == 0
    assert "Warning: A photo uses 12 of 16 bits" in capsys.readouterr().out
    assert identify(tmp_path, "--model", trained, "--json") == 0
    output = capsys.readouterr()
    assert output.err.count("uses 12 of 16 bits") == 2
    assert [len(json.loads(line)["warnings"]) for line in output.out.splitlines()] == [1, 1]


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
    rows = read_rows(file)
    assert [Path(row["photo"]).name for row in rows][-1] == "new.png"
    assert len(rows) == 13
    assert {row["none_of_these"] for row in rows} <= {"true", "false"}
    assert any(row["next_test"] for row in rows)
    assert (rows[-1]["none_of_these"], rows[-1]["next_test"]) == ("true", "")  # of one colour
    assert {row["error"] for row in rows} == {""}
    assert identify(field, "--model", trained, "--csv", file, "--hardness", "6") == 2
    assert "another model, evidence" in capsys.readouterr().err
    assert file.read_bytes().startswith(before)


def test_unreadable_photos_have_a_row_and_are_tried_again(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, broken = tmp_path / "answers.csv", field / "beryl" / "broken.jpg"
    (tmp_path / "list.txt").write_text(f"{field}\n{field / 'absent.jpg'}\n")
    command = (f"@{tmp_path / 'list.txt'}", "--model", trained, "--csv", file)
    for _ in range(2):
        assert identify(*command) == 3
        rows = {row["photo"]: row for row in read_rows(file)}
        assert len(rows) == len(read_rows(file)) == 14
        errors = {photo: row for photo, row in rows.items() if row["error"]}
        assert set(errors) == {str(broken), str(field / "absent.jpg")}
        for photo, row in errors.items():
            assert Path(photo).name in row["error"]
            assert (row["answer"], row["probability"], row["none_of_these"]) == ("", "", "")
    # Rows of photos that are not asked about again stay.
    assert identify(field / "agate", "--model", trained, "--csv", file) == 0
    assert [row["photo"] for row in read_rows(file) if row["error"]] == list(errors)
    assert identify(broken, "--model", trained, "--csv", file) == 3  # has its row
    shutil.copy(field / "agate" / "0.png", field / "absent.jpg")
    Image.new("RGB", (40, 40), (10, 200, 30)).save(broken)
    capsys.readouterr()
    assert identify(*command) == 0
    assert "Skipped 13 photos" in capsys.readouterr().err  # one is a copy of another
    rows = {row["photo"]: row for row in read_rows(file)}
    assert len(rows) == len(read_rows(file)) == 13
    assert all(row["answer"] and not row["error"] for row in rows.values())


def test_row_without_a_digest_stands_for_no_other_photo(
    field: Path, trained: Path, tmp_path: Path
) -> None:
    """A pipe, for example, has none, and neither has a photo that does not exist."""
    file = tmp_path / "answers.csv"
    assert identify(field / "agate" / "0.png", "--model", trained, "--csv", file) == 0
    (row,) = read_rows(file)
    file.write_bytes(file.read_bytes().replace(row["sha256"].encode(), b""))
    (tmp_path / "list.txt").write_text("absent.jpg")
    assert identify(f"@{tmp_path / 'list.txt'}", "--model", trained, "--csv", file) == 3
    assert [bool(row["error"]) for row in read_rows(file)] == [False, True]


BEGUN = ["", "BOM", "header", "header without line end"]


@pytest.mark.parametrize("left", BEGUN)
def test_file_without_a_row_is_continued(
    field: Path, trained: Path, tmp_path: Path, left: str
) -> None:
    """As after a command that was killed before the first answer."""
    file = tmp_path / "answers.csv"
    command = (field / "agate", "--model", trained, "--csv", file)
    assert identify(*command) == 0
    complete = file.read_bytes()
    header = complete.splitlines(keepends=True)[0]
    begun = {"BOM": header[:3], "header": header, "header without line end": header[:-2]}
    file.write_bytes(begun.get(left, b""))
    assert identify(*command) == 0
    assert file.read_bytes() == complete


@pytest.mark.parametrize("cut", [1, 2, 3, 8, 14, 40, 100, "after the photo", "in a character"])
def test_row_that_was_cut_short_is_replaced(
    field: Path, trained: Path, tmp_path: Path, cut: int | str
) -> None:
    file = tmp_path / "answers.csv"
    (field / "agate" / "3.png").rename(field / "agate" / "玛瑙, 3.png")
    command = (field / "agate", "--model", trained, "--csv", file)
    assert identify(*command) == 0
    complete = file.read_bytes()
    ends = {
        "after the photo": complete.rindex(b".png") + 5,
        "in a character": complete.rindex("瑙".encode()) + 1,
    }
    file.write_bytes(complete[: ends[cut] if isinstance(cut, str) else -cut])
    assert identify(*command) == 0
    assert file.read_bytes() == complete
    assert len(read_rows(file)) == 4


def test_row_that_was_cut_short_and_saved_by_an_editor_is_replaced(
    field: Path, trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answers.csv"
    command = (field / "agate", "--model", trained, "--csv", file)
    assert identify(*command) == 0
    complete = file.read_bytes()
    file.write_bytes(complete[:-60].replace(b"\r\n", b"\n") + b"\n")
    assert identify(*command) == 0
    assert len(read_rows(file)) == 4
    assert [row["photo"] for row in read_rows(file)] == [
        str(field / "agate" / f"{number}.png") for number in range(4)
    ]


def test_file_keeps_lines_that_the_user_added(field: Path, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    assert identify(field / "agate", "--model", trained, "--csv", file) == 0
    file.write_bytes(file.read_bytes() + b"checked by Ann\r\n")
    before = file.read_bytes()
    assert identify(field / "beryl", "--model", trained, "--csv", file) == 3
    assert file.read_bytes().startswith(before)


def test_row_has_the_first_candidates(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, photo = tmp_path / "answers.csv", field / "agate" / "0.png"
    command = (photo, "--model", trained, "--csv", file)
    assert identify(*command, "--top", 2, "--json") == 0
    first, second = json.loads(capsys.readouterr().out.splitlines()[0])["candidates"]
    (row,) = read_rows(file)
    assert list(row)[-3:] == ["answer_2", "probability_2", "asked"]
    assert (row["answer"], row["answer_2"]) == (first["class"], second["class"])
    assert float(row["probability_2"]) == pytest.approx(second["probability"], abs=5e-5)
    assert identify(*command, "--top", 3) == 2
    assert "give --top 2" in capsys.readouterr().err
    # A model has no more candidates than classes.
    assert identify(photo, "--model", trained, "--csv", tmp_path / "all.csv", "--top", 99) == 0
    assert "answer_4" not in read_rows(tmp_path / "all.csv")[0]
    assert identify(photo, "--model", trained, "--csv", tmp_path / "one.csv", "--top", 1) == 0
    assert "answer_2" not in read_rows(tmp_path / "one.csv")[0]


def test_row_has_the_most_specific_name_that_is_probable_enough(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = field / "agate" / "0.png"
    for options in ((), ("--level", "class"), ("--level", "class", "--coverage", 0.5)):
        file = tmp_path / f"{len(options)}.csv"
        command = (photo, "--model", trained, "--csv", file, "--json", *options)
        assert identify(*command) == 0
        answer = json.loads(capsys.readouterr().out.splitlines()[0])
        (row,) = read_rows(file)
        rolled_up = answer["rolled_up"]
        assert rolled_up["level"] == ("class" if options else None)
        assert rolled_up["reached"] == (rolled_up["probability"] >= answer["set"]["coverage"])
        names = rolled_up["names"] if rolled_up["reached"] else {"zh": ""}
        assert row["rolled_up"] == (rolled_up["name"] if rolled_up["reached"] else "")
        assert row["rolled_up_chinese"] == names["zh"]
    # A file has the answers of one level.
    assert identify(photo, "--model", trained, "--csv", file) == 2
    assert identify(photo, "--model", trained, "--level", "genus") == 2


def test_row_has_the_hazards_of_the_set(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, table = tmp_path / "answers.csv", tmp_path / "minerals.csv"
    lines = SHIPPED_TABLE.read_text("utf-8").splitlines()
    rows = {row["name"]: row for row in csv.DictReader(lines)}
    with table.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows["Agate"])
        writer.writeheader()
        writer.writerow(rows["Agate"] | {"hazard": "asbestos;radioactive"})
    photo = field / "agate" / "0.png"
    command = (photo, "--model", trained, "--coverage", 0.99, "--csv", file, "--json")
    assert identify(*command, "--minerals", table) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [hazard["classes"] for hazard in answer["hazards"]] == [["agate"], ["agate"]]
    (row,) = read_rows(file)
    assert row["hazards"] == "radioactive; asbestos"
    assert identify(*command) == 2  # another table: another file


def test_row_has_place_and_time(field: Path, trained: Path, tmp_path: Path) -> None:
    file, photo = tmp_path / "answers.csv", tmp_path / "a.jpg"
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:03 14:22:10"
    gps = {1: "S", 2: (33, 30, 0), 3: "W", 4: (70, 15, 0)}
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    Image.new("RGB", (40, 40), (10, 200, 30)).save(photo, exif=exif)
    assert identify(photo, field / "agate" / "0.png", "--model", trained, "--csv", file) == 0
    first, second = read_rows(file)
    assert first["taken_at"] == "2024-05-03T14:22:10"
    assert (first["latitude"], first["longitude"]) == ("-33.5", "-70.25")  # numbers, no escape
    assert (second["taken_at"], second["latitude"], second["longitude"]) == ("", "", "")


OLD = "photo,answer,chinese,probability,by_photo,set,none_of_these,next_test,sha256,asked\r\n"


def test_file_of_an_earlier_version_is_not_changed(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answers.csv"
    old = f"\ufeff{OLD}a.png,agate,玛瑙,0.9000,0.9000,agate,no,,{'0' * 64},{'0' * 12}\r\n"
    file.write_bytes(old.encode())
    command = (field / "agate", "--model", trained, "--csv", file)
    assert identify(*command) == 2
    error = capsys.readouterr().err
    assert "written by another version" in error
    assert "choose another file" in error
    assert file.read_bytes() == old.encode()
    file.write_bytes(f"\ufeff{OLD}".encode())  # holds no answer
    assert identify(*command) == 0
    assert len(read_rows(file)) == 4


def test_specimen_has_one_row(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answers.csv"
    options = ("--model", trained, "--specimen", "--csv", file)
    assert identify(field / "agate", *options) == 0
    before = file.read_bytes()
    assert identify(field / "agate", *options) == 0
    assert "Skipped 4 photos" in capsys.readouterr().err
    assert file.read_bytes() == before
    for _ in range(2):  # has an error, so it is tried again
        assert identify(field / "beryl", *options) == 3
        agate, beryl = read_rows(file)
    assert agate["photo"] == "; ".join(str(field / "agate" / f"{k}.png") for k in range(4))
    assert agate["error"] == ""
    assert beryl["answer"] != ""
    assert "broken.jpg" in beryl["error"]
    # Rows of photos and of specimens are not mixed.
    assert identify(field / "agate", "--model", trained, "--csv", file) == 2
    assert "--specimen" in capsys.readouterr().err


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


def test_crop_is_shown_and_belongs_to_the_question(
    field: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, model = field / "copper" / "0.png", ("--model", trained)
    assert identify(photo, *model, "--crop", "0.25,0.25,0.5,0.5", "--json") == 0
    assert json.loads(capsys.readouterr().out)["crops"] == [[0.225, 0.225, 0.55, 0.55]]
    assert identify(photo, *model, "--csv", tmp_path / "a.csv") == 0
    assert identify(photo, *model, "--csv", tmp_path / "a.csv", "--crop", "0,0,0.5,0.5") == 2
    assert "--crop" in capsys.readouterr().err
    assert identify(photo, *model, "--crop", "0.5,0.5,0.6,0.2") == 2
    error = capsys.readouterr().err.strip()
    assert "such as 0.5,0.25,0.2,0.3" in error
    assert "\n" not in error
