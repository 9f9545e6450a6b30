"""The report of an evaluation: one self-contained HTML file in English and Chinese."""

import base64
import math
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import ImageOps

from mineral_recog.calibration.temperature import softmax
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.images import open_photo
from mineral_recog.evaluation import calibration_plots, metrics, plots
from mineral_recog.evaluation.accuracy_plot import per_class_accuracy
from mineral_recog.evaluation.by_level import level_rows, mistake_remark, roll_up_rows
from mineral_recog.evaluation.calibration_rows import calibration_context
from mineral_recog.evaluation.corruption_rows import corruption_table
from mineral_recog.evaluation.metric_descriptions import (
    attribute_remark,
    attribute_rows,
    class_differences_remark,
    few_photos_remark,
    leakage_rows,
    metric_rows,
    paper_rows,
    specimen_rows,
)
from mineral_recog.evaluation.results import MIN_CLASS_PHOTOS, WORST, Evaluation
from mineral_recog.evaluation.shift import shift_line, shift_rows
from mineral_recog.rendering.bilingual_plots import bilingual
from mineral_recog.rendering.html import write_page
from mineral_recog.rendering.plot_elements import MAX_NAMED_CLASSES

_MAX_MISTAKES, _MAX_PAIRS, _THUMBNAIL_SIZE = 12, 10, 320
_MAX_CLASS_ROWS = 50  # more are hidden until the reader asks for them
_CARDS = (
    "mean_accuracy",
    "mean_accuracy_head",
    "mean_accuracy_tail",
    "cw_asd",
    "cw_arange",
    "accuracy",
)
_GROUP_NAMES = {"head": "头部", "medium": "中部", "tail": "尾部"}


def write_report(path: Path, evaluation: Evaluation, against: Evaluation | None = None) -> None:
    """Write the report of `evaluation`, compared with `against` if given, as one HTML file.

    The file is self-contained and written atomically. Without predictions the sections that need
    them (mistakes, confusion, features) are left out; photos that can no longer be read leave an
    empty frame.

    Raises:
        OSError: `path` cannot be written.
    """
    write_page(path, "evaluation/report.html", _context(evaluation, against))


def _context(evaluation: Evaluation, against: Evaluation | None) -> dict[str, Any]:
    """Return the values that the template shows."""
    counts = evaluation.train_counts
    rows = _class_rows(evaluation)
    worst = metrics.worst_first(evaluation.class_accuracy, evaluation.test_counts).tolist()
    return {
        "run": evaluation,
        "against": against,
        "photo_count": int(evaluation.test_counts.sum()),
        "imbalance": max(counts) / max(1, min(counts)),
        "shares": {key: f"{100 * value:.0f}" for key, value in evaluation.figures.items()},
        "class_differences": class_differences_remark(evaluation),
        "measured_count": int((evaluation.test_counts > 0).sum()),
        "plot_names": len(evaluation.classes) <= MAX_NAMED_CLASSES,
        "map_names": plots.names_on_map(evaluation),
        "hardest": _hardest(evaluation),
        "few_photos": few_photos_remark(evaluation.few_photos),
        "cards": [row for row in metric_rows(evaluation) if row["key"] in _CARDS],
        "paper_rows": paper_rows(evaluation, against) if against else [],
        "largest": _largest_changes(evaluation, against) if against else [],
        "copy_count": len(evaluation.leakage.indices) if evaluation.leakage else 0,
        "leakage_rows": leakage_rows(evaluation),
        "specimen_rows": specimen_rows(evaluation),
        "attribute_rows": attribute_rows(evaluation),
        "attribute_remark": attribute_remark(evaluation),
        "levels": _levels(evaluation),
        "worst_attributes": _worst_attributes(evaluation),
        "metrics": metric_rows(evaluation),
        "classes": sorted(rows, key=lambda row: -row["train"]),
        "worst": [rows[c] for c in worst[:WORST]] if len(rows) > _MAX_CLASS_ROWS else [],
        "has_groups": any(evaluation.groups),
        "group_names": _GROUP_NAMES,
        "mistakes": _mistakes(evaluation),
        "pairs": _pairs(evaluation),
        "plots": _plots(evaluation, against),
        "calibration": calibration_context(evaluation),
        "shift_line": shift_line(evaluation.shift) if evaluation.shift else None,
        "shift_rows": shift_rows(evaluation.shift) if evaluation.shift else [],
        "corruption_rows": corruption_table(evaluation.corruptions),
    }


def _largest_changes(evaluation: Evaluation, against: Evaluation) -> list[tuple[str, str, int]]:
    """Return the classes with the largest gain and loss, their changes in points, and photos.

    Classes with too few photos are left out.
    """
    before = dict(zip(against.classes, against.class_accuracy, strict=True))
    changes = [
        (100 * (accuracy - before[name]), name, int(count))
        for name, accuracy, count in zip(
            evaluation.classes, evaluation.class_accuracy, evaluation.test_counts, strict=True
        )
        if count >= MIN_CLASS_PHOTOS and np.isfinite(accuracy - before.get(name, np.nan))
    ]
    if not any(change for change, _, _ in changes):
        return []
    return [
        (name, f"{change:+.1f}".replace("-", "−"), count)
        for change, name, count in (max(changes), min(changes))
    ]


