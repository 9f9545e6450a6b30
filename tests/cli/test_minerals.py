"""`minerals check` prints each problem on a line and sets the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from mineral_recog.minerals.facts import SHIPPED_TABLE
from tests.minerals.test_facts import write_table


def test_shipped_table_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["minerals", "check", str(SHIPPED_TABLE)]) == 0
    assert capsys.readouterr().out == "Rows: 460, no problem found.\n"


def test_problems_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_table(tmp_path / "own.csv", {"name": "Plumbite", "formula": "PbS"}, {"name": "A"})
    assert main(["minerals", "check", str(path)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0].rpartition("/")[2] for line in lines[:-1]] == [
        "own.csv, line 2", "own.csv, line 2", "own.csv, line 3",
    ]  # fmt: skip
    assert ["hazard" in line for line in lines] == [False, True, False, False]
    assert lines[-1] == "Rows: 2, to correct: 3."


def test_missing_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["minerals", "check", str(tmp_path / "none.csv")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_group_of_commands_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["minerals"]) == 0
    assert "check" in capsys.readouterr().out
