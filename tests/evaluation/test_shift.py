"""Photos of another place beside the run's own: when the sets no longer hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from mineral_recog.evaluation.calibration_results import SplitSummary
from mineral_recog.evaluation.results import Evaluation, SpecimenResults
from mineral_recog.evaluation.shift import (
    measure_shift,
    read_own_summary,
    shift_document,
    shift_line,
    shift_rows,
)
from tests.evaluation.calibrated_evaluation import (
    calibration_results,
    make_evaluation,
    make_predictions,
)

OWN = SplitSummary(
    40, {"mean_accuracy": 0.8, "ece": 0.04, "coverage": 0.95, "lowest_coverage": 0.9, "kept": 0.96}
)


def evaluation_of(counts: list[int], held: list[int]) -> Evaluation:
    """Return an evaluation of two classes with so many photos, and so many right sets."""
    results = calibration_results(with_ood=False)
    metrics = {**results.metrics, "coverage": sum(held) / sum(counts)}
    results = replace(results, metrics=metrics, class_coverage=np.array(held) / counts)
    return replace(make_evaluation(results), test_counts=np.array(counts))


@pytest.mark.parametrize(
    ("counts", "held", "holds", "failing"),
    [
        ([50, 50], [45, 46], True, ()),
        ([50, 50], [50, 50], True, ()),
        ([10, 10], [8, 8], True, ()),  # 80 %, but of few photos
        ([200, 200], [160, 160], False, ("Quartz", "Opal")),  # 80 % of many
        ([100, 40], [98, 25], False, ("Opal",)),  # one class alone
        ([60, 60], [50, 50], False, ()),  # neither class alone
    ],
)
def test_sets_fail_only_where_chance_does_not_explain_it(
    counts: list[int], held: list[int], holds: bool, failing: tuple[str, ...]
) -> None:
    shift = measure_shift(evaluation_of(counts, held), OWN)
    assert (shift.holds, shift.failing) == (holds, failing)
    exact = binomtest(sum(held), sum(counts)).proportion_ci(0.90, "exact").high
    assert shift.coverage_bound == pytest.approx(exact)
    # Holm's procedure on exact tests, by another way
    p = sorted(binom.cdf([*held, sum(held)], [*counts, sum(counts)], 0.9))
    assert holds == (p[0] > 0.05 / 3)
    line, chinese = shift_line(shift)
    assert ("no longer hold" in line) is not holds
    assert ("不再可靠" in chinese) is not holds
    assert ("calibrate RUN --photos" in line) is not holds
    assert ("hold for Opal on" in line) is (failing == ("Opal",))
    assert ("beyond chance: Quartz, Opal." in line) is (len(failing) == 2)
    assert "own photos 95.0 %" in line
    assert "\n" not in line


def test_photos_of_a_specimen_are_no_more_evidence_than_one() -> None:
    labels = [0] * 100 + [1] * 100
    evaluation = replace(
        evaluation_of([100, 100], [80, 80]), predictions=make_predictions(labels, [0] * 200)
    )
    assert not measure_shift(evaluation, None).holds
    names = tuple(f"{label}-{index % 10}" for index, label in enumerate(labels))
    by_specimen = SpecimenResults(names, 20, {}, {})
    shift = measure_shift(replace(evaluation, by_specimen=by_specimen), None)
    assert shift.holds
    assert shift.coverage_bound > 0.9
    assert [row["own"] for row in shift_rows(shift)] == ["–"] * 5
    assert "own photos" not in shift_line(shift)[0]


def test_class_without_photos_is_not_tested() -> None:
    evaluation = replace(evaluation_of([50, 1], [45, 0]), test_counts=np.array([50, 0]))
    results = evaluation.calibration
    assert results is not None
    coverage = replace(results, class_coverage=np.array([0.9, np.nan]))
    assert measure_shift(replace(evaluation, calibration=coverage), OWN).holds


def test_own_summary_is_read_from_an_evaluation(tmp_path: Path) -> None:
    def write(metrics: Any, trust: Any) -> SplitSummary | None:
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        (tmp_path / "trust.json").write_text(json.dumps(trust))
        return read_own_summary(tmp_path)

    assert read_own_summary(tmp_path / "nowhere") is None
    figures = {"ece_after": 0.04, "coverage": 0.95, "lowest_coverage": 0.9, "kept": 0.96}
    trust = {"own_photos": True, "photos": 40, "figures": figures}
    assert write({"mean_accuracy": 0.8}, trust) == OWN
    # One of an older version may be of other photos, and one of some classes has other figures.
    assert write({"mean_accuracy": 0.8}, {**trust, "own_photos": False}) is None
    assert write({"mean_accuracy": 0.8, "classes": {"missing": ["Opal"]}}, trust) is None
    shift = measure_shift(evaluation_of([50, 50], [30, 45]), OWN)
    assert write({"shift": shift_document(shift)}, {"own_photos": False}) == OWN
    damaged_files: tuple[Any, ...] = ({"shift": 3}, {"shift": {"own": None}}, [], 5)
    for damaged in damaged_files:
        assert write(damaged, {}) is None
