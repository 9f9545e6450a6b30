"""The report of an evaluation: one HTML file, in English and Chinese, that opens anywhere."""

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
from mineral_recog.evaluation.calibration_rows import calibration_context
from mineral_recog.evaluation.metric_descriptions import figure_rows, leaked_rows, paper_rows
from mineral_recog.evaluation.results import Evaluation, Predictions
from mineral_recog.rendering.html import bilingual, write_page

_MISTAKES, _PAIRS, _THUMBNAIL = 12, 10, 320


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
    """Write the report of `evaluation`, compared with `against` when given, as one HTML file.

    The file holds all it shows and loads nothing. It is written whole or not at all. Without
    predictions the parts that need them (mistakes, confusion, features) are left out; photos
    that can no longer be read leave an empty frame. Raises OSError when `path` cannot be written.
    """
    write_page(path, "evaluation/report.html", _context(evaluation, against))


def _context(evaluation: Evaluation, against: Evaluation | None) -> dict[str, Any]:
    """All that the template shows."""
    counts = evaluation.train_counts
    return {
        "run": evaluation,
        "against": against,
        "photos": int(evaluation.test_counts.sum()),
        "imbalance": max(counts) / max(1, min(counts)),
        "shares": {key: f"{100 * value:.0f}" for key, value in evaluation.figures.items()},
        "worst": _worst(evaluation),
        "cards": [row for row in figure_rows(evaluation) if row["key"] in _CARDS],
        "paper_rows": paper_rows(evaluation, against) if against else [],
        "largest": _largest_changes(evaluation, against) if against else [],
        "leaked": len(evaluation.leaked.photos) if evaluation.leaked else 0,
        "leaked_rows": leaked_rows(evaluation),
        "figures": figure_rows(evaluation),
        "classes": _class_rows(evaluation),
        "group_names": _GROUP_NAMES,
        "mistakes": _mistakes(evaluation),
        "pairs": _pairs(evaluation),
        "plots": _plots(evaluation, against),
        "calibration": calibration_context(evaluation),
    }


def _largest_changes(evaluation: Evaluation, against: Evaluation) -> list[tuple[str, str]]:
    """The classes that gain and lose most against the other run, with points of change."""
    before = dict(zip(against.classes, against.class_accuracy, strict=True))
    changes = [
        (100 * (accuracy - before[name]), name)
        for name, accuracy in zip(evaluation.classes, evaluation.class_accuracy, strict=True)
        if np.isfinite(accuracy - before.get(name, np.nan))
    ]
    if not any(change for change, _ in changes):
        return []
    return [
        (name, f"{change:+.1f}".replace("-", "−")) for change, name in (max(changes), min(changes))
    ]


def _worst(evaluation: Evaluation) -> str:
    """The class with the lowest accuracy."""
    accuracy = evaluation.class_accuracy
    return evaluation.classes[int(np.nanargmin(accuracy))] if np.isfinite(accuracy).any() else "–"


def _class_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row for each class, most training photos first; accuracy None where there is none."""
    fields = zip(
        evaluation.classes, evaluation.groups, evaluation.train_counts,
        evaluation.test_counts.tolist(), evaluation.class_accuracy.tolist(), strict=True,
    )  # fmt: skip
    rows = [
        {"name": name, "group": group, "train": train, "test": test,
         "accuracy": None if math.isnan(accuracy) else accuracy}
        for name, group, train, test, accuracy in fields
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row["train"])


def _mistakes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The most confident mistakes, with a thumbnail where the photo can still be read."""
    if evaluation.predictions is None:
        return []
    predictions = evaluation.predictions
    guesses = predictions.logits.argmax(axis=1)
    wrong = np.flatnonzero(guesses != predictions.labels)
    probability = softmax(predictions.logits[wrong]).max(axis=1, initial=0)
    first = np.argsort(-probability, kind="stable")[:_MISTAKES]
    return [
        {
            "true": evaluation.classes[predictions.labels[photo]],
            "guess": evaluation.classes[guesses[photo]],
            "probability": f"{100 * p:.0f}%",
            "file": predictions.photos.paths[photo].rpartition("/")[2],
            "thumbnail": _thumbnail(predictions.photos, photo),
        }
        for photo, p in zip(wrong[first].tolist(), probability[first], strict=True)
    ]


def _thumbnail(photos: Dataset, number: int) -> str | None:
    """A photo as a small JPEG in a data URL; None when it cannot be read."""
    try:
        with warnings.catch_warnings(), photos.open(number) as file:
            warnings.simplefilter("ignore")  # a strange photo is the audit's business, not ours
            photo = open_photo(file, short_side=_THUMBNAIL)
    except OSError:
        return None
    small = ImageOps.fit(photo, (_THUMBNAIL, _THUMBNAIL * 3 // 4))
    target = BytesIO()
    small.save(target, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def _pairs(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The pairs of classes most often confused, by share of the true class; twice at least."""
    if evaluation.predictions is None:
        return []
    confusion = _confusion(evaluation.predictions, len(evaluation.classes))
    np.fill_diagonal(confusion, 0)
    cells = np.argwhere(confusion >= 2)
    found = [(confusion[t, g] / evaluation.test_counts[t], confusion[t, g], t, g) for t, g in cells]
    return [
        {"true": evaluation.classes[t], "guess": evaluation.classes[g], "count": int(count),
         "of": int(evaluation.test_counts[t]), "share": f"{100 * share:.0f}%"}
        for share, count, t, g in sorted(found, reverse=True)[:_PAIRS]
    ]  # fmt: skip


def _confusion(predictions: Predictions, classes: int) -> metrics.Ints:
    """The confusion matrix of the predictions."""
    return metrics.confusion_matrix(predictions.labels, predictions.logits.argmax(axis=1), classes)


def _plots(evaluation: Evaluation, against: Evaluation | None) -> dict[str, Markup]:
    """The plots by name, as bilingual SVG, without those for which there is nothing to draw."""
    drawn = {
        "per_class_accuracy": plots.per_class_accuracy(evaluation, against),
        "class_counts": plots.class_counts(
            evaluation.classes, evaluation.train_counts, evaluation.groups
        ),
    }
    if evaluation.predictions is not None:
        drawn["confusion_matrix"] = plots.confusion_matrix(evaluation)
        drawn["feature_distribution"] = plots.feature_distribution(evaluation)
    if evaluation.calibration is not None:
        drawn["reliability"] = calibration_plots.reliability(evaluation.calibration.reliability)
    if evaluation.history:
        drawn["training_curves"] = plots.training_curves(evaluation.history)
    return {name: bilingual(figure) for name, figure in drawn.items()}
