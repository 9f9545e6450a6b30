"""The training loop, the only one: it runs the stages that a recipe declares."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.data.cache import Cache
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.loaders import Batch, EvaluationLoader, TrainingLoader
from mineral_recog.data.samplers import Sampler, build_sampler, number_of_batches
from mineral_recog.errors import UserError
from mineral_recog.files import atomic_file
from mineral_recog.i18n import tr
from mineral_recog.models.device import memory_in_use
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import Outputs, predict
from mineral_recog.recipes.recipe import Recipe, Stage
from mineral_recog.training.checkpoint import CheckpointWriter, read_checkpoint
from mineral_recog.training.distributed import DistributedContext
from mineral_recog.training.ema import Ema
from mineral_recog.training.feature_cache import FeatureCache
from mineral_recog.training.losses import ClassFacts, Loss, build_losses
from mineral_recog.training.mixup import mix
from mineral_recog.training.posthoc import adjust
from mineral_recog.training.schedule import learning_rate_factor
from mineral_recog.training.signals import Stopped, StopRequest
from mineral_recog.training.state import TrainState

LogLine = dict[str, Any]
OnStep = Callable[[int, str], None]

LOG, CHECKPOINT = "log.jsonl", Path("checkpoint", "last.safetensors")


class Trainer:
    """Trains a network by a recipe, epoch after epoch, with a checkpoint after each.

    Everything random is drawn from the recipe's seed and the number of the epoch, so a run that
    is resumed from a checkpoint ends exactly where an uninterrupted one does.

    Args:
        recipe: With its precision chosen.
        network: Network to train; it is moved to the device.
        train: Photos to train on.
        val: Photos of the same classes, for the validation after each epoch.
        folder: Folder of the run; holds log.jsonl and checkpoint/.
        device: Device to train on.
        workers: Number of loader processes.
        context: This process among those that train together; each has a trainer.
        caches: Reduced photos of `train` and `val`; without them the photos themselves are read.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        train: Dataset,
        val: Dataset,
        folder: Path,
        device: torch.device,
        workers: int,
        context: DistributedContext,
        caches: Sequence[Cache] | None = None,
    ) -> None:
        self.recipe, self.device, self.context = recipe, device, context
        self.network = context.sync_batchnorm(network.to(device))
        self.labels, self.classes = train.labels, len(train.classes)
        self.device_labels = torch.from_numpy(train.labels).to(device)
        self.counts = torch.tensor(train.counts, dtype=torch.float32, device=device)
        self.state = TrainState(recipe, self.network, len(train), self.classes)
        self.log, self.checkpoint = folder / LOG, CheckpointWriter(folder / CHECKPOINT)
        self.cached = caches is not None
        train_cache, val_cache = caches or (None, None)
        size, share = recipe.image_size, context.share
        self.train_loader = TrainingLoader(
            train, size, recipe.crop_scale, recipe.seed, workers, train_cache, share
        )
        self.val_loader = EvaluationLoader(val, size, recipe.batch_size, workers, val_cache, share)
        self.feature_cache: FeatureCache | None = None
        self.steps_per_epoch = number_of_batches(len(train), recipe.batch_size)
        self.peak_memory = 0  # bytes
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)  # of runs before this one

    @property
    def prior(self) -> Tensor:
        """Share of each class in the training photos, [C]."""
        return self.counts / self.counts.sum()

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.recipe.epochs

    def run(
        self,
        on_step: OnStep = lambda step, detail: None,
        on_epoch: Callable[[LogLine], None] = lambda line: None,
        stop: StopRequest | None = None,
    ) -> None:
        """Train from the current state to the end of the run.

        Args:
            on_step: Called with the steps of the run that are done, and the stage and epoch.
            on_epoch: Called with each line of the log.
            stop: Whether to stop; looked at after every step.

        Raises:
            Stopped: A stop was requested; the state is saved.
            UserError: A photo cannot be read, or the loss is not finite.
        """
        state = self.state
        for epoch in range(state.epochs_done, self.recipe.epochs):
            began = time.perf_counter()
            name, first = self.recipe.stage_at(epoch)
            stage = self.recipe.stages[name]
            if epoch == first and not state.steps_done:
                self._begin_stage(stage)
            self._cache_features(name, stage, epoch, on_step)
            if not state.steps_done:
                self._begin_epoch(epoch, refresh=(epoch - first) % stage.refresh_epochs == 0)
            line: LogLine = {"stage": name, "epoch": epoch + 1}
            line |= self._train_epoch(name, stage, epoch, on_step, stop)
            line |= self._validate(stage)
            line["seconds"] = round(time.perf_counter() - began, 2)
            line["memory"] = self.peak_memory
            state.epochs_done, state.steps_done = epoch + 1, 0
            if ends := state.epochs_done == first + stage.epochs:
                self._end_stage()
            self._write_log(line)
            if ends or self.checkpoint.is_due(min_seconds=0):
                self._save()
            on_epoch(line)

    def _begin_stage(self, stage: Stage) -> None:
        """Set up a stage; one whose schedule continues keeps its optimiser."""
        if stage.classifier == "anew":
            torch.manual_seed(self.recipe.seed)
            self.network.reset_classifier()
        elif stage.classifier == "rescale":
            self.state.start_scale()
        if stage.schedule != "continue":
            self.state.start_optimizer(stage)
            self.wrapped = self.context.wrap(self.network)
            if self.recipe.weight_average:
                self.state.ema = Ema(self.network, self.recipe.weight_average)
        self.state.best = None

    def _end_stage(self) -> None:
        """Load the weights that the stage hands on; the average goes on if the schedule does."""
        state = self.state
        if state.best is not None:
            self.network.load_state_dict(state.best[1])
        elif state.ema is not None and self._schedule_ends():
            self.network.load_state_dict(state.ema.state)
        if isinstance(self.network.classifier, LinearHead):
            self.network.classifier.fold_scale()
        self.feature_cache = None

    def _schedule_ends(self) -> bool:
        """Whether the last completed epoch ends a learning-rate schedule."""
        if self.state.epochs_done == self.recipe.epochs:
            return True
        name, _ = self.recipe.stage_at(self.state.epochs_done)
        return self.recipe.stages[name].schedule != "continue"

    def _cache_features(self, name: str, stage: Stage, epoch: int, on_step: OnStep) -> None:
        """Compute the features that a stage trains on, unless they are cached already."""
        if not stage.feature_views or self.feature_cache is not None:
            return

        def on_view(view: int) -> None:
            detail = f"{name}  {tr('features', '特征')} {view + 1}/{stage.feature_views}"
            on_step(epoch * self.steps_per_epoch, detail)

        _, first = self.recipe.stage_at(epoch)
        self.feature_cache = FeatureCache(
            self.network,
            self.train_loader,
            self.val_loader,
            self.labels,
            stage.feature_views,
            first,
            self.recipe.seed,
            self.device,
            self.recipe.precision,
            self.context,
            on_view,
        )

    def _begin_epoch(self, epoch: int, refresh: bool) -> None:
        """Set up what the steps of an epoch start from."""
        state = self.state
        if refresh:
            state.sampler_probabilities.copy_(state.probabilities)
        state.loss_sums = {}
        state.mixup_rng = np.random.default_rng([self.recipe.seed, epoch, 2])
        torch.manual_seed(self.recipe.seed + epoch + 2**32 * self.context.rank)  # for dropout

    def _train_epoch(
        self, name: str, stage: Stage, epoch: int, on_step: OnStep, stop: StopRequest | None
    ) -> LogLine:
        """Train one epoch, or the rest of it.

        Returns:
            The last learning rate and the mean of each part of the loss.
        """
        state, optimizer = self.state, self.state.optimizer
        sampler = self._sampler(stage)
        sampled = torch.tensor(sampler.class_prior(), dtype=torch.float32, device=self.device)
        losses = build_losses(stage.losses, ClassFacts(self.counts, sampled, state.centers))
        self.network.train()
        self.network.freeze_backbone(stage.freeze_backbone, stage.freeze_normalisation)
        detail = f"{name}  {tr('epoch', '轮次')} {epoch + 1}/{self.recipe.epochs}"
        batches = sampler.draw(epoch)
        del sampler  # it may hold 12 bytes a photo, which the epoch does not need
        loader = self.feature_cache or self.train_loader
        for batch in loader.batches(epoch, batches, state.steps_done):
            done = state.steps_done / len(batches)
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate(name, stage, epoch + done)
            parts = self._step(batch, batches[state.steps_done], losses, stage.mixup)
            for part, value in parts.items():
                before = state.loss_sums.get(part, torch.zeros((), device=self.device))
                state.loss_sums[part] = before + value
            state.steps_done += 1
            on_step(epoch * self.steps_per_epoch + state.steps_done, detail)
            self._stop_if_requested(stop)
            if self.checkpoint.is_due():
                self._save()
        lr = self._learning_rate(name, stage, epoch + (len(batches) - 1) / len(batches))
        # In this order, whatever the order in a checkpoint was.
        means = {part: float(state.loss_sums[part]) / len(batches) for part in ("loss", *losses)}
        if not all(map(math.isfinite, means.values())):
            raise UserError(
                tr(
                    f"The loss is not finite in stage {name}, epoch {epoch + 1}: lower "
                    f"stages.{name}.lr (now {stage.lr:g}) and train again.",
                    f"阶段 {name} 第 {epoch + 1} 轮的损失不是有限数：请降低 stages.{name}.lr"
                    f"（现为 {stage.lr:g}）后重新训练。",
                )
            )
        return {"lr": lr, **means}

    def _step(
        self,
        batch: Batch,
        drawn: NDArray[np.int64],
        losses: Mapping[str, Loss],
        mixup: float,
    ) -> dict[str, Tensor]:
        """Take one step of the optimiser.

        Cached features are whole batches in every process, and all processes take the same step.

        Args:
            batch: This process's share of the batch.
            drawn: Indices of the photos of the whole batch, [B].
            losses: The parts of the loss.
            mixup: Parameter of the beta distribution of mixup; 0 for none.

        Returns:
            The loss of the whole batch and its parts.
        """
        state = self.state
        context = self.context if self.feature_cache is None else DistributedContext()
        indices = torch.from_numpy(drawn).to(self.device)
        labels = self.device_labels[indices]
        inputs = batch.inputs.to(self.device, non_blocking=True)
        partner_labels, own_share = labels, 1.0
        if mixup:
            inputs, partners, own_share = mix(
                context.gather_batch(inputs, len(indices)), mixup, state.mixup_rng
            )
            inputs, partner_labels = inputs[context.share], labels[partners]
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"
        ):
            forward = self.network.classify if self.feature_cache else self.wrapped
            outputs = forward(inputs)
        features, logits = (context.gather_batch(rows.float(), len(indices)) for rows in outputs)
        parts = {part: loss(features, logits, labels) for part, loss in losses.items()}
        if own_share < 1:
            for part, loss in losses.items():
                of_partners = loss(features, logits, partner_labels)
                parts[part] = own_share * parts[part] + (1 - own_share) * of_partners
        self.peak_memory = max(self.peak_memory, memory_in_use(self.device))
        total = torch.stack([losses[part].weight * value for part, value in parts.items()]).sum()
        state.optimizer.zero_grad(set_to_none=True)
        (context.world_size * total).backward()
        state.optimizer.step()
        if state.ema is not None:
            state.ema.update(self.network)
        self._update_probabilities(indices, logits.detach(), labels)
        return {"loss": total.detach(), **{part: value.detach() for part, value in parts.items()}}

    def _update_probabilities(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Keep p_i of the photos of a batch."""
        if self.recipe.probabilities == "adjusted":
            logits = logits + self.prior.log()
        of_true_class = logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]
        self.state.probabilities[indices] = of_true_class

    def _sampler(self, stage: Stage) -> Sampler:
        return build_sampler(
            stage.sampler,
            self.labels,
            self.classes,
            self.recipe.batch_size,
            self.recipe.seed,
            self.state.sampler_probabilities.cpu().numpy(),
        )

    def _learning_rate(self, name: str, stage: Stage, epochs_done: float) -> float:
        first, epochs, head = self.recipe.schedule_span(name)
        progress = (epochs_done - first) / epochs
        return (stage.lr or 0.0) * learning_rate_factor(head.schedule, progress, head.warmup)

    def _validate(self, stage: Stage) -> LogLine:
        """Compute accuracies on the validation photos; keep the weights if they are the best."""
        state = self.state
        if state.ema is not None:
            with state.ema.applied_to(self.network):
                outputs = self._predict_val()
        else:
            outputs = self._predict_val()
        correct = outputs.logits.argmax(axis=1) == outputs.labels
        counts = np.bincount(outputs.labels, minlength=self.classes)
        class_accuracy = np.bincount(outputs.labels[correct], minlength=self.classes) / counts
        mean = float(class_accuracy.mean())
        if stage.weights == "best" and (state.best is None or mean > state.best[0]):
            weights = state.ema.state if state.ema else self.network.state_dict()
            state.best = (mean, {k: v.detach().clone() for k, v in weights.items()})
        return {"val_accuracy": float(correct.mean()), "val_mean_accuracy": mean}

    def _predict_val(self) -> Outputs:
        if self.feature_cache is not None:
            return self.feature_cache.validate()
        outputs = predict(self.network, self.val_loader, self.device, self.recipe.precision)
        return self.context.gather_outputs(outputs, self.device)

    def adjust(self) -> float | None:
        """Adjust the classifier as `after` in the recipe says; return the tau that was chosen."""
        if self.recipe.after is None:
            return None
        outputs, head = self._predict_val(), self.network.classifier
        assert isinstance(head, LinearHead)  # the recipe's validation guarantees it
        return adjust(head, self.recipe.after, self.prior, outputs.features, outputs.labels)

    def _stop_if_requested(self, stop: StopRequest | None) -> None:
        """Save the state and stop, if the main process received a signal."""
        signal_number = self.context.broadcast(stop.signal if stop else 0)
        if signal_number:
            self._save()
            raise Stopped(signal_number)

    def _write_log(self, line: LogLine) -> None:
        if self.context.is_main:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")

    def _save(self) -> None:
        """Write a checkpoint; the main process does it for all."""
        self.checkpoint.save(self.state.state_dict if self.context.is_main else None)

    def resume(self, on_damaged: Callable[[str], None] = lambda reason: None) -> None:
        """Load the last checkpoint, if there is one, and cut the log to it.

        Args:
            on_damaged: Called with the reason if the last checkpoint is damaged and the one
                before it is loaded.

        Raises:
            UserError: The checkpoints are damaged, or belong to other photos or another network.
        """
        path = self.checkpoint.path
        if saved := read_checkpoint(path, on_damaged):
            try:
                self.state.load_state_dict(*saved)
            except (KeyError, RuntimeError, ValueError, TypeError) as error:
                raise UserError(
                    tr(
                        f"The checkpoint {path} belongs to another network or other photos "
                        f"({error}): train again with --force.",
                        f"检查点 {path} 属于别的网络或别的照片（{error}）：请用 --force 重新训练。",
                    )
                ) from None
            self.wrapped = self.context.wrap(self.network)
        if self.context.is_main and self.log.is_file():
            lines = self.log.read_text(encoding="utf-8").splitlines()[: self.state.epochs_done]
            with atomic_file(self.log) as partial:
                partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
