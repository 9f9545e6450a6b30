"""Write the files of an evaluation, and read them again to compare with other runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mineral_recog.calibration.temperature import softmax
from mineral_recog.csv_files import escape_formula, write_rows
from mineral_recog.errors import DataError
from mineral_recog.evaluation import metrics, plots
from mineral_recog.evaluation.accuracy_plot import per_class_accuracy
from mineral_recog.evaluation.by_attribute import (
    attribute_document,
    pair_rows,
    read_by_attribute,
)
from mineral_recog.evaluation.by_level import level_document
from mineral_recog.evaluation.calibration_evaluation import write_calibration
from mineral_recog.evaluation.corruption_rows import csv_rows
from mineral_recog.evaluation.report import write_report
from mineral_recog.evaluation.results import Evaluation
from mineral_recog.evaluation.shift import shift_document
from mineral_recog.i18n import tr
from mineral_recog.rendering.plot_style import save
from mineral_recog.text import command_line, parse_json


def write_evaluation(folder: Path, evaluation: Evaluation, against: Evaluation | None) -> None:
    """Write all files of an evaluation."""
    predictions = evaluation.predictions
    assert predictions is not None
    document: dict[str, Any] = {**evaluation.figures, "intervals": evaluation.intervals}
    by_specimen = evaluation.by_specimen
    if by_specimen is not None:
        document["by_specimen"] = {
            "specimens": by_specimen.specimen_count,
            **by_specimen.figures,
            "intervals": by_specimen.intervals,
        }
    if evaluation.by_attribute is not None:
        document["by_attribute"] = attribute_document(evaluation.by_attribute)
        rows = pair_rows(evaluation.by_attribute, evaluation.classes)
        write_rows(folder / "per_attribute.csv", rows)
    if evaluation.by_level is not None:
        document["by_level"] = level_document(evaluation.by_level)
    if evaluation.class_differences is not None:
        document["classes"] = evaluation.class_differences._asdict()
    if evaluation.shift is not None:
        document["shift"] = shift_document(evaluation.shift)
    if evaluation.corruptions is not None:
        write_rows(folder / "corruptions.csv", csv_rows(evaluation.corruptions))
    (folder / "metrics.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    write_calibration(folder / "trust.json", evaluation)
    if evaluation.leakage is not None:
        paths = [predictions.dataset.paths[i] for i in evaluation.leakage.indices]
        copies = {"copies_of_training_photos": paths, "figures_without": evaluation.leakage.metrics}
        (folder / "copies.json").write_text(json.dumps(copies, indent=1), encoding="utf-8")
    write_rows(folder / "per_class.csv", _class_rows(evaluation))
    write_rows(folder / "predictions.csv", _prediction_rows(evaluation))
    save(plots.confusion_matrix(evaluation), folder / "confusion_matrix.png")
    save(plots.feature_distribution(evaluation), folder / "feature_distribution.png")
    save(per_class_accuracy(evaluation, against), folder / "per_class_accuracy.png")
    write_report(folder / "report.html", evaluation, against)


def _class_rows(evaluation: Evaluation) -> Iterator[Sequence[object]]:
    """Yield the rows of per_class.csv."""
    yield "class", "n_train", "n_test", "accuracy", "group", "precision", "f1"
    predictions = evaluation.predictions
    assert predictions is not None
    columns = metrics.precision_and_f1(
        predictions.labels, predictions.guesses, len(evaluation.classes)
    )
    for c, name in enumerate(evaluation.classes):
        accuracy, *others = (
            "" if np.isnan(column[c]) else f"{column[c]:.4f}"
            for column in (evaluation.class_accuracy, *columns)
        )
        counts = (evaluation.train_counts[c], evaluation.test_counts[c])
        yield name, *counts, accuracy, evaluation.groups[c], *others


def _prediction_rows(evaluation: Evaluation) -> Iterator[Sequence[object]]:
    """Yield a row per photo: name, class, predicted class, probability and rank of the class.

    Probabilities have enough digits to compute the calibration error from them again. The specimen
    and the attribute follow if they are known.
    """
    predictions, classes = evaluation.predictions, evaluation.classes
    assert predictions is not None
    probabilities = softmax(predictions.logits)
    best = probabilities.argmax(axis=1)
    ranks = metrics.ranks(predictions.labels, predictions.logits)
    extra = {
        column: results.names
        for column, results in (
            ("specimen", evaluation.by_specimen),
            ("attribute", evaluation.by_attribute),
        )
        if results is not None
    }
    yield "photo", "class", "predicted", "probability", "rank", *extra
    for index, path in enumerate(predictions.dataset.paths):
        yield (
            path,
            classes[predictions.labels[index]],
            classes[best[index]],
            f"{probabilities[index, best[index]]:.6f}",
            ranks[index],
            *(values[index] for values in extra.values()),
        )


def read_evaluation(run: Path, split: str, classes: Sequence[str]) -> Evaluation:
    """Read an evaluation from its files, without predictions and calibration.

    Its classes get the order of `classes`.

    Raises:
        UserError: There is no evaluation, or it has different classes.
    """
    folder = run / "evaluation" / split
    names = {escape_formula(name): name for name in classes}
    try:
        document = parse_json((folder / "metrics.json").read_text(encoding="utf-8"))
        with (folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
            # Runs of an older version may have another order of the same classes.
            order = {name: c for c, name in enumerate(names)}
            rows = sorted(csv.DictReader(file), key=lambda row: order.get(row["class"], len(order)))
        intervals = {key: (low, high) for key, (low, high) in document.pop("intervals").items()}
        for key in ("by_specimen", "by_level", "classes", "shift"):
            document.pop(key, None)
        by_attribute = document.pop("by_attribute", None)
        evaluation = Evaluation(
            name=run.resolve().name,
            split=split,
            classes=tuple(names.get(row["class"], row["class"]) for row in rows),
            train_counts=tuple(int(row["n_train"]) for row in rows),
            groups=tuple(row["group"] for row in rows),
            predictions=None,
            figures=document,
            intervals=intervals,
            class_accuracy=np.array([float(row["accuracy"] or "nan") for row in rows]),
            test_counts=np.array([int(row["n_test"]) for row in rows]),
            history=read_history(run),
            recipe=read_text_or_nothing(run / "recipe.yaml"),
            provenance={},
            by_attribute=(
                None
                if by_attribute is None
                else read_by_attribute(folder / "per_attribute.csv", by_attribute, classes)
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        command = command_line("mineral-recog", "evaluate", run, "--split", split)
        if (folder / "metrics.json").is_file():
            raise DataError(
                tr(
                    f"The evaluation in {folder} is damaged or of another version: run "
                    f"`{command} --force`.",
                    f"{folder} 里的评估已损坏，或由其他版本生成：请运行 `{command} --force`。",
                )
            ) from None
        raise DataError(
            tr(
                f"{run} has no evaluation of {split} to compare with: run `{command}` first.",
                f"{run} 还没有 {split} 的评估可比较：请先运行 `{command}`。",
            )
        ) from None
    if evaluation.classes != tuple(classes):
        raise DataError(
            tr(
                f"{run} was trained on different classes: compare runs trained on the same photos.",
                f"{run} 的类别不同：请比较用相同照片训练的结果。",
            )
        )
    return evaluation


def read_history(run: Path) -> list[dict[str, object]]:
    """Return the lines of the log, up to the first damaged one."""
    lines: list[dict[str, object]] = []
    with suppress(ValueError):
        for line in read_text_or_nothing(run / "log.jsonl").splitlines():
            lines.append(parse_json(line))
    return lines


def read_text_or_nothing(path: Path) -> str:
    """Return the text of a file; "" if there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""
