"""The training loop, the only one: it runs the stages that a recipe declares."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

from mineral_recog.data.samplers import Sampler, build_sampler, number_of_batches
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import Outputs
from mineral_recog.models.trained_part import train_part
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import MAX_EPOCHS, Stage, StageInRun
from mineral_recog.training.checkpoint import CheckpointWriter
from mineral_recog.training.epoch_log import EpochLog, append_to_log, cut_log
from mineral_recog.training.feature_cache import FeatureCache, affordable_views
from mineral_recog.training.losses import ClassFacts, build_losses
from mineral_recog.training.optimiser import adapt_to_norm, set_rate
from mineral_recog.training.outliers import Outliers
from mineral_recog.training.posthoc import adjust
from mineral_recog.training.run_folder import CHECKPOINT, LOG
from mineral_recog.training.run_photos import TrainingPhotos, build_run_loaders
from mineral_recog.training.schedule import learning_rate
from mineral_recog.training.signals import Stopped, StopRequest
from mineral_recog.training.state import TrainState
from mineral_recog.training.step import OptimizerStep
from mineral_recog.training.work import work_of_epoch, work_of_view, work_until

OnStep = Callable[[int, str], None]


class Trainer:
    """Trains a network by a recipe, epoch after epoch, with checkpoints that are worth their time.

    Everything random is drawn from the recipe's seed and the number of the epoch, so a run that
    is resumed from a checkpoint ends exactly where an uninterrupted one does.

    Args:
        recipe: With its precision chosen.
        network: Network to train, on the device to train on.
        photos: Photos to train and to validate on.
        folder: Folder of the run; holds log.jsonl and checkpoint/.
        workers: Number of loader processes.
        context: This process among those that train together; each has a trainer.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        photos: TrainingPhotos,
        folder: Path,
        workers: int,
        context: DistributedContext,
    ) -> None:
        self.recipe, self.photos, self.context = recipe, photos, context
        self.network, self.device = context.sync_batchnorm(network), network.device
        train = photos.train
        self.counts = torch.tensor(train.counts, dtype=torch.float32, device=self.device)
        self.prior = self.counts / self.counts.sum()  # share of each class, [C]
        self.state = TrainState(recipe, self.network, len(train), len(train.classes), context)
        labels = torch.from_numpy(train.labels).to(self.device)
        self.step = OptimizerStep(self.state, labels, self.prior)
        weights = sum(tensor.nbytes for tensor in network.state_dict().values())
        self.folder = folder
        self.checkpoint = CheckpointWriter(folder / CHECKPOINT, 2 * weights)  # with the momentum
        preprocessing = network.preprocessing
        self.loaders = build_run_loaders(photos, recipe, preprocessing, workers, context)
        self.outliers: Outliers | None = None
        if recipe.outliers is not None:
            assert photos.outliers is not None  # drawn for the recipe, by `draw_outliers`
            self.outliers = Outliers(
                photos.outliers,
                recipe.outliers.photos,
                recipe,
                context,
                preprocessing.interpolation,
            )
        self.feature_cache: FeatureCache | None = None
        self.steps_per_pass = number_of_batches(len(train), recipe.batch_size)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)  # of runs before this one

    def work_until(self, epoch: int) -> int:
        """Return the work before an epoch, from the current one to the run's epochs; see `work`."""
        work = work_until(self.recipe, self.steps_per_pass, epoch, self.feature_cache is not None)
        return work - self.state.skipped_work

    def run(
        self,
        on_step: OnStep = lambda step, detail: None,
        on_epoch: Callable[[EpochLog], None] = lambda line: None,
        stop: StopRequest | None = None,
        save_after: Collection[int] = (),
    ) -> None:
        """Train from the current state to the end of the run.

        Args:
            on_step: Called after each step and before each view of features, with the work that is
                done, and the stage and epoch.
            on_epoch: Called with each line of the log.
            stop: Whether to stop; looked at after every step.
            save_after: Numbers of epochs after which a checkpoint is written, whatever its cost.

        Raises:
            Stopped: A stop was requested; the state is saved.
            UserError: A photo cannot be read, or the loss is not finite.
        """
        state = self.state
        while (epoch := state.epochs_done) < self.recipe.epochs:
            began = time.perf_counter()
            placed = self.recipe.stage_at(epoch)
            stage, epochs_of_stage = placed.stage, epoch - placed.first_epoch
            self.network.join_pretrained(stage.train == "classifier")
            if epochs_of_stage == 0 and not state.steps_done:
                if stage.classifier == "class_means":
                    self._start_from_class_means()
                state.start_stage(stage)
            if stage.feature_views and self.feature_cache is None:
                self._cache_features(placed, epoch, on_step)
            if not state.steps_done:
                refresh = epochs_of_stage % stage.refresh_epochs == 0
                if refresh and stage.uses_probabilities:
                    self._refresh_probabilities()
                state.start_epoch(epoch, refresh)
            losses = self.train_epoch(placed, epoch, on_step, stop)
            steps = stage.steps_in_epoch(self.steps_per_pass)
            last_step = epoch + (steps - 1) / steps
            accuracy, mean_accuracy = self._validate(stage)
            skipped = 0
            if stage.patience is not None and state.stalled >= stage.patience:
                skipped = stage.epochs - epochs_of_stage - 1
            line = EpochLog(
                stage=placed.name,
                epoch=epoch + 1,
                lr=learning_rate(placed, last_step),
                losses=losses,
                val_accuracy=accuracy,
                val_mean_accuracy=mean_accuracy,
                seconds=round(time.perf_counter() - began, 2),
                memory=self.step.peak_memory,
                skipped=skipped,
            )
            self._end_epoch(placed, line)
            if state.epochs_done in save_after or self.checkpoint.is_due(min_seconds=0):
                self._save()
            if skipped:
                on_step(self.work_until(state.epochs_done), placed.name)
            on_epoch(line)

    def _end_epoch(self, placed: StageInRun, line: EpochLog) -> None:
        """Count an epoch as done, with its line in the log; end its stage if it was the last."""
        state, stage = self.state, placed.stage
        # The next stage keeps its place in the run, whatever this one skips.
        state.epochs_done, state.steps_done = line.epoch + line.skipped, 0
        state.skipped_work += line.skipped * work_of_epoch(stage, self.steps_per_pass)
        if state.epochs_done == placed.first_epoch + stage.epochs:
            state.end_stage(placed.schedule)
            self.feature_cache = None
        if self.context.is_main:
            append_to_log(self.folder / LOG, line)

    def _start_from_class_means(self) -> None:
        """Start the classifier from the mean features of each class, in the evaluation's views."""
        outputs = self.context.predict(
            self.network, self.loaders.center, self.recipe.precision, views=1
        )
        features, labels = (
            torch.from_numpy(rows).to(self.device) for rows in (outputs.features, outputs.labels)
        )
        self.network.classifier.start_from_means(features, labels)

    def _refresh_probabilities(self) -> None:
        """Compute p_i from the evaluation's views, unless those of the training views are used."""
        if self.recipe.probability_view == "training":
            return
        outputs = self.context.predict(
            self.network, self.loaders.center, self.recipe.precision, views=1
        )
        logits = torch.from_numpy(outputs.logits).to(self.device)
        self.step.keep_probabilities(
            torch.arange(len(logits), device=self.device), logits, self.step.labels
        )

    def _cache_features(self, placed: StageInRun, epoch: int, on_step: OnStep) -> None:
        """Compute the features that a stage trains on."""
        first, features = placed.first_epoch, self.network.classifier.in_features
        views = affordable_views(placed.stage.feature_views, len(self.photos.train), features)

        work = work_of_view(self.steps_per_pass) if epoch == first else 0  # done before a resume

        def on_view(view: int) -> None:
            detail = f"{placed.name}  {tr('features', '特征')} {view + 1}/{views}"
            on_step(self.work_until(epoch) + view * work, detail)

        self.feature_cache = FeatureCache(
            self.network,
            self.loaders,
            self.photos.train.labels,
            range(first, first + views - 1),
            self.recipe.seed,
            self.recipe.precision,
            self.context,
            on_view,
        )
        if self.outliers is not None:
            self.outliers.compute_features(self.network)
        norm = self.feature_cache.mean_squared_norm()
        adapt_to_norm(self.state.optimizer, self.recipe, placed.stage, norm)

    def train_epoch(
        self, placed: StageInRun, epoch: int, on_step: OnStep, stop: StopRequest | None
    ) -> dict[str, float]:
        """Train one epoch, or the rest of it; return the means of the loss and its parts."""
        state, stage = self.state, placed.stage
        sampler = self._sampler(stage)
        sampled = torch.tensor(sampler.class_prior(), dtype=torch.float32, device=self.device)
        losses = build_losses(
            stage.losses, ClassFacts(self.counts, sampled, state.centers, self.recipe.head_scale)
        )
        self.network.train()
        train_part(self.network, stage)
        detail = f"{placed.name}  {tr('epoch', '轮次')} {epoch + 1}/{self.recipe.epochs}"
        # The first pass has the epoch's number, the others have numbers that no epoch has.
        batches = [
            batch
            for draw in range(stage.passes(self.steps_per_pass))
            for batch in sampler.draw(epoch + draw * MAX_EPOCHS)
        ]
        work, work_before = work_of_epoch(stage, self.steps_per_pass), self.work_until(epoch)
        del sampler  # it may hold 12 bytes a photo, which the epoch does not need
        loader = self.feature_cache or self.loaders.train
        for batch in loader.batches(epoch, batches, state.steps_done):
            done = epoch + state.steps_done / len(batches)
            set_rate(state.optimizer, self.recipe, placed, done)
            drawn, from_features = batches[state.steps_done], self.feature_cache is not None
            outliers = None
            if self.outliers is not None:
                outliers = self.outliers.batch(epoch, state.steps_done, from_features)
            self.step.take(batch, drawn, losses, stage, from_features, outliers)
            state.steps_done += 1
            on_step(work_before + work * state.steps_done // len(batches), detail)
            self.stop_if_requested(stop)
            if self.checkpoint.is_due():
                self._save()
        # In this order, whatever the order in a checkpoint was.
        parts = ("loss", *losses, *(["outliers"] if self.outliers else []))
        means = {part: float(state.loss_sums[part]) / len(batches) for part in parts}
        if not all(map(math.isfinite, means.values())):
            raise _not_finite_error(placed, epoch, self.recipe.precision)
        return means

    def _sampler(self, stage: Stage) -> Sampler:
        train = self.photos.train
        return build_sampler(
            stage.sampler,
            train.labels,
            len(train.classes),
            self.recipe.batch_size,
            self.recipe.seed,
            self.state.sampler_probabilities.cpu().numpy(),
            stage.class_mass,
        )

    def _validate(self, stage: Stage) -> tuple[float, float]:
        """Return the accuracy on the validation photos, and the mean of those of all classes."""
        ema = self.state.ema
        with ema.applied_to(self.network) if ema else nullcontext():
            outputs = self._predict_val()
        correct = outputs.logits.argmax(axis=1) == outputs.labels
        class_count = len(self.photos.val.classes)
        counts = np.bincount(outputs.labels, minlength=class_count)
        class_accuracy = np.bincount(outputs.labels[correct], minlength=class_count) / counts
        mean = float(class_accuracy.mean())
        if stage.weights == "best" or stage.patience is not None:
            self.state.keep_if_best(mean, with_weights=stage.weights == "best")
        return float(correct.mean()), mean

    def _predict_val(self) -> Outputs:
        if self.feature_cache is not None:
            return self.feature_cache.validate()
        return self.context.predict(self.network, self.loaders.val, self.recipe.precision)

    def adjust(self) -> float | None:
        """Adjust the classifier as `after` in the recipe says; return the tau that was chosen."""
        if self.recipe.after is None:
            return None
        outputs, head = self._predict_val(), self.network.classifier
        assert isinstance(head, LinearHead)  # the recipe's validation guarantees it
        return adjust(head, self.recipe.after, self.prior, outputs.features, outputs.labels)

    def stop_if_requested(self, stop: StopRequest | None) -> None:
        """Save the state and stop, if the main process received a signal.

        Raises:
            Stopped: It did.
        """
        signal_number = self.context.broadcast(stop.signal if stop else 0)
        if signal_number:
            self._save()
            raise Stopped(signal_number)

    def _save(self) -> None:
        """Write a checkpoint; the main process does it for all."""
        self.checkpoint.save(self.state.state_dict if self.context.is_main else None)

    def resume(self, on_damaged: Callable[[str], None] = lambda reason: None) -> None:
        """Load the last checkpoint, if there is one, and cut the log to it.

        Args:
            on_damaged: See `read_checkpoint`.

        Raises:
            UserError: The checkpoints are damaged, or belong to other photos or another network.
        """
        self.state.restore(self.checkpoint.path, on_damaged)
        if self.context.is_main:
            cut_log(self.folder / LOG, self.state.epochs_done)


def _not_finite_error(placed: StageInRun, epoch: int, precision: str) -> UserError:
    name, lr = placed.name, placed.stage.lr
    half = precision == "float16"
    other_en = " or set precision=float32" if half else ""
    other_zh = "，或设 precision=float32" if half else ""
    return UserError(
        tr(
            f"The loss is not finite in stage {name}, epoch {epoch + 1}: lower stages.{name}.lr "
            f"(now {lr:g}){other_en} and train again.",
            f"阶段 {name} 第 {epoch + 1} 轮的损失不是有限数：请降低 stages.{name}.lr"
            f"（现为 {lr:g}）{other_zh}后重新训练。",
        )
    )
