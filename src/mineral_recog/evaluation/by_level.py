"""Accuracy by level of the taxonomy, how bad mistakes are, and how often rolled-up answers hold.

The height of a mistake is that of the lowest node that joins the true and the predicted class
(Bertinetto et al., "Making better mistakes", CVPR 2020): 1 if both are varieties of one species, 2
if they share a series or group, 3 if only a class of Nickel and Strunz, and 4 if nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.evaluation.metrics import mean_by_cell
from mineral_recog.evaluation.results import Evaluation, LevelAccuracy, LevelResults, RollUpResults
from mineral_recog.identify.class_tree import LEVELS, ClassTree
from mineral_recog.minerals.taxonomy import Node, Taxonomy

ASKED = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # probabilities that an answer must reach
_HEIGHTS = {"variety": 0, "species": 1, "series": 2, "group": 2, "class": 3}
_NOTHING_SHARED = 4
_LEVEL_NAMES = {
    "species": ("species", "种"),
    "group": ("group", "族"),
    "class": ("class (Nickel-Strunz)", "大类（Nickel-Strunz）"),
}


def measure_by_level(
    evaluation: Evaluation, calibration: Calibration, taxonomy: Taxonomy
) -> LevelResults | None:
    """Measure answers at each level; None if the taxonomy joins none of the classes."""
    classes, predictions = evaluation.classes, evaluation.predictions
    finest = ClassTree(classes, taxonomy, None)
    if len(finest.names) == finest.leaf_count or predictions is None:
        return None
    labels, probabilities = predictions.labels, calibration.probabilities(predictions.logits)
    levels = []
    for level in LEVELS:
        tree = ClassTree(classes, taxonomy, level)
        guesses = tree.sums(probabilities)[:, : tree.leaf_count].argmax(axis=1)
        right = guesses == tree.leaf_of_class[labels]
        by_class = mean_by_cell(labels, right, len(classes))
        mean = float(np.nanmean(by_class))
        levels.append(LevelAccuracy(level, tree.leaf_count, float(right.mean()), mean))
    guesses = probabilities.argmax(axis=1)
    nodes = [taxonomy.find(name) for name in classes]
    heights = [
        _height(nodes[truth], nodes[guess])
        for truth, guess in zip(labels.tolist(), guesses.tolist(), strict=True)
        if truth != guess
    ]
    return LevelResults(
        tuple(levels),
        len(heights),
        float(np.mean(heights)) if heights else None,
        tuple(_measure_roll_up(labels, probabilities, finest, asked) for asked in ASKED),
    )


def level_document(results: LevelResults) -> dict[str, Any]:
    """Return the part of metrics.json."""
    return {
        "accuracy": {row.level: row.accuracy for row in results.levels},
        "mean_accuracy": {row.level: row.mean_accuracy for row in results.levels},
        "mistakes": results.mistake_count,
        "mistake_height": results.mistake_height,
        "roll_up": [row._asdict() for row in results.roll_up],
    }


def level_rows(results: LevelResults) -> list[dict[str, str]]:
    """Return the accuracy at each level as text, with the names of the levels."""
    return [
        {
            "english": _LEVEL_NAMES[row.level][0],
            "chinese": _LEVEL_NAMES[row.level][1],
            "names": f"{row.name_count:,}",
            "mean_accuracy": f"{100 * row.mean_accuracy:.2f}%",
            "accuracy": f"{100 * row.accuracy:.2f}%",
        }
        for row in results.levels
    ]


def roll_up_rows(results: LevelResults) -> list[dict[str, str]]:
    """Return how often rolled-up answers hold, as text."""
    return [
        {
            "asked": f"{100 * row.asked:.0f}%",
            "answered": f"{100 * row.answered:.1f}%",
            "right": "–" if row.right is None else f"{100 * row.right:.1f}%",
            "single": f"{100 * row.single:.1f}%",
        }
        for row in results.roll_up
    ]


def mistake_remark(results: LevelResults) -> tuple[str, str] | None:
    """Return the mean height of mistakes as a sentence in both languages; None without any."""
    if results.mistake_height is None:
        return None
    height, count = f"{results.mistake_height:.2f}", f"{results.mistake_count:,}"
    return (
        f"Mean height of the {count} mistakes: {height} (1 the same species, 2 the same series or "
        "group, 3 the same class, 4 nothing in common); lower is better.",
        f"{count} 个错误的平均高度：{height}（1 同种，2 同系列或同族，3 同大类，4 毫无共同之处），"
        "越低越好。",
    )


def _height(truth: Node | None, guess: Node | None) -> int:
    """Return the height of the lowest node that joins two classes."""
    above = set() if guess is None else set(guess.path)
    path = () if truth is None else truth.path
    return next((_HEIGHTS[node.rank] for node in path if node in above), _NOTHING_SHARED)


def _measure_roll_up(
    labels: Ints, probabilities: Floats, tree: ClassTree, asked: float
) -> RollUpResults:
    """Return how often answers that reach a probability contain the true class."""
    chosen, reached = tree.choose(tree.sums(probabilities), asked)
    right = tree.members[chosen, labels][reached] > 0
    single = reached & (chosen < tree.leaf_count)
    return RollUpResults(
        asked,
        float(reached.mean()),
        float(right.mean()) if reached.any() else None,
        float(single.mean()),
    )
