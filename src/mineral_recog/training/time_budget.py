"""A time budget: the first steps of each stage are timed, and the epochs scaled to what fits."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import torch

from mineral_recog.data.loaders import Batch, EvaluationLoader
from mineral_recog.data.samplers import Batches
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.progress import Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import scalable_epochs, with_epochs
from mineral_recog.recipes.stage import StageInRun
from mineral_recog.training.calibration_fit import MAX_PER_CLASS
from mineral_recog.training.feature_cache import affordable_views
from mineral_recog.training.trainer import Trainer

WARM_UP, TIMED = 3, 20  # steps of each stage; batches of validation are as many as TIMED
CALIBRATION_PASSES = 2  # over the photos of the calibration: the network's, and the gate's


@dataclass(frozen=True)
class StageCost:
    """The time of a stage, in seconds.

    Attributes:
        once: At its start, for features that are computed before.
        epoch: Start and validation of an epoch.
        step: A step.
        refresh: A refresh of the probabilities that its sampler depends on.
    """

    once: float
    epoch: float
    step: float
    refresh: float


@dataclass(frozen=True)
class RunCost:
    """The time of a run, in seconds.

    Attributes:
        stages: By the name of the stage.
        calibration: After the last stage.
        steps_per_pass: Steps of a pass over the photos.
    """

    stages: dict[str, StageCost]
    calibration: float
    steps_per_pass: int

    def seconds(self, recipe: Recipe) -> float:
        """Return the time of a recipe that differs in the epochs of its stages."""
        total = self.calibration
        for name, stage in recipe.stages.items():
            cost, steps = self.stages[name], stage.steps_in_epoch(self.steps_per_pass)
            total += cost.once + stage.epochs * (cost.epoch + steps * cost.step)
            total += -(-stage.epochs // stage.refresh_epochs) * cost.refresh
        return total


def epochs_that_fit(recipe: Recipe, cost: RunCost, seconds: float) -> int:
    """Return the largest value of the key `epochs` that fits into a time; 0 if none does.

    Args:
        recipe: Recipe of the run, which is not lengthened.
        cost: Its measured time.
        seconds: The time.
    """
    lengths = scalable_epochs(recipe)
    count = bisect_right(
        lengths, seconds, key=lambda epochs: cost.seconds(with_epochs(recipe, epochs))
    )
    return lengths[count - 1] if count else 0


class Budget:
    """Time that a run may take, counted from the moment when this object is made.

    Args:
        minutes: The time.

    Raises:
        UserError: It is no number above 0.
    """

    def __init__(self, minutes: float) -> None:
        if not 0 < minutes < math.inf:
            raise UserError(
                tr(
                    f"--minutes {minutes:g}: give a number of minutes above 0.",
                    f"--minutes {minutes:g}：请给出大于 0 的分钟数。",
                )
            )
        self.minutes, self.began = minutes, time.perf_counter()

    def fit(self, trainer: Trainer, progress: Progress) -> Recipe:
        """Time the first steps, and return the recipe with the epochs that fit.

        Args:
            trainer: See `measure_cost`.
            progress: Receives the line that says what fits.

        Raises:
            UserError: One epoch of each stage takes longer.
        """
        recipe, cost = trainer.recipe, measure_cost(trainer)
        used = time.perf_counter() - self.began
        # All processes train the same number of epochs.
        epochs = trainer.context.broadcast(epochs_that_fit(recipe, cost, 60 * self.minutes - used))
        fitted = with_epochs(recipe, epochs or scalable_epochs(recipe)[0])
        seconds = used + cost.seconds(fitted)
        if not epochs:
            raise _too_few_minutes_error(self.minutes, math.ceil(seconds / 60))
        progress.notice(describe_fit(recipe, fitted, self.minutes, seconds))
        return fitted


def _too_few_minutes_error(minutes: float, needed: int) -> UserError:
    return UserError(
        tr(
            f"{minutes:g} minutes are too few: one epoch of each stage takes about {needed} on "
            f"this machine. Give --minutes {needed + 1} or more, or set a smaller image_size.",
            f"{minutes:g} 分钟不够：在本机上每个阶段各训练一轮约需 {needed} 分钟。请用 "
            f"--minutes {needed + 1} 或更大的值，或减小 image_size。",
        )
    )


def describe_fit(recipe: Recipe, fitted: Recipe, minutes: float, seconds: float) -> str:
    """Return the line about the epochs that fit into a time.

    Args:
        recipe: Recipe of the run.
        fitted: Its length that fits.
        minutes: The time.
        seconds: Expected time of all.
    """
    parts = ", ".join(f"{name} {stage.epochs}" for name, stage in fitted.stages.items())
    about = f"{seconds / 60:.1f}"
    return tr(
        f"{minutes:g} minutes: {fitted.epochs} of {recipe.epochs} epochs fit ({parts}), expected "
        f"to take {about} minutes with the calibration",
        f"{minutes:g} 分钟：{recipe.epochs} 轮中可训练 {fitted.epochs} 轮（{parts}），"
        f"连同校准预计用时 {about} 分钟",
    )


def measure_cost(trainer: Trainer) -> RunCost:
    """Measure the time of a run by its first steps.

    Args:
        trainer: A trainer of a copy of the network; both are of no use afterwards.
    """
    trainer.checkpoint.saved_at = math.inf  # no checkpoint: the run has no folder yet
    recipe, photos = trainer.recipe, trainer.photos
    _time_batches(trainer, trainer.loaders.val, views=None)  # starts the loader's processes
    validation = _time_batches(trainer, trainer.loaders.val, views=None)
    _time_batches(trainer, trainer.loaders.center, views=1)
    view = _time_batches(trainer, trainer.loaders.center, views=1)  # of all training photos
    stages = {}
    for name, stage in recipe.stages.items():
        first = next(e for e in range(recipe.epochs) if recipe.stage_at(e).name == name)
        placed = recipe.stage_at(first)
        trainer.network.join_pretrained(stage.train == "classifier")
        if stage.feature_views:
            width = trainer.network.classifier.in_features
            views = affordable_views(stage.feature_views, len(photos.train), width)
            trainer.feature_cache = _ArbitraryFeatures(width)  # type: ignore[assignment]
            once = views * view + validation
            if trainer.outliers is not None:  # their features are computed once as well
                pictures = len(trainer.outliers.pictures)
                trainer.outliers.features = torch.zeros(pictures, width)
                once += pictures * view / len(photos.train)
            start, step = _time_steps(trainer, placed)
            trainer.feature_cache = None
            stages[name] = StageCost(once, start, step, 0.0)
        else:
            start, step = _time_steps(trainer, placed)
            refreshes = stage.uses_probabilities and recipe.probability_view == "evaluation"
            stages[name] = StageCost(0.0, start + validation, step, view if refreshes else 0.0)
    calibrated = sum(min(count, MAX_PER_CLASS) for count in photos.train.counts.tolist())
    calibration = view * calibrated / len(photos.train) + validation
    return RunCost(stages, CALIBRATION_PASSES * calibration, trainer.steps_per_pass)


class _ArbitraryFeatures:
    """Stands in for the features of a frozen backbone, whose values do not change the time."""

    def __init__(self, width: int) -> None:
        self.width = width

    def batches(self, epoch: int, drawn: Batches, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, see `FeatureCache.batches`."""
        for photos in drawn[first:]:
            indices = torch.from_numpy(photos)
            yield Batch(torch.zeros(len(photos), self.width), torch.zeros_like(indices), indices)


