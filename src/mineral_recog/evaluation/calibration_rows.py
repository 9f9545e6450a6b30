"""The rows that the report and the terminal show of how far a run can be believed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mineral_recog.data.class_groups import GROUPS
from mineral_recog.evaluation.results import CalibrationResults, Evaluation, OtherKind

_FIGURES = ("ece_before", "ece_after", "coverage", "set_size", "kept")


def calibration_context(evaluation: Evaluation) -> dict[str, Any] | None:
    """What the report shows of the calibration of an evaluation, as text; None without one."""
    found = evaluation.calibration
    if found is None:
        return None
    return {
        "asked": f"{100 * found.asked:.0f}",
        "needed": math.ceil(round(found.asked / (1 - found.asked), 9)),
        "temperature": f"{found.temperature:.2f}",
        "points": {
            when: f"{100 * found.figures[f'ece_{when}']:.1f}" for when in ("before", "after")
        },
        "set_size": f"{found.figures['set_size']:.1f}",
        "groups": _group_rows(evaluation, found),
        "bases": _basis_rows(evaluation, found),
        "lowest": _lowest(evaluation, found),
        "others": [other_row(kind) for kind in found.others],
    }


def other_row(kind: OtherKind) -> dict[str, str]:
    """A kind of other pictures: shares in per cent, AUROC as it is."""
    told = {
        key: f"{value:.3f}" if key.endswith("auroc") else f"{100 * value:.1f}%"
        for key, value in kind.figures.items()
    }
    return {"name": kind.name, "pictures": f"{kind.pictures:,}", **told}


def calibration_figure(found: CalibrationResults, key: str, group: str = "") -> str:
    """A figure of `calibration_figures` as it is written, of all or of a group; a dash for none."""
    value = found.figures.get(f"{key}_{group}" if group else key)
    if value is None:
        return "–"
    if key.startswith("ece"):
        return f"{value:.3f}"
    return f"{value:.2f}" if key == "set_size" else f"{100 * value:.1f}%"


def _group_rows(evaluation: Evaluation, found: CalibrationResults) -> list[dict[str, str]]:
    """All photos, then those of each group that has some."""
    groups = np.array(evaluation.groups)
    photos = {"": int(evaluation.test_counts.sum())}
    photos |= {group: int(evaluation.test_counts[groups == group].sum()) for group in GROUPS}
    return [
        {"group": group, "photos": f"{count:,}"}
        | {key: calibration_figure(found, key, group) for key in _FIGURES}
        for group, count in photos.items()
        if count
    ]


def _basis_rows(evaluation: Evaluation, found: CalibrationResults) -> list[dict[str, Any]]:
    """For each basis of the sets: its classes with their validation photos, and their coverage."""
    rows = []
    for basis in ("own", "group", "all"):
        own = np.array([basis == of_class for of_class in found.rests_on])
        if not own.any():
            continue
        photos = evaluation.test_counts * own
        covered = np.nansum(found.class_coverage * photos)  # nan where there are no photos
        classes = sorted(np.flatnonzero(own), key=lambda c: -found.val_counts[c])
        rows.append(
            {
                "basis": basis,
                "classes": [f"{evaluation.classes[c]} ({found.val_counts[c]:,})" for c in classes],
                "photos": f"{photos.sum():,}",
                "coverage": f"{100 * covered / photos.sum():.1f}%" if photos.any() else "–",
            }
        )
    return rows


def _lowest(evaluation: Evaluation, found: CalibrationResults) -> dict[str, str]:
    """The class whose photos are covered least."""
    lowest = int(np.nanargmin(found.class_coverage))
    return {
        "name": evaluation.classes[lowest],
        "coverage": f"{100 * found.class_coverage[lowest]:.1f}%",
        "photos": f"{int(evaluation.test_counts[lowest]):,}",
    }
