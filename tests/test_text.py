"""Names with unsafe characters, wherever they are shown."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.cli.main import main
from mineral_recog.csv_files import FORMULA_STARTS, escape_formula, write_rows
from mineral_recog.errors import UserError
from mineral_recog.text import MAX_LINE, natural_order, one_line, printable

NAMES = ("\x1b[2J\x1b]0;mine\x07.png", "a\nb.png", "\u202egnp.exe.png", "<img src=x>.png")


@given(st.text())
def test_shown_text_is_one_line_without_control_characters(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
    escaped = escape_formula(text)
    assert not escaped.startswith(FORMULA_STARTS) or float(escaped) <= 0
    assert str(UserError(text)).isprintable()


@pytest.mark.parametrize("text", ["-0.02", "-5", "-1.2e-05", "-3e+09"])
def test_negative_numbers_stay_numbers(text: str) -> None:
    assert escape_formula(text) == text


@pytest.mark.parametrize("text", ["-1+1", "-0.02 ", "-x", "-", "-1\n", "+1", "-0x1", "-inf", "--1"])
def test_what_only_begins_like_a_number_is_escaped(text: str) -> None:
    assert escape_formula(text).startswith("'")


def test_written_rows_have_safe_text_and_unchanged_numbers(tmp_path: Path) -> None:
    write_rows(tmp_path / "table.csv", [("name", "count"), ("=1+1", -2), ("a\nb,", 0.5)])
    written = (tmp_path / "table.csv").read_bytes()
    assert written == b'name,count\r\n\'=1+1,-2\r\n"a\\nb,",0.5\r\n'


def test_errors_are_one_line_with_unchanged_names() -> None:
    assert str(UserError("a\tb  c.png: broken\n   at line 1\n")) == r"a\tb  c.png: broken at line 1"


@given(st.text(st.characters(categories=["L", "N", "P"])))
def test_printable_text_stays_unchanged(text: str) -> None:
    assert printable(text) == text


def test_hostile_names_are_escaped_in_terminals_and_tables(
    trained: Path, prepared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    photo = next(prepared.glob("test/*/*.png")).read_bytes()
    for name in NAMES:
        (tmp_path / name).write_bytes(photo)
        (tmp_path / f"broken {name}").write_bytes(photo[:50])
    assert main(["identify", str(tmp_path), "--model", str(trained)]) == 3
    out, err = capfd.readouterr()
    assert all(line.isprintable() for line in (out + err).splitlines())
    assert err.count("Skipped: ") == len(NAMES)
    assert main(["identify", str(tmp_path), "--model", str(trained), "--json"]) == 3
    for line in capfd.readouterr().out.splitlines():
        assert "\x1b" not in line
        assert json.loads(line)["photo"]
    table = tmp_path / "answers.csv"
    command = ["identify", str(tmp_path), "--model", str(trained), "--csv", str(table)]
    for _ in range(2):  # the second time, the broken ones are tried again
        assert main(command) == 3
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2 * len(NAMES)
    assert all(cell.isprintable() for row in rows for cell in row.values())
    answered, broken = (
        {Path(row["photo"]).name for row in rows if bool(row["error"]) == has_error}
        for has_error in (False, True)
    )
    assert answered == set(map(printable, NAMES))
    assert broken == {printable(f"broken {name}") for name in NAMES}


def test_class_names_that_look_like_formulas_are_escaped(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = tmp_path / "data", tmp_path / "runs"
    for split in ("train", "val", "test"):
        for number, class_folder in enumerate(sorted((prepared / split).iterdir())):
            target = data / split / ("=1+1", "@SUM(A1)", "quartz")[number]
            target.mkdir(parents=True)
            for photo in class_folder.iterdir():
                (target / photo.name).write_bytes(photo.read_bytes())
    settings = ["backbone=test_resnet", "pretrained=false", "image_size=32", "epochs=2"]
    options = [part for setting in settings for part in ("--set", setting)]
    command = ["compare", str(data), "--recipes", "baseline,crt", "--seeds", "0", "--workers", "0"]
    assert main([*command, "--out", str(run), *options]) == 0
    tables = list(run.rglob("*.csv"))
    assert len(tables) >= 5
    for table in tables:
        with table.open(encoding="utf-8", newline="") as file:
            assert not [
                c for row in csv.reader(file) for c in row if c.startswith(FORMULA_STARTS[0:1])
            ]
    with next(run.rglob("predictions.csv")).open(newline="") as file:
        assert {row["class"] for row in csv.DictReader(file)} == {"'=1+1", "'@SUM(A1)", "quartz"}


@pytest.mark.parametrize(
    "names",
    [
        ["0", "1", "2", "10", "11", "100"],
        ["a", "a1", "a2", "a10", "a10b2", "a10b10", "ab", "b1"],
        ["01", "1", "02", "2", "10"],
        ["石英", "矿物 2", "矿物 10"],
        ["9", "9" * 5000, "1" + "0" * 5000],
        ["-1", "1", "A", "_", "a"],
    ],
)
def test_digits_are_ordered_by_their_value(names: list[str]) -> None:
    assert natural_order(reversed(names)) == names


@given(st.lists(st.text(st.characters(exclude_characters="0123456789"))))
def test_names_without_digits_keep_their_order(names: list[str]) -> None:
    assert natural_order(names) == sorted(names)


@given(st.lists(st.text("019a /:é", max_size=4)))
def test_natural_order_does_not_depend_on_the_order_given(names: list[str]) -> None:
    assert natural_order(reversed(names)) == natural_order(names)
    assert sorted(natural_order(names)) == sorted(names)


@given(st.text())
def test_one_line_is_short_and_keeps_short_texts(text: str) -> None:
    line, words = one_line(3 * text), (3 * text).split()
    assert len(line) <= MAX_LINE
    assert line == " ".join(words) or line.endswith(" …")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no route\n  to host", "no route to host"),
        (" ".join(["word"] * 40), " ".join(["word"] * 31) + " …"),  # 31 words are 154 characters
        ("矿" * 200, "矿" * 158 + " …"),
    ],
)
def test_long_texts_are_cut_between_words(text: str, expected: str) -> None:
    assert one_line(text) == expected
