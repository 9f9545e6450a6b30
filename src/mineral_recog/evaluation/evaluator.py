"""From a run and a split to the files of an evaluation."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from mineral_recog.calibration.temperature import softmax
from mineral_recog.csv_files import plain_cell
from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.dataset import SPLITS, Dataset, read_split
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.errors import DataError, UserError
from mineral_recog.evaluation import metrics, plots
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration, write_calibration
from mineral_recog.evaluation.leakage import leaked
from mineral_recog.evaluation.ood_pictures import read_others
from mineral_recog.evaluation.report import write_report
from mineral_recog.evaluation.results import Evaluation, Leaked, Predictions
from mineral_recog.files import refuse_existing, whole_folder
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.device import choose_device
from mineral_recog.models.predictor import predict
from mineral_recog.progress import SILENT, Progress
from mineral_recog.rendering.plot_style import save
from mineral_recog.text import parse_json

BATCH = 64


def evaluate(
    run: Path | str,
    *,
    data: Path | str | None = None,
    split: str = "test",
    against: Path | str | None = None,
    groups: str | None = None,
    others: Path | str | None = None,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    force: bool = False,
    progress: Progress = SILENT,
) -> tuple[Evaluation, Evaluation | None, Path]:
    """Measure a run on a split and write figures, plots and report to RUN/evaluation/SPLIT.

    Args:
        run: folder of a finished run.
        data: prepared folder; by default the one that the run was trained on.
        split: `train`, `val` or `test`.
        against: another run, evaluated on the same split before, to set this one beside.
        groups: see `class_groups`; by default those of the bundle.
        others: folder with pictures of something else, or of minerals left out of training, that
            the model is to tell from those it knows; see `read_others`.
        backbone: a module of the kind that `train` was given, if it was.
        device: see `choose_device`.
        workers: loader processes.
        force: replace an evaluation that is there.
        progress: receives progress and notices.

    Returns:
        The evaluation, the one it is set against, and the folder of the files.

    Raises:
        UserError: anything that the user must change.
    """
    if split not in SPLITS:
        raise DataError(
            tr(
                f"No split {split}: give one of {', '.join(SPLITS)}.",
                f"没有划分 {split}：请用 {'、'.join(SPLITS)} 之一。",
            )
        )
    run = Path(run)
    folder = run / "evaluation" / split
    bundle = read_bundle(run, backbone)
    refuse_existing(folder, force)
    photos = Path(data) if data else trained_on(run)
    dataset = read_split(photos, split, bundle.classes, progress)
    other = read_evaluation(Path(against), split, bundle.classes) if against else None
    unknown = read_others(Path(others), progress) if others else None
    history = _history(run)
    name = run.resolve().name
    evaluation = measure(name, bundle, dataset, split, groups, device, workers, unknown, progress)
    provenance = {
        **bundle.provenance,
        f"{split} photos (sha256 of names and sizes)": dataset.fingerprint(),
    }
    if unknown is not None:
        provenance["other pictures (sha256 of names and sizes)"] = unknown.fingerprint()
    copies = None if split == "train" else _leaked(run, photos, dataset, evaluation, progress)
    provenance["copies of training photos"] = (
        "not looked for" if copies is None else f"{len(copies.photos)}"
    )
    evaluation = replace(
        evaluation,
        history=history,
        recipe=_text(run / "recipe.yaml"),
        provenance=provenance,
        leaked=copies,
    )
    if other is not None:
        _refuse_unlike(evaluation, other)
    with whole_folder(folder) as partial:
        _write(partial, evaluation, other)
    return evaluation, other, folder


def _leaked(
    run: Path, data: Path, dataset: Dataset, evaluation: Evaluation, progress: Progress
) -> Leaked | None:
    """Photos that are copies of training photos; None where those are gone or too many."""
    try:
        train = read_split(trained_on(run), "train", evaluation.classes, progress)
    except UserError:
        return None
    copies = leaked(data, train, dataset, progress)
    if copies is None:
        return None
    figures = {}
    predictions = evaluation.predictions
    if copies and predictions is not None and len(copies) < len(dataset):
        others = np.delete(np.arange(len(dataset)), copies)
        figures = metrics.figures(
            predictions.labels[others], predictions.logits[others], evaluation.groups
        )
    return Leaked(copies, figures)


def trained_on(run: Path) -> Path:
    """The prepared folder that a run was trained on.

    Raises:
        UserError: it is not known, or is there no more.
    """
    try:
        data = Path(parse_json((run / "run.json").read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError):
        data = None
    if data is None or not data.is_dir():
        raise DataError(
            tr(
                f"The photos that {run} was trained on are not where they were: give --data.",
                f"{run} 训练所用的照片已不在原处：请用 --data 指定。",
            )
        )
    return data


def measure(
    name: str,
    bundle: Bundle,
    dataset: Dataset,
    split: str,
    groups: str | None = None,
    device: str = "auto",
    workers: int = 2,
    others: Dataset | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Predict every photo of a split, and other pictures if given, and work out all figures.

    Raises:
        UserError: a photo cannot be read, or the groups or the device are not to be had.
    """
    of_class = bundle.groups
    if groups is not None:
        of_class = class_groups(groups, bundle.classes, bundle.train_counts)
    where = choose_device(device)
    size = bundle.network.preprocessing.image_size
    indices = [dataset] if others is None else [dataset, others]
    loaders = [EvaluationLoader(one, size, BATCH, workers) for one in indices]
    task = progress.start(tr(f"evaluating {name}", f"评估 {name}"), sum(map(len, loaders)))
    network = bundle.network.to(where)
    outputs = [predict(network, loader, where, on_batch=task.step) for loader in loaders]
    predictions, *of_others = (
        Predictions(one.labels, one.logits, one.features, of)
        for one, of in zip(outputs, indices, strict=True)
    )
    labels, logits = predictions.labels, predictions.logits
    confusion = metrics.confusion_matrix(labels, logits.argmax(axis=1), len(bundle.classes))
    return Evaluation(
        name=name,
        split=split,
        classes=bundle.classes,
        train_counts=bundle.train_counts,
        groups=of_class,
        predictions=predictions,
        figures=metrics.figures(labels, logits, of_class),
        intervals=metrics.bootstrap_intervals(labels, logits, of_class),
        class_accuracy=metrics.class_accuracy(confusion),
        test_counts=confusion.sum(axis=1),
        history=[],
        recipe="",
        provenance={},
        calibration=evaluate_calibration(
            bundle.calibration,
            predictions,
            of_class,
            of_others[0] if others is not None else None,
            others.classes if others is not None else (),
        ),
    )