def _hardest(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return the class with the lowest accuracy; None if no class has enough photos."""
    c = evaluation.hardest
    if c is None:
        return None
    count = int(evaluation.test_counts[c])
    right = round(float(evaluation.class_accuracy[c]) * count)
    return {"name": evaluation.classes[c], "right": right, "photos": count}


def _class_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row per class; accuracy, precision and F1 are None where they are undefined."""
    predictions, size = evaluation.predictions, len(evaluation.classes)
    precision, f1 = np.full((2, size), np.nan)
    if predictions is not None:
        precision, f1 = metrics.precision_and_f1(predictions.labels, predictions.guesses, size)
    shares = zip(evaluation.class_accuracy.tolist(), precision.tolist(), f1.tolist(), strict=True)
    fields = zip(
        evaluation.classes, evaluation.groups, evaluation.train_counts,
        evaluation.test_counts.tolist(), shares, strict=True,
    )  # fmt: skip
    return [
        {"name": name, "group": group, "train": train, "test": test}
        | {
            key: None if math.isnan(value) else value
            for key, value in zip(("accuracy", "precision", "f1"), values, strict=True)
        }
        for name, group, train, test, values in fields
    ]


def _levels(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return what the report shows of the answers by level; None without levels."""
    results = evaluation.by_level
    if results is None:
        return None
    return {
        "rows": level_rows(results),
        "roll_up": roll_up_rows(results),
        "mistakes": mistake_remark(results),
    }


def _worst_attributes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the worst pairs of a class and an attribute; none if attributes are unknown."""
    pairs = evaluation.by_attribute.pairs if evaluation.by_attribute else ()
    accuracy = np.array([pair.accuracy for pair in pairs])
    counts = np.array([pair.test_count for pair in pairs], dtype=np.int64)
    return [
        pairs[number]._asdict() | {"name": evaluation.classes[pairs[number].label]}
        for number in metrics.worst_first(accuracy, counts)[:WORST].tolist()
    ]


def _mistakes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the most confident mistakes, with thumbnails of photos that can still be read."""
    if evaluation.predictions is None:
        return []
    predictions = evaluation.predictions
    guesses = predictions.guesses
    wrong = np.flatnonzero(guesses != predictions.labels)
    probability = softmax(predictions.logits[wrong]).max(axis=1, initial=0)
    first = np.argsort(-probability, kind="stable")[:_MAX_MISTAKES]
    return [
        {
            "true": evaluation.classes[predictions.labels[index]],
            "guess": evaluation.classes[guesses[index]],
            "probability": f"{100 * p:.0f}%",
            "file": predictions.dataset.paths[index].rpartition("/")[2],
            "thumbnail": _thumbnail(predictions.dataset, index),
        }
        for index, p in zip(wrong[first].tolist(), probability[first], strict=True)
    ]


def _thumbnail(dataset: Dataset, index: int) -> str | None:
    """Return a photo as a small JPEG in a data URL; None if it cannot be read."""
    try:
        with warnings.catch_warnings(), dataset.open(index) as file:
            warnings.simplefilter("ignore")  # `audit` reports unusual photos
            photo = open_photo(file, short_side=_THUMBNAIL_SIZE)
    except OSError:
        return None
    thumbnail = ImageOps.fit(photo, (_THUMBNAIL_SIZE, _THUMBNAIL_SIZE * 3 // 4))
    jpeg = BytesIO()
    thumbnail.save(jpeg, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.getvalue()).decode("ascii")


def _pairs(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the class pairs confused at least twice, largest share of the true class first."""
    if evaluation.predictions is None:
        return []
    predictions = evaluation.predictions
    confusion = metrics.confusion_matrix(
        predictions.labels, predictions.guesses, len(evaluation.classes)
    )
    np.fill_diagonal(confusion, 0)
    cells = np.argwhere(confusion >= 2)
    pairs = [(confusion[t, g] / evaluation.test_counts[t], confusion[t, g], t, g) for t, g in cells]
    return [
        {"true": evaluation.classes[t], "guess": evaluation.classes[g], "count": int(count),
         "of": int(evaluation.test_counts[t]), "share": f"{100 * share:.0f}%"}
        for share, count, t, g in sorted(pairs, reverse=True)[:_MAX_PAIRS]
    ]  # fmt: skip


def _plots(evaluation: Evaluation, against: Evaluation | None) -> dict[str, Markup]:
    """Return the plots by name, as bilingual SVG, without those that have no data."""
    figures = {
        "per_class_accuracy": per_class_accuracy(evaluation, against),
        "class_counts": plots.class_counts(
            evaluation.classes, evaluation.train_counts, evaluation.groups
        ),
    }
    if evaluation.predictions is not None:
        figures["confusion_matrix"] = plots.confusion_matrix(evaluation)
        figures["feature_distribution"] = plots.feature_distribution(evaluation)
    if evaluation.calibration is not None:
        figures["reliability"] = calibration_plots.reliability(evaluation.calibration.reliability)
    if evaluation.history:
        figures["training_curves"] = plots.training_curves(evaluation.history)
    return {name: bilingual(figure) for name, figure in figures.items()}
