"""Tests of the terminal output of `audit`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from tests.duplicates.scenes import scene


def test_photos_without_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(6):
        folder = tmp_path / "photos" / ("opal", "gold")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        scene(seed).save(folder / f"{seed}.png")
        (folder / f"{seed}.txt").touch()
    (tmp_path / "photos" / "opal" / "a.raw").touch()
    assert main(["audit", str(tmp_path / "photos"), "--out", str(tmp_path / "found")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["class", "usable", "photos", "without", "copies"],
        ["gold", "3", "3"],
        ["opal", "3", "3"],
    ]
    assert lines[3:] == ["Read: 6 photos", "Not photos: 1 .raw, 6 .txt", "No problems were found."]


def test_small_classes_and_a_pattern_for_specimens_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    for folder in ("opal", "gold", "empty"):
        (photos / folder).mkdir(parents=True)
    for seed in range(12):
        scene(seed).save(photos / "opal" / f"s{seed // 3}-{seed % 3}.png")
    for name, seed in (("a", 20), ("b", 20), ("c", 21)):
        scene(seed).save(photos / "gold" / f"{name}.png")
    assert main(["audit", str(photos), "--out", str(tmp_path / "found")]) == 0
    output = capsys.readouterr().out
    assert "one): empty: 0 photos; gold: 3 photos, 2 without copies. `prepare` leaves" in output
    assert "(opal/s0-0.png, opal/s0-1.png, opal/s0-2.png): 12 photos of 4 specimens" in output
    assert "--group-by '{specimen}-*' keeps each specimen in one split" in output


def test_how_the_photos_were_read_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(4):
        folder = tmp_path / "photos" / ("Igneous/Basalt", "Sedimentary/Coal")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        scene(seed).save(folder / f"{seed}.png")
    (tmp_path / "photos" / "Igneous" / "Thumbs.db").touch()
    (tmp_path / "photos" / "Igneous" / "Basalt" / "a.png").write_bytes(b"torn")
    command = ["audit", str(tmp_path / "photos"), "--out", str(tmp_path / "found")]
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "Read as classes: Igneous, Sedimentary, which hold only folders" in output
    assert "Left out, made by a system or a server: 1 files and folders: Thumbs.db" in output
    assert main([*command, "--force", "--class-level", "2"]) == 0
    output = capsys.readouterr().out
    assert "Read as classes" not in output
    assert "photos DATA --class-level 2 --decisions" in output


def test_folder_without_photos_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos" / "opal").mkdir(parents=True)
    (tmp_path / "photos" / "opal" / "a.txt").touch()
    assert main(["audit", str(tmp_path / "photos"), "--out", str(tmp_path / "found")]) == 2
    assert "has no photos in class folders. It holds 1 .txt" in capsys.readouterr().err
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize("unknown_count", [0, 1, 12])
def test_unknown_classes_are_listed(
    prepared: Path,
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    unknown_count: int,
) -> None:
    photos = Path(shutil.copytree(prepared / "val", tmp_path / "photos"))
    for number in range(unknown_count):
        (photos / f"stone {number:02}").mkdir()
        scene(number).save(photos / f"stone {number:02}" / "0.png")
    out = ["--out", str(tmp_path / "found"), "--model", str(trained)]
    assert main(["audit", str(photos), *out]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "does not know" in line]
    first = ", ".join(f"stone {number:02}" for number in range(min(unknown_count, 10)))
    rest = " ..." if unknown_count > 10 else ""
    line = f"Classes that the model does not know and cannot check: {unknown_count} ({first}{rest})"
    assert lines == ([line] if unknown_count else [])


def test_added_photos_are_audited_and_named_in_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("photos/opal", "photos/gold", "more/gold")):
        (tmp_path / name).mkdir(parents=True)
        scene(number).save(tmp_path / name / "1.png")
    shutil.copy(tmp_path / "photos/opal/1.png", tmp_path / "more/gold/2.png")
    photos, more, out = (tmp_path / name for name in ("photos", "more", "audit"))
    assert main(["audit", str(photos), "--out", str(out), "--add", str(more)]) == 0
    assert f"--add {more}" in capsys.readouterr().out
    assert "gold/added/2.png" in (out / "findings.csv").read_text(encoding="utf-8")
    assert main(["audit", str(photos), "--out", str(more / "out"), "--add", str(more)]) == 2