def read_evaluation(run: Path, split: str, classes: Sequence[str]) -> Evaluation:
    """An evaluation written before, without its predictions and its calibration.

    Raises:
        UserError: there is none, or it is of other classes.
    """
    folder = run / "evaluation" / split
    names = {plain_cell(name): name for name in classes}
    try:
        written = parse_json((folder / "metrics.json").read_text(encoding="utf-8"))
        with (folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        intervals = {key: (low, high) for key, (low, high) in written.pop("intervals").items()}
        evaluation = Evaluation(
            name=run.resolve().name,
            split=split,
            classes=tuple(names.get(row["class"], row["class"]) for row in rows),
            train_counts=tuple(int(row["n_train"]) for row in rows),
            groups=tuple(row["group"] for row in rows),
            predictions=None,
            figures=written,
            intervals=intervals,
            class_accuracy=np.array([float(row["accuracy"] or "nan") for row in rows]),
            test_counts=np.array([int(row["n_test"]) for row in rows]),
            history=_history(run),
            recipe=_text(run / "recipe.yaml"),
            provenance={},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            tr(
                f"{run} has no evaluation of {split} to compare with: run `mineral-recog evaluate "
                f"{run} --split {split}` first.",
                f"{run} 还没有 {split} 的评估可比较：请先运行 `mineral-recog evaluate {run} "
                f"--split {split}`。",
            )
        ) from None
    if evaluation.classes != tuple(classes):
        raise DataError(
            tr(
                f"{run} knows other classes: compare runs on the same photos.",
                f"{run} 的类别不同：请比较用同样照片训练的结果。",
            )
        )
    return evaluation


def _refuse_unlike(evaluation: Evaluation, other: Evaluation) -> None:
    """Refuse to set figures side by side that are of other photos or other groups."""
    same_photos = np.array_equal(evaluation.test_counts, other.test_counts)
    if not same_photos or evaluation.groups != other.groups:
        raise DataError(
            tr(
                f"{other.name} was evaluated on other photos or with other groups: evaluate it "
                "again with the same --data and --groups, and --force.",
                f"{other.name} 评估时所用的照片或分组不同：请用相同的 --data 与 --groups "
                "加 --force 重新评估它。",
            )
        )


def _write(folder: Path, evaluation: Evaluation, against: Evaluation | None) -> None:
    """All files of an evaluation."""
    written = {**evaluation.figures, "intervals": evaluation.intervals}
    (folder / "metrics.json").write_text(json.dumps(written, indent=1), encoding="utf-8")
    write_calibration(folder / "trust.json", evaluation)
    if evaluation.leaked is not None:
        assert evaluation.predictions is not None
        names = [evaluation.predictions.photos.paths[at] for at in evaluation.leaked.photos]
        told = {"copies_of_training_photos": names, "figures_without": evaluation.leaked.figures}
        (folder / "copies.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    _write_per_class(folder / "per_class.csv", evaluation)
    _write_predictions(folder / "predictions.csv", evaluation)
    save(plots.confusion_matrix(evaluation), folder / "confusion_matrix.png")
    save(plots.feature_distribution(evaluation), folder / "feature_distribution.png")
    save(plots.per_class_accuracy(evaluation, against), folder / "per_class_accuracy.png")
    write_report(folder / "report.html", evaluation, against)


def _write_per_class(path: Path, evaluation: Evaluation) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["class", "n_train", "n_test", "accuracy", "group"])
        for c, name in enumerate(evaluation.classes):
            accuracy = evaluation.class_accuracy[c]
            told = "" if np.isnan(accuracy) else f"{accuracy:.4f}"
            counts = (evaluation.train_counts[c], int(evaluation.test_counts[c]))
            rows.writerow([plain_cell(name), *counts, told, evaluation.groups[c]])


def _write_predictions(path: Path, evaluation: Evaluation) -> None:
    """A line a photo: which, what it is, what it was taken for, how surely, rank of the truth.

    Probabilities have the digits from which the calibration error can be worked out again.
    """
    predictions = evaluation.predictions
    assert predictions is not None
    probabilities = softmax(predictions.logits)
    ranks = metrics.ranks(predictions.labels, predictions.logits)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["photo", "class", "predicted", "probability", "rank"])
        for photo, label, of_classes, rank in zip(
            predictions.photos.paths, predictions.labels, probabilities, ranks, strict=True
        ):
            best = int(of_classes.argmax())
            names = (photo, evaluation.classes[label], evaluation.classes[best])
            rows.writerow([*map(plain_cell, names), f"{of_classes[best]:.6f}", rank])


def _history(run: Path) -> list[dict[str, object]]:
    """The lines of the log; one that is torn ends it."""
    lines: list[dict[str, object]] = []
    for line in _text(run / "log.jsonl").splitlines():
        try:
            lines.append(parse_json(line))
        except ValueError:
            break
    return lines


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
