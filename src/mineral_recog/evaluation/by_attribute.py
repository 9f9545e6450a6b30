"""Evaluation by attribute: how well are the rare looks within a class recognised?

An attribute is what the photos of a class differ in, such as the variety of a mineral. Accuracy is
measured for each pair of a class and an attribute, and averaged over pairs, so that each counts
the same however many photos it has. This is what an attribute-balanced test split measures in
generalised long-tail recognition: Tang et al., "Invariant Feature Learning for Generalized
Long-Tailed Classification" (ECCV 2022).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mineral_recog.calibration.temperature import Ints
from mineral_recog.csv_files import escape_formula
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.photo_columns import read_attributes
from mineral_recog.evaluation.metrics import (
    Photos,
    mean_by_cell,
    metrics_of_photos,
    photos_from_logits,
)
from mineral_recog.evaluation.resampling import intervals_of_photos
from mineral_recog.evaluation.results import Answers, AttributePair, AttributeResults, Predictions

# A pair with a smaller share of its class's training photos is rare: a model that gets all its
# photos wrong can still reach an accuracy of 80 % in the class, so that the class hides it.
RARE_SHARE = 1 / 5
ATTRIBUTE_COLUMNS = ("class", "attribute", "n_train", "n_test", "accuracy", "rare")

# The metrics of pairs are computed as those of classes: rare ones are the tail.
KEYS = {"mean_accuracy": "mean_accuracy", "mean_accuracy_rare": "mean_accuracy_tail"}

Value = TypeVar("Value")
TrainCounts = Mapping[tuple[int, str], int]


def count_attributes(train: Dataset) -> TrainCounts | None:
    """Count the training photos of each class and attribute; None if attributes are unknown.

    Raises:
        DataError: The list of attributes is damaged.
    """
    names = read_attributes(train)
    if names is None:
        return None
    return Counter((c, name) for c, name in zip(train.labels.tolist(), names, strict=True) if name)


def measure_by_attribute(
    predictions: Predictions,
    names: tuple[str, ...],
    train_counts: TrainCounts | None,
    specimens: Ints | None = None,
) -> AttributeResults | None:
    """Compute the accuracy by attribute, and intervals.

    Args:
        predictions: Predictions for M photos.
        names: Attribute of each photo, M; photos with "" are left out.
        train_counts: Training photos of each class and attribute; None if they are unknown.
        specimens: Specimen of each photo, [M]; None if each photo counts as one.

    Returns:
        The results; None if no photo has an attribute.
    """
    known = np.flatnonzero([bool(name) for name in names])
    if not len(known):
        return None
    labels = predictions.labels[known]
    keys = list(zip(labels.tolist(), (names[index] for index in known.tolist()), strict=True))
    number_of = {key: number for number, key in enumerate(sorted(set(keys)))}
    numbers = np.array([number_of[key] for key in keys], dtype=np.int64)
    photos = photos_from_logits(
        labels,
        predictions.logits[known],
        [""] * predictions.logits.shape[1],
        None if specimens is None else specimens[known],
    )._replace(labels=numbers)
    counts = np.bincount(numbers).tolist()
    accuracy = mean_by_cell(numbers, photos.correct, len(counts)).tolist()
    shares = None if train_counts is None else _train_shares(train_counts)
    pairs = tuple(
        AttributePair(
            *key,
            None if train_counts is None else train_counts.get(key, 0),
            counts[number],
            accuracy[number],
            None if shares is None else shares(key) < RARE_SHARE,
        )
        for key, number in number_of.items()
    )
    return _with_metrics(photos, pairs, names)


def _with_metrics(
    photos: Photos, pairs: tuple[AttributePair, ...], names: tuple[str, ...]
) -> AttributeResults:
    """Return the results with metrics and intervals; labels of photos are numbers of pairs."""
    groups = _groups(pairs)
    figures = attribute_values(metrics_of_photos(photos, groups))
    intervals = attribute_values(intervals_of_photos(photos, groups))
    return AttributeResults(names, len(photos.labels), pairs, figures, intervals)


def attribute_values(of_classes: Mapping[str, Value]) -> dict[str, Value]:
    """Return the metrics by attribute, or values about them, from those of pairs as classes."""
    return {key: of_classes[name] for key, name in KEYS.items() if name in of_classes}


def _train_shares(train_counts: TrainCounts) -> Callable[[tuple[int, str]], float]:
    """Return a function of a pair: its share of the training photos of its class.

    In a class of which no training photo has a known attribute, the share counts as 1.
    """
    totals = Counter[int]()
    for (label, _), count in train_counts.items():
        totals[label] += count
    return lambda key: train_counts.get(key, 0) / totals[key[0]] if totals[key[0]] else 1.0


def answers_by_pair(
    answers: Answers, pairs: Sequence[AttributePair]
) -> tuple[Answers, tuple[str, ...]]:
    """Return the answers to photos with an attribute, labelled with pairs in place of classes.

    Args:
        answers: Answers whose attributes are known.
        pairs: The pairs of the same evaluation.

    Returns:
        The answers, and the group of each pair: "tail" if it is rare, else "".

    Raises:
        KeyError: A photo has a pair that is not among them.
        ValueError: Pairs have other numbers of photos.
    """
    assert answers.attributes is not None
    names = np.array(answers.attributes, dtype=np.object_)
    known = np.flatnonzero(names != "")
    number_of = {pair[:2]: number for number, pair in enumerate(pairs)}
    keys = zip(answers.labels[known].tolist(), names[known].tolist(), strict=True)
    numbers = np.array([number_of[key] for key in keys], dtype=np.int64)
    if np.bincount(numbers, minlength=len(pairs)).tolist() != [pair.test_count for pair in pairs]:
        raise ValueError("photos and attributes do not agree")
    by_pair = Answers(
        paths=tuple(answers.paths[index] for index in known.tolist()),
        labels=numbers,
        ranks=answers.ranks[known],
        confidence=answers.confidence[known],
        specimens=None if answers.specimens is None else answers.specimens[known],
    )
    return by_pair, _groups(pairs)


def _groups(pairs: Sequence[AttributePair]) -> tuple[str, ...]:
    return tuple("tail" if pair.rare else "" for pair in pairs)


def attribute_document(results: AttributeResults) -> dict[str, Any]:
    """Return the part of metrics.json."""
    return {
        "attributes": len(results.pairs),
        "rare": results.rare_count,
        "photos": results.photo_count,
        "photos_without_attribute": len(results.names) - results.photo_count,
        **results.figures,
        "intervals": results.intervals,
    }


def pair_rows(results: AttributeResults, classes: Sequence[str]) -> Iterator[Sequence[object]]:
    """Yield the rows of per_attribute.csv; cells about unknown training photos are empty."""
    yield ATTRIBUTE_COLUMNS
    for pair in results.pairs:
        rare = "" if pair.rare is None else str(pair.rare).lower()
        count = "" if pair.train_count is None else pair.train_count
        accuracy = f"{pair.accuracy:.4f}"
        yield classes[pair.label], pair.attribute, count, pair.test_count, accuracy, rare


def read_by_attribute(
    path: Path, document: Mapping[str, Any], classes: Sequence[str]
) -> AttributeResults:
    """Read the results of an evaluation from per_attribute.csv and its part of metrics.json.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file or the document is damaged.
        KeyError: The file or the document is damaged.
    """
    label_of = {escape_formula(name): c for c, name in enumerate(classes)}
    with path.open(encoding="utf-8", newline="") as file:
        pairs = tuple(
            AttributePair(
                label_of[row["class"]],
                row["attribute"],
                int(row["n_train"]) if row["n_train"] else None,
                int(row["n_test"]),
                float(row["accuracy"]),
                {"true": True, "false": False, "": None}[row["rare"]],
            )
            for row in csv.DictReader(file)
        )
    return AttributeResults(
        (),
        int(document["photos"]),
        pairs,
        {key: float(document[key]) for key in KEYS if key in document},
        {key: (low, high) for key, (low, high) in document["intervals"].items()},
    )