class _EnoughError(Exception):
    """Ends an epoch whose steps are timed."""


def _time_steps(trainer: Trainer, placed: StageInRun) -> tuple[float, float]:
    """Return the seconds until the first step of an epoch beyond its own time, and of a step."""
    trainer.state.start_stage(placed.stage)
    for group in trainer.state.optimizer.param_groups:
        group["lr_factor"] = 0.0  # stages out of their order might diverge
    for count in (WARM_UP, TIMED):
        times = [time.perf_counter()]

        def on_step(step: int, detail: str, times: list[float] = times, count: int = count) -> None:
            if trainer.device.type == "cuda":
                torch.cuda.synchronize(trainer.device)
            times.append(time.perf_counter())
            if len(times) > min(count, placed.stage.steps_in_epoch(trainer.steps_per_pass)):
                raise _EnoughError

        trainer.state.steps_done = 0
        trainer.state.start_epoch(placed.first_epoch, refresh=True)
        with suppress(_EnoughError):
            trainer.train_epoch(placed, placed.first_epoch, on_step, None)
    steps = len(times) - 1
    step = (times[-1] - times[1]) / (steps - 1) if steps > 1 else times[1] - times[0]
    return max(times[1] - times[0] - step, 0.0), step


def _time_batches(trainer: Trainer, loader: EvaluationLoader, views: int | None) -> float:
    """Return the seconds of a pass over the photos of a loader, by its first batches."""
    count, began = min(TIMED, len(loader)), time.perf_counter()
    trainer.context.predict(trainer.network, islice(loader, count), trainer.recipe.precision, views)
    return (time.perf_counter() - began) * len(loader) / count
