"""Accuracy by level, the height of mistakes, and how often rolled-up answers hold, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.cli.figure_tables import print_metrics
from mineral_recog.evaluation.by_level import (
    level_document,
    level_rows,
    measure_by_level,
    mistake_remark,
    roll_up_rows,
)
from mineral_recog.evaluation.report import write_report
from mineral_recog.evaluation.results import Evaluation, LevelResults, Predictions
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from tests.conftest import make_dataset
from tests.evaluation.calibrated_evaluation import CALIBRATION, make_evaluation
from tests.tags import Tags

TAXONOMY = Taxonomy(read_minerals())
CLASSES = ("agate", "quartz", "almandine", "pyrope", "topaz")
# True class, and the probabilities of all.
PHOTOS = (
    ("agate", (0.55, 0.40, 0.02, 0.02, 0.01)),  # right; quartz, 95 %
    ("agate", (0.40, 0.55, 0.02, 0.02, 0.01)),  # the species is right
    ("almandine", (0.0, 0.0, 0.3, 0.6, 0.1)),  # the group is right; silicates
    ("topaz", (0.0, 0.0, 0.3, 0.65, 0.05)),  # the class is right; a garnet, which is wrong
    ("quartz", (0.0, 0.01, 0.0, 0.0, 0.99)),  # nothing is right
)


def measured(classes: tuple[str, ...] = CLASSES) -> LevelResults | None:
    labels = np.array([CLASSES.index(name) for name, _ in PHOTOS])
    logits = np.log(np.array([p for _, p in PHOTOS]) + 1e-9).astype(np.float32)
    dataset = make_dataset(Path("gone"), [""] * len(PHOTOS))
    predictions = Predictions(labels, logits, np.zeros((len(PHOTOS), 1), np.float32), dataset)
    count = len(classes)
    evaluation: Evaluation = replace(
        make_evaluation(None), classes=classes, predictions=predictions, groups=("",) * count,
        train_counts=(1,) * count, class_accuracy=np.ones(count), test_counts=np.ones(count, int),
    )  # fmt: skip
    calibration = Calibration(1.0, CALIBRATION.conformal, CALIBRATION.ood)
    return measure_by_level(evaluation, calibration, TAXONOMY)


def test_levels_heights_and_rolled_up_answers() -> None:
    results = measured()
    assert results is not None
    assert [(row.level, row.name_count, row.accuracy) for row in results.levels] == [
        ("species", 4, 0.4),
        ("group", 3, pytest.approx(0.6)),
        ("class", 2, 0.8),
    ]
    assert [row.mean_accuracy for row in results.levels] == pytest.approx([0.25, 0.5, 0.75])
    assert (results.mistake_count, results.mistake_height) == (4, (1 + 2 + 3 + 4) / 4)
    at_90 = next(row for row in results.roll_up if row.asked == 0.9)
    assert list(at_90) == pytest.approx([0.9, 1.0, 0.6, 0.2])
    document = level_document(results)
    assert document["mean_accuracy"]["group"] == pytest.approx(0.5)
    assert document["roll_up"][-2]["right"] == pytest.approx(0.6)
    assert [row["accuracy"] for row in level_rows(results)] == ["40.00%", "60.00%", "80.00%"]
    assert roll_up_rows(results)[-2]["right"] == "60.0%"
    remark = mistake_remark(results)
    assert remark is not None
    assert "4 mistakes: 2.50" in remark[0]


def test_nothing_is_measured_where_the_taxonomy_joins_nothing() -> None:
    assert measured(("concrete", "brick", "asphalt", "topaz", "gold")) is None


def test_levels_are_in_the_report_and_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = replace(make_evaluation(None), by_level=measured())
    write_report(tmp_path / "report.html", evaluation)
    page = Tags((tmp_path / "report.html").read_text("utf-8"))
    assert not page.open
    assert "4 mistakes: 2.50" in (tmp_path / "report.html").read_text("utf-8")
    for language, expected in (("en", "class (Nickel-Strunz) 2 75.00% 80.00%"), ("zh", "族 3")):
        monkeypatch.setenv("MINERAL_RECOG_LANG", language)
        print_metrics(evaluation)
        assert expected in " ".join(capsys.readouterr().out.split())
