"""Corrupted photos are measured with the model's calibration, and shown."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mineral_recog.cli.main import main
from mineral_recog.evaluation import corruption_evaluation
from mineral_recog.evaluation.corruption_evaluation import _draw
from mineral_recog.evaluation.corruption_rows import corruption_table


def test_corruptions_are_evaluated(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    assert main(["evaluate", str(run), "--workers", "0", "--corruptions"]) == 0
    shown = capsys.readouterr().out
    assert "corrupted (12 photos)" in shown
    folder = run / "evaluation" / "test"
    with (folder / "corruptions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 22
    assert (rows[0]["corruption"], rows[0]["strength"], rows[0]["photos"]) == ("none", "0", "12")
    with (folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
        accuracy = np.mean([float(row["accuracy"]) for row in csv.DictReader(file)])
    assert float(rows[0]["mean_accuracy"]) == pytest.approx(accuracy, abs=1e-4)
    figures = json.loads((folder / "trust.json").read_text("utf-8"))["figures"]
    assert float(rows[0]["kept"]) == pytest.approx(figures["kept"], abs=1e-4)
    page = (folder / "report.html").read_text("utf-8")
    assert "Small, off centre" in page
    assert page.count('width="112"') == 22
    assert f"{100 * float(rows[21]['coverage']):.1f}%" in page
    assert corruption_table(None) == []
    assert main(["evaluate", str(run), "--workers", "0", "--force"]) == 0  # the file is ours


def test_few_photos_of_each_class_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.repeat([0, 1, 2], (100, 20, 3))
    np.testing.assert_array_equal(_draw(labels), np.arange(123))
    monkeypatch.setattr(corruption_evaluation, "MAX_PHOTOS", 23)
    drawn = _draw(labels)
    assert np.bincount(labels[drawn]).tolist() == [10, 10, 3]
    np.testing.assert_array_equal(drawn, _draw(labels))
