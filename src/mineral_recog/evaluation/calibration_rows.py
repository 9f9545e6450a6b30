"""The rows of the report and the terminal on the calibration of a run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mineral_recog.data.class_groups import GROUPS
from mineral_recog.data.dataset import first_names
from mineral_recog.evaluation.calibration_results import CalibrationResults, OodPictures
from mineral_recog.evaluation.results import Evaluation

_MAX_NAMES = 20  # of a basis; trust.json has all
_METRICS = ("ece_before", "ece_after", "coverage", "set_size", "kept")


def calibration_context(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return what the report shows of the calibration, as text; None without a calibration."""
    results = evaluation.calibration
    if results is None:
        return None
    return {
        "coverage_target": f"{100 * results.coverage_target:.0f}",
        "min_val_photos": math.ceil(
            round(results.coverage_target / (1 - results.coverage_target), 9)
        ),
        "temperature": f"{results.temperature:.2f}",
        "points": {
            stage: f"{100 * results.metrics[f'ece_{stage}']:.1f}" for stage in ("before", "after")
        },
        "set_size": f"{results.metrics['set_size']:.1f}",
        "groups": _group_rows(evaluation, results),
        "bases": _basis_rows(evaluation, results),
        "lowest": _lowest_coverage(evaluation, results),
        "ood_pictures": [ood_row(pictures) for pictures in results.ood_pictures],
    }


def ood_row(pictures: OodPictures) -> dict[str, str]:
    """Return the metrics of out-of-distribution pictures: shares in per cent, AUROC from 0 to 1."""
    cells = {
        key: f"{value:.3f}" if key.endswith("auroc") else f"{100 * value:.1f}%"
        for key, value in pictures.figures.items()
    }
    return {"name": pictures.name, "pictures": f"{pictures.pictures:,}", **cells}


def format_calibration_metric(results: CalibrationResults, key: str, group: str = "") -> str:
    """Format a metric of `calibration_metrics`, of all photos or of a group; a dash if missing."""
    value = results.metrics.get(f"{key}_{group}" if group else key)
    if value is None:
        return "–"
    if key.startswith("ece"):
        return f"{value:.3f}"
    return f"{value:.2f}" if key == "set_size" else f"{100 * value:.1f}%"


def _group_rows(evaluation: Evaluation, results: CalibrationResults) -> list[dict[str, str]]:
    """Return a row for all photos, then one for each group that has photos."""
    groups = np.array(evaluation.groups)
    counts = {"": int(evaluation.test_counts.sum())}
    counts |= {group: int(evaluation.test_counts[groups == group].sum()) for group in GROUPS}
    return [
        {"group": group, "photos": f"{count:,}"}
        | {key: format_calibration_metric(results, key, group) for key in _METRICS}
        for group, count in counts.items()
        if count
    ]


def _basis_rows(evaluation: Evaluation, results: CalibrationResults) -> list[dict[str, Any]]:
    """Return a row per basis of the sets: classes with validation photos, and their coverage."""
    rows = []
    for basis in ("own", "group", "all"):
        members = np.array([basis == class_basis for class_basis in results.bases])
        if not members.any():
            continue
        counts = evaluation.test_counts * members
        covered = np.nansum(results.class_coverage * counts)  # nan for a class without photos
        classes = sorted(np.flatnonzero(members), key=lambda c: -results.val_counts[c])
        rows.append(
            {
                "basis": basis,
                "classes": first_names(
                    [f"{evaluation.classes[c]} ({results.val_counts[c]:,})" for c in classes],
                    _MAX_NAMES,
                ),
                "photos": f"{counts.sum():,}",
                "coverage": f"{100 * covered / counts.sum():.1f}%" if counts.any() else "–",
            }
        )
    return rows


def _lowest_coverage(evaluation: Evaluation, results: CalibrationResults) -> dict[str, str]:
    """Return the class with the lowest coverage."""
    lowest = int(np.nanargmin(results.class_coverage))
    return {
        "name": evaluation.classes[lowest],
        "coverage": f"{100 * results.class_coverage[lowest]:.1f}%",
        "photos": f"{int(evaluation.test_counts[lowest]):,}",
    }
