"""Evaluation by specimen: the photos of one specimen give one answer, from their mean logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mineral_recog.calibration.calibration import specimen_logits
from mineral_recog.calibration.temperature import Ints
from mineral_recog.data.dataset import SPECIMENS_FILE, Dataset
from mineral_recog.data.photo_columns import listed_names, read_photo_column
from mineral_recog.errors import DataError
from mineral_recog.evaluation.metrics import compute_metrics, macro_f1
from mineral_recog.evaluation.resampling import bootstrap_intervals
from mineral_recog.evaluation.results import Predictions, SpecimenResults
from mineral_recog.i18n import tr


def read_specimens(dataset: Dataset) -> tuple[str, ...] | None:
    """Return the specimen of each photo of a split from specimens.csv beside the split.

    Returns:
        Names of specimens, [M]; None if there is no such file. A photo whose specimen is empty is
        a specimen of its own.

    Raises:
        DataError: The file is damaged, lists a photo twice, or lacks photos of the split.
    """
    path = dataset.root.parent / SPECIMENS_FILE
    specimens = read_photo_column(path, "specimen")
    if specimens is None:
        return None
    names = listed_names(dataset)
    if missing := [name for name in names if name not in specimens]:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise DataError(
            tr(
                f"{path} lacks {len(missing)} of the {len(names)} photos in {dataset.root} "
                f"({shown}): add them, or delete the file to evaluate by photo only.",
                f"{path} 缺少 {dataset.root} 的 {len(names)} 张照片中的 {len(missing)} 张"
                f"（{shown}）：请补上，或删除该文件以便仅按照片评估。",
            )
        )
    return tuple(specimens[name] or name for name in names)


def specimen_numbers(labels: Ints, names: Sequence[str]) -> Ints:
    """Return a number for each photo, [M], equal for photos of one class and specimen."""
    _, numbers = np.unique(np.array(names), return_inverse=True)
    _, numbers = np.unique(np.stack([labels, numbers]), axis=1, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)


def measure_by_specimen(
    predictions: Predictions, names: tuple[str, ...], groups: Sequence[str]
) -> SpecimenResults:
    """Compute the metrics of the combined answers, and intervals resampled over specimens."""
    numbers = specimen_numbers(predictions.labels, names)
    by_specimen = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[by_specimen], prepend=-1))
    labels = predictions.labels[by_specimen[starts]]
    photos = np.split(by_specimen, starts[1:])
    logits = np.stack([specimen_logits(predictions.logits[indices]) for indices in photos])
    return SpecimenResults(
        names=names,
        specimen_count=len(labels),
        figures=compute_metrics(labels, logits, groups) | macro_f1(labels, logits),
        intervals=bootstrap_intervals(labels, logits, groups),
    )
