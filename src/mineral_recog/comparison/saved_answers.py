"""Read the answers of a run from its predictions.csv, and check them against its metrics."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mineral_recog.csv_files import escape_formula
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.by_attribute import answers_by_pair, attribute_values
from mineral_recog.evaluation.by_specimen import specimen_numbers
from mineral_recog.evaluation.results import Answers, Evaluation


def read_answers(path: Path, classes: Sequence[str]) -> Answers:
    """Read the rows of predictions.csv, sorted by name of photo.

    Raises:
        ValueError: The file is damaged.
        KeyError: The file is damaged.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["photo"])
    labels = {escape_formula(name): c for c, name in enumerate(classes)}
    label_of_photo = np.array([labels[row["class"]] for row in rows], dtype=np.int64)
    columns = rows[0].keys() if rows else ()
    answers = Answers(
        paths=tuple(row["photo"] for row in rows),
        labels=label_of_photo,
        ranks=np.array([int(row["rank"]) for row in rows], dtype=np.int64),
        confidence=np.array([float(row["probability"]) for row in rows]),
        specimens=(
            specimen_numbers(label_of_photo, [row["specimen"] for row in rows])
            if "specimen" in columns
            else None
        ),
        attributes=tuple(row["attribute"] for row in rows) if "attribute" in columns else None,
    )
    if not ((answers.confidence >= 0) & (answers.confidence <= 1) & (answers.ranks >= 1)).all():
        raise ValueError("probabilities or ranks are out of range")
    return answers


def refuse_different_metrics(evaluation: Evaluation, answers: Answers) -> None:
    """Raise ValueError or KeyError if the metrics in the files are not those of the answers."""
    computed = metrics.metrics_of_answers(answers, evaluation.groups)
    computed.pop("ece")  # a rounded probability may be in the next bin
    _refuse_different(computed, evaluation.figures)
    results = evaluation.by_attribute
    if (results is None) != (answers.attributes is None):
        raise ValueError("the attributes of the photos or their metrics are missing")
    if results is not None:
        by_pair = metrics.metrics_of_answers(*answers_by_pair(answers, results.pairs))
        _refuse_different(results.figures, attribute_values(by_pair))


def _refuse_different(some: Mapping[str, float], others: Mapping[str, float]) -> None:
    """Raise ValueError or KeyError if some metrics are not among others of the same values."""
    if any(not abs(others[key] - value) < 1e-6 for key, value in some.items()):
        raise ValueError("metrics and predictions do not agree")
