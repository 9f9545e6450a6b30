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

from mineral_recog.checkpoint import read_checkpoint, save_checkpoint
from mineral_recog.config import Recipe, Stage
from mineral_recog.data.cache import Cache
from mineral_recog.data.drawn import number_of_batches
from mineral_recog.data.index import Index
from mineral_recog.data.loading import Batch, EvaluationLoader, TrainingLoader
from mineral_recog.data.samplers import Sampler, build_sampler
from mineral_recog.errors import UserError
from mineral_recog.files import whole_file
from mineral_recog.frozen_features import FrozenFeatures
from mineral_recog.hardware import memory_in_use
from mineral_recog.language import tr
from mineral_recog.method.adjustment import adjust
from mineral_recog.method.heads import LinearHead
from mineral_recog.method.losses import Centers, Loss, build_losses
from mineral_recog.method.mixup import mix
from mineral_recog.method.model import Network
from mineral_recog.method.prediction import Outputs, predict
from mineral_recog.method.schedule import learning_rate_factor
from mineral_recog.method.weight_average import WeightAverage
from mineral_recog.ranks import Ranks
from mineral_recog.run_state import restore, state_of
from mineral_recog.stopping import Asked, Stopped

LogLine = dict[str, Any]

SAVE_EVERY = 300.0  # seconds of an epoch that a loss of power may cost, at most
MOST_SAVING = 0.02  # of the time, that checkpoints may take
LOG, CHECKPOINT = "log.jsonl", Path("checkpoint", "last.safetensors")


