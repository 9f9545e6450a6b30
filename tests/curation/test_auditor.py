"""What `audit` tells on the terminal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from tests.duplicates.scenes import scene


def test_photos_with_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(6):
        folder = tmp_path / "photos" / ("opal", "gold")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        scene(seed).save(folder / f"{seed}.png")
        (folder / f"{seed}.txt").touch()
    (tmp_path / "photos" / "opal" / "a.raw").touch()
    assert main(["audit", str(tmp_path / "photos"), "--out", str(tmp_path / "found")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == ["Read: 6 photos", "Not photos: 1 .raw, 6 .txt", "Nothing was found wrong."]


@pytest.mark.parametrize("more", [0, 1, 12])
def test_classes_that_the_model_does_not_know(
    prepared: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: int
) -> None:
    photos = Path(shutil.copytree(prepared / "val", tmp_path / "photos"))
    for number in range(more):
        (photos / f"stone {number:02}").mkdir()
        scene(number).save(photos / f"stone {number:02}" / "0.png")
    out = ["--out", str(tmp_path / "found"), "--model", str(trained)]
    assert main(["audit", str(photos), *out]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "does not know" in line]
    first = ", ".join(f"stone {number:02}" for number in range(min(more, 10)))
    rest = " ..." if more > 10 else ""
    line = f"Classes that the model does not know, and cannot doubt: {more} ({first}{rest})"
    assert told == ([line] if more else [])
