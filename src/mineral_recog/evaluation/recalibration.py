"""Calibrates a model for another place with labelled photos of it, without training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import Basis
from mineral_recog.calibration.refit import MIN_PHOTOS, cross_fit, refit_calibration
from mineral_recog.calibration.temperature import Floats, Ints, softmax
from mineral_recog.data.class_match import classes_of_folders
from mineral_recog.data.dataset import first_names
from mineral_recog.data.images import open_photo_with_header
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.source_options import DEFAULTS, SourceOptions
from mineral_recog.errors import DataError, UserError, reason_of
from mineral_recog.evaluation.calibration_metrics import Bools, calibration_metrics
from mineral_recog.files import refuse_inside
from mineral_recog.i18n import tr
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.identify.observation import Observation, View
from mineral_recog.models.recalibrated import refuse_output, write_recalibrated
from mineral_recog.models.run_files import training_data_of
from mineral_recog.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import nn

COVERAGE_TARGET = 0.9


@dataclass(frozen=True, eq=False)
class Recalibration:
    """A calibration that was fitted on photos of another place, and what it changes there.

    Attributes:
        classes: Classes of the model, C.
        counts: Photos of each class that were used, [C].
        bases: Whose photos the threshold of the sets of each class is based on, [C].
        before: Metrics of the old calibration on these photos, by the keys of
            `calibration_metrics`.
        after: Metrics of the new one, by cross-validation: each photo is answered with a
            calibration that was fitted without it.
        temperatures: The old and the new temperature.
        left_out: Number of photos of each class that the model does not have.
        unreadable: Photos that could not be read, and why.
        notes: What was assumed in reading the photos, see `Source`.
        folder: Folder of the new model.
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...]
    bases: tuple[Basis, ...]
    before: dict[str, float]
    after: dict[str, float]
    temperatures: tuple[float, float]
    left_out: dict[str, int]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    folder: Path

    @property
    def helps(self) -> bool:
        """Whether probabilities or the coverage of the sets are closer to the truth than before."""
        gaps = [abs(figures["coverage"] - COVERAGE_TARGET) for figures in (self.before, self.after)]
        return self.after["ece_after"] < self.before["ece_after"] or gaps[1] < gaps[0]


@dataclass(frozen=True, eq=False)
class _Outputs:
    """Outputs of the model for the M photos that it could read.

    They are logits, labels, names, OOD scores, and scores of showing no mineral, None without a
    gate.
    """

    logits: npt.NDArray[np.float32]
    labels: Ints
    paths: list[str]
    ood_scores: Floats
    no_mineral: Floats | None


