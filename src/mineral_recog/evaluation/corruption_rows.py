"""The rows of corruptions.csv, the report and the terminal on corrupted photos."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from mineral_recog.data.corruptions import KINDS, STRENGTHS
from mineral_recog.evaluation.calibration_results import CorruptionResults

SAVED_KEYS = (
    "accuracy", "mean_accuracy", "ece", "coverage", "lowest_coverage", "set_size", "kept",
)  # fmt: skip


def csv_rows(results: CorruptionResults) -> Iterator[Sequence[object]]:
    """Yield the rows of corruptions.csv."""
    yield "corruption", "strength", "photos", *SAVED_KEYS
    for row in results.rows:
        figures = (f"{row.figures[key]:.4f}" for key in SAVED_KEYS)
        yield row.kind or "none", row.strength, results.photo_count, *figures


def corruption_table(results: CorruptionResults | None) -> list[dict[str, Any]]:
    """Return a row per kind with its name in both languages, and a cell per strength.

    The cells have mean accuracy, ECE and coverage as text, and the picture as a data URL. The
    first row has the unchanged photos, and one cell.
    """
    if results is None:
        return []
    cells = {}
    for row, picture in zip(results.rows, results.pictures, strict=True):
        cells[row.kind, row.strength] = {
            "mean_accuracy": f"{100 * row.figures['mean_accuracy']:.1f}%",
            "ece": f"{row.figures['ece']:.3f}",
            "coverage": f"{100 * row.figures['coverage']:.1f}%",
            "kept": f"{100 * row.figures['kept']:.1f}%",
            "picture": "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii"),
        }
    table = [{"english": "Unchanged", "chinese": "未改动", "cells": [cells["", 0]]}]
    return table + [
        {
            "english": kind.english,
            "chinese": kind.chinese,
            "cells": [cells[key, strength] for strength in STRENGTHS],
        }
        for key, kind in KINDS.items()
    ]