class Engine:
    """Trains a network by a recipe, epoch after epoch, with a checkpoint after each.

    Everything random is drawn from the recipe's seed and the number of the epoch, so a run that
    goes on from a checkpoint ends where one that was never stopped does.

    Args:
        recipe: with its precision chosen.
        network: to train; it is moved to the device.
        train: photos to learn from.
        val: photos of the same classes, to validate on after each epoch.
        folder: of the run; holds log.jsonl and checkpoint/.
        device: to train on.
        workers: loader processes.
        ranks: the processes that train together; each has an engine.
        caches: of the photos to learn from and to validate on; without, they are read themselves.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        train: Index,
        val: Index,
        folder: Path,
        device: torch.device,
        workers: int,
        ranks: Ranks,
        caches: Sequence[Cache] | None = None,
    ) -> None:
        self.recipe, self.device, self.ranks = recipe, device, ranks
        self.network = ranks.with_common_statistics(network.to(device))
        self.labels, self.classes = train.labels, len(train.classes)
        self.labels_here = torch.from_numpy(train.labels).to(device)
        self.log, self.checkpoint = folder / LOG, folder / CHECKPOINT
        size = recipe.image_size
        self.cached = caches is not None
        of_train, of_val = caches or (None, None)
        self.views = TrainingLoader(
            train, size, recipe.crop_scale, recipe.seed, workers, of_train, ranks.share
        )
        self.val = EvaluationLoader(val, size, recipe.batch_size, workers, of_val, ranks.share)
        self.done, self.step = 0, 0  # epochs, and steps of the one at hand
        self.sums: dict[str, Tensor] = {}  # of each loss term over those steps
        self.mixing = np.random.default_rng()  # partners of mixup; each epoch has its own
        self.saved, self.cost = time.perf_counter(), 0.0  # when a checkpoint was, and its seconds
        self.steps_an_epoch = number_of_batches(len(train), recipe.batch_size)
        self.counts = torch.tensor(train.counts, dtype=torch.float32, device=device)
        self.centers = Centers(self.classes, network.classifier.in_features).to(device)
        # p_i, the probability of the true class at the last sight of a photo; before, chance.
        self.probabilities = torch.full((len(train),), 1 / self.classes, device=device)
        self.drawn_by = self.probabilities.clone()  # those that the sampler looked at last
        self.best: tuple[float, dict[str, Tensor]] | None = None
        self.average: WeightAverage | None = None
        self.frozen: FrozenFeatures | None = None
        self.memory = 0  # bytes, the most that were seen in use
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)  # of runs before this one

    @property
    def prior(self) -> Tensor:
        """Probability of each class in the training photos, [C]."""
        return self.counts / self.counts.sum()

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_an_epoch * self.recipe.epochs

    def run(
        self,
        on_step: Callable[[int, str], None] = lambda step, what: None,
        on_epoch: Callable[[LogLine], None] = lambda line: None,
        asked: Asked | None = None,
    ) -> None:
        """Train from where the run is to its end.

        Args:
            on_step: called with the steps of the run that are done, and the stage and epoch.
            on_epoch: called with each line of the log.
            asked: whether to stop, looked at after every step.

        Raises:
            Stopped: asked to; the state is kept.
            UserError: a photo cannot be read, or the loss is not finite.
        """
        for epoch in range(self.done, self.recipe.epochs):
            began = time.perf_counter()
            name, first = self.recipe.stage_at(epoch)
            stage = self.recipe.stages[name]
            if epoch == first and not self.step:
                self._begin(stage)
            self._freeze_features(name, stage, epoch, on_step)
            if not self.step:
                self._begin_epoch(epoch, refresh=(epoch - first) % stage.refresh_epochs == 0)
            line: LogLine = {"stage": name, "epoch": epoch + 1}
            line |= self._train_epoch(name, stage, epoch, on_step, asked)
            line |= self._validate(name, stage)
            line["seconds"] = round(time.perf_counter() - began, 2)
            line["memory"] = self.memory
            self.done, self.step = epoch + 1, 0
            if ends := self.done == first + stage.epochs:
                self._end()
            self._keep(line, now=ends)
            on_epoch(line)

    def _begin_epoch(self, epoch: int, refresh: bool) -> None:
        """Set up what the steps of an epoch go on from."""
        if refresh:
            self.drawn_by.copy_(self.probabilities)
        self.sums = {}
        self.mixing = np.random.default_rng([self.recipe.seed, epoch, 2])
        torch.manual_seed(self.recipe.seed + epoch + 2**32 * self.ranks.number)  # for dropout

    def _begin(self, stage: Stage) -> None:
        """Set up what a stage starts with; one that continues keeps its optimiser."""
        if stage.classifier == "anew":
            torch.manual_seed(self.recipe.seed)
            self.network.restart_classifier()
        elif stage.classifier == "rescale":
            self.start_scale()
        if stage.schedule != "continue":
            self.start_optimizer(stage)
            if self.recipe.weight_average:
                self.average = WeightAverage(self.network, self.recipe.weight_average)
        self.best = None

    def _end(self) -> None:
        """Leave the weights that a stage hands on; the average goes on if the schedule does."""
        if self.best is not None:
            self.network.load_state_dict(self.best[1])
        elif self.average is not None and self._schedule_ends():
            self.network.load_state_dict(self.average.state)
        if isinstance(self.network.classifier, LinearHead):
            self.network.classifier.fold_scale()
        self.frozen = None

    def _schedule_ends(self) -> bool:
        """Whether the epochs that are done end a schedule."""
        if self.done == self.recipe.epochs:
            return True
        name, _ = self.recipe.stage_at(self.done)
        return self.recipe.stages[name].schedule != "continue"

    def start_scale(self) -> None:
        """Give the classifier a factor for each class to learn."""
        self._linear().start_scale()

    def _linear(self) -> LinearHead:
        head = self.network.classifier
        assert isinstance(head, LinearHead)  # the recipe's validation sees to it
        return head

    def _freeze_features(
        self, name: str, stage: Stage, epoch: int, on_step: Callable[[int, str], None]
    ) -> None:
        """Compute the features that a stage trains on, if it does and there are none yet."""
        if not stage.feature_views or self.frozen is not None:
            return

        def on_view(view: int) -> None:
            told = f"{name}  {tr('features', '特征')} {view + 1}/{stage.feature_views}"
            on_step(epoch * self.steps_an_epoch, told)

        _, first = self.recipe.stage_at(epoch)
        self.frozen = FrozenFeatures(
            self.network,
            self.views,
            self.val,
            self.labels,
            stage.feature_views,
            first,
            self.recipe.seed,
            self.device,
            self.recipe.precision,
            self.ranks,
            on_view,
        )

    def adjust(self) -> float | None:
        """Adjust the classifier as the recipe says `after` training; gives the tau chosen."""
        if self.recipe.after is None:
            return None
        outputs = self._outputs()
        return adjust(
            self._linear(), self.recipe.after, self.prior, outputs.features, outputs.labels
        )

    def start_optimizer(self, stage: Stage) -> None:
        """Start anew with what a stage lets learn."""
        self.network.freeze_backbone(stage.freeze_backbone, stage.freeze_normalisation)
        self.parallel = self.ranks.parallel(self.network)
        self.optimizer = torch.optim.SGD(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=stage.lr or 0.0,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
        )

    def _train_epoch(
        self,
        name: str,
        stage: Stage,
        epoch: int,
        on_step: Callable[[int, str], None],
        asked: Asked | None,
    ) -> LogLine:
        """One epoch, or the rest of it; gives the last learning rate and the mean of each loss."""
        sampler = self._sampler(stage)
        sampled = torch.tensor(sampler.class_prior(), dtype=torch.float32, device=self.device)
        losses = build_losses(stage.losses, self.counts, sampled, self.centers)
        self.network.train()
        self.network.freeze_backbone(stage.freeze_backbone, stage.freeze_normalisation)
        told = f"{name}  {tr('epoch', '轮次')} {epoch + 1}/{self.recipe.epochs}"
        drawn = sampler.draw(epoch)
        del sampler  # it may hold 12 bytes a photo, which the epoch has no use for
        for batch in (self.frozen or self.views).batches(epoch, drawn, self.step):
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate(name, stage, epoch + self.step / len(drawn))
            parts = self._step(batch, drawn[self.step], losses, stage.mixup)
            for part, value in parts.items():
                sum_ = self.sums.get(part, torch.zeros((), device=self.device))
                self.sums[part] = sum_ + value
            self.step += 1
            on_step(epoch * self.steps_an_epoch + self.step, told)
            self._stop_if(asked)
            if self._due(SAVE_EVERY):
                self._save()
        lr = self._learning_rate(name, stage, epoch + (len(drawn) - 1) / len(drawn))
        # In this order, whatever that of a checkpoint was.
        means = {part: float(self.sums[part]) / len(drawn) for part in ("loss", *losses)}
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

    def _stop_if(self, asked: Asked | None) -> None:
        """Keep the state and stop, if the first process was asked to."""
        number = self.ranks.agreed(asked.signal if asked else 0)
        if number:
            self._save()
            raise Stopped(number)

    def _step(
        self,
        batch: Batch,
        drawn: NDArray[np.int64],
        losses: Mapping[str, Loss],
        mixup: float,
    ) -> dict[str, Tensor]:
        """One step of the optimiser; gives the loss of the whole batch drawn, and its parts.

        Features known already are whole batches in every process, which all take the same step.
        """
        ranks = self.ranks if self.frozen is None else Ranks()
        photos = torch.from_numpy(drawn).to(self.device)
        labels = self.labels_here[photos]
        inputs = batch.inputs.to(self.device, non_blocking=True)
        partners, own = labels, 1.0
        if mixup:
            inputs, places, own = mix(ranks.join(inputs, len(photos)), mixup, self.mixing)
            inputs, partners = inputs[ranks.share], labels[places]
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"
        ):
            forward = self.network.classify if self.frozen else self.parallel
            found = forward(inputs)
        features, logits = (ranks.join(rows.float(), len(photos)) for rows in found)
        parts = {part: loss(features, logits, labels) for part, loss in losses.items()}
        if own < 1:
            for part, loss in losses.items():
                parts[part] = own * parts[part] + (1 - own) * loss(features, logits, partners)
        self.memory = max(self.memory, memory_in_use(self.device))
        total = torch.stack([losses[part].weight * value for part, value in parts.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        (ranks.count * total).backward()
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.network)
        self._see(photos, logits.detach(), labels)
        return {"loss": total.detach(), **{part: value.detach() for part, value in parts.items()}}

    def _see(self, photos: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Keep p_i of the photos of a batch."""
        if self.recipe.probabilities == "adjusted":
            logits = logits + self.prior.log()
        of_true = logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]
        self.probabilities[photos] = of_true

    def _sampler(self, stage: Stage) -> Sampler:
        return build_sampler(
            stage.sampler,
            self.labels,
            self.classes,
            self.recipe.batch_size,
            self.recipe.seed,
            self.drawn_by.cpu().numpy(),
        )

    def _learning_rate(self, name: str, stage: Stage, epochs_done: float) -> float:
        first, epochs, head = self.recipe.cycle_of(name)
        progress = (epochs_done - first) / epochs
        return (stage.lr or 0.0) * learning_rate_factor(head.schedule, progress, head.warmup)

    def _validate(self, name: str, stage: Stage) -> LogLine:
        """Accuracies on the validation photos; keeps the weights if they are the best so far."""
        if self.average is not None:
            with self.average.in_place_of(self.network):
                outputs = self._outputs()
        else:
            outputs = self._outputs()
        right = outputs.logits.argmax(axis=1) == outputs.labels
        photos = np.bincount(outputs.labels, minlength=self.classes)
        of_class = np.bincount(outputs.labels[right], minlength=self.classes) / photos
        mean = float(of_class.mean())
        if stage.weights == "best" and (self.best is None or mean > self.best[0]):
            weights = self.average.state if self.average else self.network.state_dict()
            self.best = (mean, {k: v.detach().clone() for k, v in weights.items()})
        return {"val_accuracy": float(right.mean()), "val_mean_accuracy": mean}

    def _outputs(self) -> Outputs:
        if self.frozen is not None:
            return self.frozen.validate()
        of_share = predict(self.network, self.val, self.device, self.recipe.precision)
        return self.ranks.collect(of_share, self.device)

    def _keep(self, line: LogLine, now: bool) -> None:
        """Write the line of the log, and a checkpoint if one is due."""
        if self.ranks.first:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
        if now or self._due(0):
            self._save()

    def _due(self, seconds: float) -> bool:
        """Whether a checkpoint is worth its time: `seconds` and 50 times its cost have passed."""
        return time.perf_counter() - self.saved > max(seconds, self.cost / MOST_SAVING)

    def _save(self) -> None:
        """Write a checkpoint; one process does."""
        began = time.perf_counter()
        if self.ranks.first:
            save_checkpoint(self.checkpoint, *state_of(self))
        self.saved = time.perf_counter()
        self.cost = self.saved - began

    def resume(self, on_damaged: Callable[[str], None] = lambda why: None) -> None:
        """Take up the state of the last checkpoint, if there is one.

        Args:
            on_damaged: called with what is wrong with it, if the one before is taken for it.

        Raises:
            UserError: the checkpoints are damaged or of other photos or another network.
        """
        if state := read_checkpoint(self.checkpoint, on_damaged):
            try:
                restore(self, *state)
            except (KeyError, RuntimeError, ValueError, TypeError) as error:
                raise UserError(
                    tr(
                        f"The checkpoint {self.checkpoint} is of another network or other photos "
                        f"({error}): train again with --force.",
                        f"检查点 {self.checkpoint} 属于别的网络或别的照片（{error}）："
                        "请用 --force 重新训练。",
                    )
                ) from None
        if self.ranks.first and self.log.is_file():
            lines = self.log.read_text(encoding="utf-8").splitlines()[: self.done]
            with whole_file(self.log) as partial:
                partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