def calibrate(
    model: Path | str,
    photos: Path | str,
    out: Path | str,
    *,
    aliases: Sequence[str] = (),
    options: SourceOptions = DEFAULTS,
    backbone: nn.Module | None = None,
    device: str = "auto",
    force: bool = False,
    progress: Progress = SILENT,
) -> Recalibration:
    """Fit the calibration of a model to labelled photos of another place; write it as a new one.

    The network is not trained, so the first answers stay the same. Temperature, prediction sets
    and the limits of "none of these" are those of the given photos alone.

    Args:
        model: Run folder, bundle folder, or folder of an export.
        photos: Photos in one folder per class, or a list of photos; see `open_source`.
        out: Folder to write the new model to; the old one is not changed.
        aliases: Tables of names by which folders belong to classes; see `read_matched_split`.
        options: How to read the photos.
        backbone: The backbone module, if `train` was given one.
        device: See `choose_device`.
        force: Replace an existing output.
        progress: Receives progress and notices.

    Raises:
        UserError: The model or the photos cannot be used, there are too few photos, or the output
            exists.
    """
    model, photos, out = Path(model), Path(photos), Path(out)
    refuse_output(model, out, force)
    source = open_source(photos, progress, options)
    if photos.is_dir():
        refuse_inside(out, photos)
    identifier = load(model, backbone=backbone, device=device)
    class_of = classes_of_folders(source.classes, identifier.classes, aliases)
    paths = [path for path in source.paths if path.split("/")[0] in class_of]
    _refuse_too_few(source, len(paths), identifier.classes)
    _refuse_training_photos(model, source, paths)
    index_of = {folder: identifier.classes.index(name) for folder, name in class_of.items()}
    outputs, unreadable = _observe(identifier, source, paths, index_of, progress)
    _refuse_too_few(source, len(outputs.labels), identifier.classes, len(unreadable))
    _refuse_one_class(source, np.unique(outputs.labels), identifier.classes)
    old, classes = identifier.model.calibration, identifier.classes
    new = refit_calibration(
        old, outputs.logits, outputs.labels, outputs.ood_scores, outputs.no_mineral
    )
    before, after = _measure(old, outputs, source.specimens)
    provenance = _provenance(outputs, source, before, after)
    write_recalibrated(model, out, new, provenance)
    unknown = [path.split("/")[0] for path in source.paths if path.split("/")[0] not in class_of]
    return Recalibration(
        classes,
        tuple(np.bincount(outputs.labels, minlength=len(classes)).tolist()),
        new.conformal.threshold_basis(COVERAGE_TARGET),
        before,
        after,
        (old.temperature, new.temperature),
        {name: unknown.count(name) for name in dict.fromkeys(unknown)},
        tuple(unreadable),
        tuple(source.notes),
        out,
    )


def _observe(
    identifier: Identifier,
    source: Source,
    paths: Sequence[str],
    index_of: dict[str, int],
    progress: Progress,
) -> tuple[_Outputs, list[str]]:
    """Return the outputs of a model for photos, and a line for each that cannot be read."""

    def view(path: str) -> View | DataError:
        place = source.file(path) or f"{source.root}: {path}"
        try:
            with source.open(path) as file:
                return identifier.view(open_photo_with_header(file, identifier.short_side))
        except (OSError, MemoryError, ValueError, UserError) as error:
            reason = reason_of(error)
            return DataError(tr(f"{place} cannot be read: {reason}", f"{place} 无法读取：{reason}"))

    task = progress.start(tr("reading photos", "读取照片"), len(paths))
    seen: list[tuple[str, Observation]] = []
    unreadable: list[str] = []
    for path, result in identifier.observe_each(paths, view):
        if isinstance(result, Observation):
            seen.append((path, result))
        else:
            unreadable.append(str(result))
        task.step()
    class_count = len(identifier.classes)
    outputs = _Outputs(
        np.array([item.outputs.logits for _, item in seen], np.float32).reshape(-1, class_count),
        np.array([index_of[path.split("/")[0]] for path, _ in seen], np.int64),
        [path for path, _ in seen],
        np.array([item.outputs.ood_score for _, item in seen], np.float64),
        None
        if identifier.model.calibration.gate is None
        else np.array([item.outputs.gate_score for _, item in seen], np.float64),
    )
    return outputs, unreadable


