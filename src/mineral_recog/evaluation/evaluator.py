"""Evaluate a run on a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from torch import nn

from mineral_recog.data.class_match import read_matched_split
from mineral_recog.data.dataset import ATTRIBUTES_FILE, EVALUATED_SPLITS, Dataset, read_split
from mineral_recog.data.photo_columns import read_attributes
from mineral_recog.errors import DataError, UserError
from mineral_recog.evaluation.by_attribute import (
    TrainCounts,
    count_attributes,
    measure_by_attribute,
)
from mineral_recog.evaluation.by_level import measure_by_level
from mineral_recog.evaluation.by_specimen import (
    read_specimens,
    specimen_numbers,
)
from mineral_recog.evaluation.calibration_results import SplitSummary
from mineral_recog.evaluation.corruption_evaluation import evaluate_corruptions
from mineral_recog.evaluation.evaluation_files import (
    read_evaluation,
    read_history,
    read_text_or_nothing,
    write_evaluation,
)
from mineral_recog.evaluation.leakage import measure_leakage
from mineral_recog.evaluation.measurement import measure
from mineral_recog.evaluation.ood_pictures import read_ood_pictures
from mineral_recog.evaluation.results import AttributeResults, Evaluation, Leakage
from mineral_recog.evaluation.shift import measure_shift, read_own_summary, summarise
from mineral_recog.files import atomic_folder, refuse_existing
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.device import choose_device
from mineral_recog.models.distributed import process_group
from mineral_recog.models.run_files import (
    holds_training_photos,
    refuse_replacing_evaluation,
    training_data_of,
)
from mineral_recog.progress import SILENT, Progress
from mineral_recog.rendering.plot_style import font_notice
from mineral_recog.text import encodable


@dataclass(frozen=True, eq=False)
class EvaluationRun:
    """An evaluation whose files are written.

    Attributes:
        evaluation: The evaluation.
        against: Evaluation of the run that it is compared with; None without one.
        folder: Folder of the files.
    """

    evaluation: Evaluation
    against: Evaluation | None
    folder: Path


def evaluate(
    run: Path | str,
    *,
    data: Path | str | None = None,
    split: str = "test",
    against: Path | str | None = None,
    groups: str | None = None,
    classes: Literal["all", "common"] = "all",
    aliases: Sequence[str] = (),
    others: Path | str | None = None,
    corruptions: bool = False,
    minerals: Path | str | None = None,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    force: bool = False,
    progress: Progress = SILENT,
) -> EvaluationRun:
    """Evaluate a run on a split and write metrics, plots and report to RUN/evaluation/SPLIT.

    Processes that torchrun started predict a share of the photos each, and the first one writes.

    Args:
        run: Folder of a finished run.
        data: Prepared folder; by default the one that the run was trained on.
        split: One of `dataset.EVALUATED_SPLITS`.
        against: Another run to compare with, already evaluated on the same split.
        groups: See `class_groups`; by default those of the bundle.
        classes: `all` if the split must have all classes of the model and no others; `common` to
            measure the photos of classes that both have.
        aliases: Tables of names by which folders belong to classes; see `read_matched_split`.
        others: Folder of pictures that show none of the trained minerals, to measure how well the
            model rejects them; see `read_ood_pictures`.
        corruptions: Whether to measure corrupted photos too; see `corruptions.KINDS`.
        minerals: Your table of minerals, for the levels of the taxonomy; see `read_minerals`.
        backbone: The backbone module, if `train` was given one.
        device: See `choose_device`.
        workers: Number of loader processes.
        force: Replace an existing evaluation.
        progress: Receives progress and notices.

    Raises:
        UserError: Input or settings are wrong; the message says what to change.
    """
    if split not in EVALUATED_SPLITS:
        raise _no_split_error(split)
    run = Path(run)
    folder = run / "evaluation" / split
    bundle = read_bundle(run, backbone)
    advice = tr(
        f"{run} has been evaluated on {split} already: see {folder / 'report.html'}, or evaluate "
        "again with --force, which replaces it.",
        f"{run} 已在 {split} 上评估过：见 {folder / 'report.html'}；如需重新评估并替换，"
        "请用 --force。",
    )
    refuse_existing(folder, force, advice=advice)
    refuse_replacing_evaluation(folder)
    data_folder = Path(data) if data else training_data_of(run)
    only_common = classes == "common"
    dataset, differences = read_matched_split(
        data_folder, split, bundle.classes, only_common, aliases
    )
    taxonomy = Taxonomy(read_minerals(Path(minerals) if minerals else None))
    specimens, attributes = read_specimens(dataset), read_attributes(dataset)
    train = _training_photos(run, bundle.classes)
    train_attributes = count_attributes(train) if attributes and train else None
    other = read_evaluation(Path(against), split, bundle.classes) if against else None
    ood = read_ood_pictures(Path(others), progress) if others else None
    history = read_history(run)
    name = run.resolve().name
    with process_group(choose_device(device)) as (context, torch_device):
        measure_photos = partial(
            measure, device=torch_device, workers=workers, progress=progress, context=context
        )
        evaluation = measure_photos(name, bundle, dataset, split, groups, ood, specimens)
        shift = None
        if not holds_training_photos(run, data_folder):
            shift = measure_shift(evaluation, _measure_own(run, bundle, evaluation, measure_photos))
        damaged = (
            evaluate_corruptions(bundle, dataset, workers, progress, context)
            if corruptions
            else None
        )
        leakage = measure_leakage(train, data_folder, dataset, evaluation, progress, context)
    evaluation = replace(
        evaluation,
        history=history,
        recipe=read_text_or_nothing(run / "recipe.yaml"),
        provenance=_provenance(bundle, dataset, split, ood, leakage),
        leakage=leakage,
        class_differences=differences,
        by_attribute=_measure_by_attribute(evaluation, attributes, train_attributes, specimens),
        shift=shift,
        corruptions=damaged,
        by_level=measure_by_level(evaluation, bundle.calibration, taxonomy),
    )
    if attributes and evaluation.by_attribute is None:
        progress.notice(_no_attributes_notice(dataset))
    if other is not None:
        _refuse_different_photos(evaluation, other)
    if context.is_main:
        with atomic_folder(folder) as partial_folder:
            write_evaluation(partial_folder, evaluation, other)
    if notice := font_notice([name, *bundle.classes]):
        progress.notice(notice)
    return EvaluationRun(evaluation, other, folder)


def _no_split_error(split: str) -> DataError:
    return DataError(
        tr(
            f"There is no split {split}: choose one of {', '.join(EVALUATED_SPLITS)}.",
            f"没有名为 {split} 的划分：请从 {'、'.join(EVALUATED_SPLITS)} 中选择。",
        )
    )


def _provenance(
    bundle: Bundle, dataset: Dataset, split: str, ood: Dataset | None, leakage: Leakage | None
) -> dict[str, str]:
    """Return where the model and the photos come from."""
    provenance = {
        **bundle.provenance,
        f"{split} photos (sha256 of names and sizes)": dataset.fingerprint(),
    }
    if ood is not None:
        provenance["other pictures (sha256 of names and sizes)"] = ood.fingerprint()
    copies = "not checked" if leakage is None else f"{len(leakage.indices)}"
    return {**provenance, "copies of training photos": copies}


def _training_photos(run: Path, classes: Sequence[str]) -> Dataset | None:
    """Return the photos that a run was trained on; None if they are gone or have changed."""
    try:
        return read_split(training_data_of(run), "train", classes)
    except UserError:
        return None


def _measure_own(
    run: Path,
    bundle: Bundle,
    evaluation: Evaluation,
    measure_photos: Callable[[str, Bundle, Dataset, str], Evaluation],
) -> SplitSummary | None:
    """Return a summary of the run's own photos of the same split and classes; None if unknown.

    If they are gone, it is that of an earlier evaluation.
    """
    split = evaluation.split
    try:
        own = read_split(training_data_of(run), split, bundle.classes)
        own = own.subset(np.flatnonzero(evaluation.test_counts[own.labels]))
        name = tr(f"own {split} photos", f"自身的 {split} 照片")
        return summarise(measure_photos(name, bundle, own, split))
    except UserError:
        has_all = bool(evaluation.test_counts.all())
        return read_own_summary(run / "evaluation" / split) if has_all else None


def _measure_by_attribute(
    evaluation: Evaluation,
    attributes: tuple[str, ...] | None,
    train_counts: TrainCounts | None,
    specimens: tuple[str, ...] | None,
) -> AttributeResults | None:
    """Return the accuracy by attribute; None if no photo has a known attribute."""
    predictions = evaluation.predictions
    if attributes is None or predictions is None:
        return None
    units = None if specimens is None else specimen_numbers(predictions.labels, specimens)
    return measure_by_attribute(predictions, attributes, train_counts, units)


def _no_attributes_notice(dataset: Dataset) -> str:
    """Return a notice about a list of attributes that has none of the photos of a split."""
    path, example = dataset.root.parent / ATTRIBUTES_FILE, f"{dataset.root.name}/{dataset.paths[0]}"
    return tr(
        f"{path} has no attribute for any photo of {dataset.root}, so nothing is measured by "
        f"attribute: list the photos as paths in DATA, such as {encodable(example)}.",
        f"{path} 没有 {dataset.root} 中任何照片的属性，因此不按属性评估：照片应写成数据文件夹内的"
        f"路径，例如 {encodable(example)}。",
    )


def _refuse_different_photos(evaluation: Evaluation, other: Evaluation) -> None:
    """Refuse to compare evaluations with different photos or different groups."""
    same_photos = np.array_equal(evaluation.test_counts, other.test_counts)
    if not same_photos or evaluation.groups != other.groups:
        raise DataError(
            tr(
                f"{other.name} was evaluated on different photos or with different groups: "
                "evaluate it again with the same --data and --groups, and --force.",
                f"{other.name} 评估时所用的照片或分组不同：请用相同的 --data 与 --groups "
                "加 --force 重新评估它。",
            )
        )
