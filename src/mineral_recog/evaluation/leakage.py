"""Leakage: photos to evaluate on that are copies of training photos."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from mineral_recog.data.dataset import Dataset
from mineral_recog.duplicates.duplicate_sets import counted_duplicates, duplicate_sets
from mineral_recog.duplicates.finder import find_duplicates
from mineral_recog.duplicates.records import OpenFile, read_photos
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.results import Evaluation, Leakage
from mineral_recog.i18n import tr
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import parse_json

MAX_PHOTOS = 20_000  # of both splits together: takes minutes, where training took hours


def measure_leakage(
    train: Dataset | None,
    data: Path,
    dataset: Dataset,
    evaluation: Evaluation,
    progress: Progress,
    context: DistributedContext,
) -> Leakage | None:
    """Return copies of training photos, which the first process looks for; None if not searched.

    They are not searched if the training photos are gone or are the split themselves, or if there
    are too many photos.
    """
    if train is None or evaluation.split == "train":
        return None
    found = context.value_of_main(lambda: find_leakage(data, train, dataset, progress))
    if found is None:
        return None
    copies = tuple(found)
    metrics_without = {}
    predictions = evaluation.predictions
    if copies and predictions is not None and len(copies) < len(dataset):
        rest = np.delete(np.arange(len(dataset)), copies)
        metrics_without = metrics.compute_metrics(
            predictions.labels[rest], predictions.logits[rest], evaluation.groups
        )
    return Leakage(copies, metrics_without)


def find_leakage(
    data: Path, train: Dataset, split: Dataset, progress: Progress = SILENT
) -> tuple[int, ...] | None:
    """Return the photos of a split that are copies or near-copies of training photos.

    No photo is read if `prepare` or `draw` made the folder of both splits and the number of
    photos has not changed since: such a folder has no copies across splits.

    Args:
        data: Folder that holds the split.
        train: Training photos.
        split: Photos to evaluate on.
        progress: Receives the progress of reading photos.

    Returns:
        Indices of the copies in `split`, ascending; None if both splits together have more than
        `MAX_PHOTOS` photos, which are not checked.
    """
    if train.root.parent.resolve() == data.resolve() and _made_without_copies(data, train, split):
        return ()
    if len(train) + len(split) > MAX_PHOTOS:
        return None
    key = tuple(
        (dataset.root.resolve(), dataset.fingerprint(), dataset.classes)  # in their order
        for dataset in (train, split)
    )
    return _find_copies(_SplitPair(key, train, split, progress))


def _made_without_copies(data: Path, train: Dataset, split: Dataset) -> bool:
    """Return whether this program made the folder without copies, and it is unchanged."""
    for file_name in ("prepared.json", "drawn.json"):
        try:
            text = (data / file_name).read_text(encoding="utf-8", errors="surrogateescape")
            document = parse_json(text)
        except (OSError, ValueError):
            continue
        if file_name == "drawn.json":
            return True  # every drawn photo is different
        try:
            counts = document["made"]["counts"].values()
            return "copies" in document["made"] and all(
                sum(class_counts[dataset.root.name] for class_counts in counts) == len(dataset)
                for dataset in (train, split)
            )
        except (KeyError, TypeError, AttributeError):
            return False
    return False


@dataclass(frozen=True)
class _SplitPair:
    """A key of the cache: pairs of splits with the same photos are equal.

    `compare` evaluates many runs on one pair of splits.
    """

    key: tuple[tuple[Path, str, tuple[str, ...]], ...]  # folder, fingerprint and classes of both
    train: Dataset = field(compare=False)
    split: Dataset = field(compare=False)
    progress: Progress = field(compare=False)


@lru_cache(maxsize=8)
def _find_copies(pair: _SplitPair) -> tuple[int, ...]:
    train, split = pair.train, pair.split
    task = pair.progress.start(
        tr("looking for copies in train", "查找训练集中的副本"), len(train) + len(split)
    )
    records = read_photos(_opener(train), train.paths, task.set)
    records += read_photos(_opener(split), split.paths, lambda done: task.set(len(train) + done))
    readable = [index for index, record in enumerate(records) if record.fingerprint is not None]
    duplicates = find_duplicates(
        [record.fingerprint for record in records if record.fingerprint is not None],
        [record.digest for record in records if record.fingerprint is not None],
    )
    classes = [part.classes[label] for part in (train, split) for label in part.labels]
    duplicates = counted_duplicates(duplicates, [classes[index] for index in readable])
    copies = []
    for duplicate_set in duplicate_sets(len(readable), duplicates):
        indices = [readable[position] for position in duplicate_set]
        if indices[0] < len(train):  # the lowest: a training photo if the set has one
            copies += [index - len(train) for index in indices if index >= len(train)]
    return tuple(sorted(copies))


def _opener(dataset: Dataset) -> OpenFile:
    indices = {path: index for index, path in enumerate(dataset.paths)}
    return lambda path: dataset.open(indices[path])