def _measure(
    old: Calibration, outputs: _Outputs, specimen_of: dict[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the metrics of the old calibration, and of new ones on photos that they did not see.

    Photos of one specimen are left out of the fit together.
    """
    logits, labels = outputs.logits, outputs.labels
    ood_scores, no_mineral = outputs.ood_scores, outputs.no_mineral
    specimens = [specimen_of.get(path, path) for path in outputs.paths]
    probabilities, sets, kept = _answers(old, logits, ood_scores, no_mineral)
    plain, groups = softmax(logits), old.conformal.groups
    before = calibration_metrics(labels, groups, plain, probabilities, sets, kept)
    for fold in cross_fit(old, logits, labels, ood_scores, no_mineral, specimens):
        rows = fold.held_out
        probabilities[rows], sets[rows], kept[rows] = _answers(
            fold.calibration,
            logits[rows],
            ood_scores[rows],
            None if no_mineral is None else no_mineral[rows],
        )
    after = calibration_metrics(labels, groups, plain, probabilities, sets, kept)
    return before, after


def _answers(
    calibration: Calibration,
    logits: npt.NDArray[np.float32],
    ood_scores: Floats,
    no_mineral: Floats | None,
) -> tuple[Floats, Bools, Bools]:
    """Return probabilities [M, C], sets [M, C], and which photos are not "none of these" [M]."""
    probabilities = calibration.probabilities(logits)
    kept = calibration.accepts(ood_scores, no_mineral)
    sets = calibration.conformal.prediction_set(probabilities, COVERAGE_TARGET)
    return probabilities, sets, kept


def _provenance(
    outputs: _Outputs, source: Source, before: dict[str, float], after: dict[str, float]
) -> dict[str, str]:
    """Return what a calibrated model says about the photos of the place."""
    digest = hashlib.sha256("\n".join(outputs.paths).encode("utf-8", "backslashreplace"))
    changes = ", ".join(
        f"{name} {100 * before[key]:.1f} -> {100 * after[key]:.1f} %"
        for name, key in (("ECE", "ece_after"), ("coverage", "coverage"), ("kept", "kept"))
    )
    return {
        "calibrated on": f"{len(outputs.paths)} photos of {source.root.name}",
        "calibrated on (sha256 of names)": digest.hexdigest(),
        "calibrated, by cross-validation": changes,
    }


def _refuse_too_few(
    source: Source, count: int, classes: Sequence[str], unreadable_count: int = 0
) -> None:
    """Refuse fewer photos of the classes of the model than a calibration needs."""
    if count >= MIN_PHOTOS:
        return
    if not count and not unreadable_count:
        names, own = first_names(source.classes, 5), first_names(classes, 5)
        raise DataError(
            tr(
                f"{source.root} has no class of the model: it has {names[0]}, and the model "
                f"{own[0]}. If only the names differ, rename the folders, or name a table by "
                "--aliases.",
                f"{source.root} 里没有模型的类别：其中有 {names[1]}，模型有 {own[1]}。"
                "若只是名称不同，请重命名文件夹，或用 --aliases 指定名称表。",
            )
        )
    more = tr(f" ({unreadable_count} cannot be read)", f"（另有 {unreadable_count} 张无法读取）")
    raise DataError(
        tr(
            f"{source.root} has {count} photos of the classes of the model"
            f"{more if unreadable_count else ''}, and calibration needs {MIN_PHOTOS}: add "
            f"{MIN_PHOTOS - count} more, best 10 or more of each class.",
            f"{source.root} 里有 {count} 张模型所含类别的照片{more if unreadable_count else ''}，"
            f"而校准需要 {MIN_PHOTOS} 张：请再加 {MIN_PHOTOS - count} 张，最好每类至少 10 张。",
        )
    )


def _refuse_one_class(source: Source, labels: Ints, classes: Sequence[str]) -> None:
    """Refuse photos of one class: they do not say how often others are taken for it."""
    if len(labels) < 2:
        name = classes[int(labels[0])]
        raise DataError(
            tr(
                f"All photos in {source.root} are of one class of the model, {name}: add photos of "
                "another class, best of all.",
                f"{source.root} 里的照片全属模型的一个类别 {name}：请加入其他类别的照片，"
                "最好每类都有。",
            )
        )


def _refuse_training_photos(model: Path, source: Source, paths: Sequence[str]) -> None:
    """Refuse the photos that a run was trained on, which it knows better than any others."""
    try:
        train = (training_data_of(model) / "train").resolve()
    except DataError:
        return  # a bundle, an export, or the photos are gone
    files = (source.file(path) for path in paths)
    count = sum(file is not None and file.resolve().is_relative_to(train) for file in files)
    if count:
        raise DataError(
            tr(
                f"{count} of these photos are in {train}, which {model} was trained on, so it "
                "knows them too well: give photos that it has not seen.",
                f"其中 {count} 张照片在 {train} 中，{model} 用它们训练过，对其过于熟悉："
                "请给出模型没有见过的照片。",
            )
        )
