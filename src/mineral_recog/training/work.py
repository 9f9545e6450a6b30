"""How much work the epochs of a run are, so that the time left follows from the work left.

The unit is a step that trains the backbone. A step of a classifier on features that are computed
once takes a hundredth of its time or less, so there the features are the work.
"""

from __future__ import annotations

from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import Stage

VIEWS_PER_PASS = 3  # features of a view need no gradient, which is two thirds of a training step


def work_of_view(steps_per_pass: int) -> int:
    """Return the work of the features of a view of all photos, rounded up."""
    return -(-steps_per_pass // VIEWS_PER_PASS)


def work_of_epoch(stage: Stage, steps_per_pass: int) -> int:
    """Return the work of an epoch of a stage: its steps, or 1 if it trains on features."""
    return 1 if stage.feature_views else stage.steps_in_epoch(steps_per_pass)


def work_until(recipe: Recipe, steps_per_pass: int, epoch: int, has_features: bool) -> int:
    """Return the work before an epoch of a run.

    Args:
        recipe: Recipe of the run.
        steps_per_pass: Steps of a pass over the training photos.
        epoch: Number of the epoch, from 0 to the run's epochs.
        has_features: Whether the features of the epoch's stage are computed, if it needs any.
    """
    work, first = 0, 0
    for stage in recipe.stages.values():
        work += work_of_epoch(stage, steps_per_pass) * min(max(epoch - first, 0), stage.epochs)
        if epoch > first or (epoch == first and has_features):
            work += stage.feature_views * work_of_view(steps_per_pass)
        first += stage.epochs
    return work
