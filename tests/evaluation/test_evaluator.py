"""Choice of the split, and when copies of training photos are searched."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.evaluation import leakage
from mineral_recog.evaluation.evaluation_files import read_evaluation
from mineral_recog.evaluation.evaluator import evaluate
from tests.conftest import write_photos


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_unknown_split_is_reported(run: Path) -> None:
    with pytest.raises(UserError, match="There is no split exam: choose one of train, val, test"):
        evaluate(run, split="exam")


@pytest.mark.parametrize("split", ["train", "test"])
def test_copies_are_not_reported_if_they_were_not_searched(
    run: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    if split == "test":  # too many photos; in train every photo would be a copy
        monkeypatch.setattr(leakage, "MAX_PHOTOS", 21 + 12 - 1)
    made = evaluate(run, split=split, device="cpu", workers=0)
    assert made.evaluation.leakage is None
    assert made.evaluation.provenance["copies of training photos"] == "not checked"
    assert made.against is None
    assert not (made.folder / "copies.json").exists()
    assert "Copies of training photos" not in (made.folder / "report.html").read_text("utf-8")


@pytest.fixture
def other_classes(prepared: Path, tmp_path: Path) -> Path:
    """Return photos without copper, with gold, and with beryl under another name."""
    data = Path(shutil.copytree(prepared, tmp_path / "other"))
    (data / "test" / "beryl").rename(data / "test" / "绿柱石")
    (data / "test" / "copper").rename(data / "test" / "gold")
    return data


def test_common_classes_are_measured_on_request(run: Path, other_classes: Path) -> None:
    with pytest.raises(UserError, match=r"--classes common.*--aliases"):
        evaluate(run, data=other_classes, device="cpu", workers=0)
    made = evaluate(
        run, data=other_classes, classes="common", aliases=("minerals",), device="cpu", workers=0
    )
    evaluation = made.evaluation
    assert evaluation.test_counts.tolist() == [4, 4, 0]
    metrics = json.loads((made.folder / "metrics.json").read_text("utf-8"))
    assert metrics["classes"] == {
        "missing": ["copper"], "left_out": {"gold": 4}, "renamed": {"绿柱石": "beryl"},
    }  # fmt: skip
    assert metrics["mean_accuracy"] == pytest.approx(evaluation.class_accuracy[:2].mean())
    with (made.folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-2:] == ["precision", "f1"]
    assert [rows[2][key] for key in ("n_test", "accuracy", "precision", "f1")] == ["0", "", "", ""]
    assert metrics["macro_f1"] == pytest.approx(
        sum(float(row["f1"]) for row in rows[:2]) / 2, abs=1e-4
    )
    page = (made.folder / "report.html").read_text("utf-8")
    assert "8 test photos · 2 of 3 classes" in page
    assert "Photos left out, since the model does not know the class: gold (4)." in page
    # It can be compared with, and its photos are still compared with those of training.
    assert read_evaluation(run, "test", evaluation.classes).figures == evaluation.figures
    assert evaluation.leakage is not None


def test_split_of_one_class_can_be_measured(run: Path, other_classes: Path) -> None:
    for name in ("agate", "gold"):
        shutil.rmtree(other_classes / "test" / name)
    write_photos(other_classes / "test" / "copper", 2, 1)
    made = evaluate(run, data=other_classes, classes="common", device="cpu", workers=0)
    assert made.evaluation.test_counts.tolist() == [0, 0, 1]
    assert made.evaluation.figures["cw_arange"] == 0
