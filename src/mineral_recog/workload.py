"""How the time of a run is spread over its epochs, for telling how much of it is left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mineral_recog.config import Recipe, Stage

# Of a step that trains everything: what the way forward alone takes, and a step on known features.
FORWARD, KNOWN = 1 / 3, 0.02


def share_of_time(recipe: Recipe, steps_an_epoch: int) -> Callable[[int], float]:
    """What share of the time of a run, 0 to 1, its first n steps take.

    By the pixels that pass the backbone, so it is the same for any machine, and about right.
    """
    costs = []
    for epoch in range(recipe.epochs):
        name, first = recipe.stage_at(epoch)
        pixels = (recipe.view_side(epoch) / recipe.image_size) ** 2
        costs.append(_cost(recipe.stages[name], pixels, begins=epoch == first))
    behind = np.cumsum([0.0, *costs]) / sum(costs)
    epochs = np.arange(len(behind))
    return lambda steps: float(np.interp(steps / steps_an_epoch, epochs, behind))


def _cost(stage: Stage, pixels: float, begins: bool) -> float:
    if stage.feature_views:
        return KNOWN + begins * stage.feature_views * FORWARD * pixels
    return (FORWARD if stage.freeze_backbone else 1.0) * pixels
