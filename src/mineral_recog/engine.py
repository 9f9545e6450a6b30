"""The training loop, the only one: it runs the stages that a recipe declares."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mineral_recog.checkpoint import read_checkpoint, save_checkpoint
from mineral_recog.config import Recipe, Stage
from mineral_recog.data.drawn import number_of_batches
from mineral_recog.data.index import Index
from mineral_recog.data.loading import Batch, EvaluationLoader, TrainingLoader
from mineral_recog.data.samplers import Sampler, build_sampler
from mineral_recog.errors import UserError
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

LogLine = dict[str, Any]

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
    ) -> None:
        self.recipe, self.device = recipe, device
        self.network = network.to(device)
        self.labels, self.classes = train.labels, len(train.classes)
        self.log, self.checkpoint = folder / LOG, folder / CHECKPOINT
        size = recipe.image_size
        self.views = TrainingLoader(train, size, recipe.crop_scale, recipe.seed, workers)
        self.val = EvaluationLoader(val, size, recipe.batch_size, workers)
        self.done = 0  # epochs
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
    ) -> None:
        """Train from where the run is to its end.

        Args:
            on_step: called with the steps of the run that are done, and the stage and epoch.
            on_epoch: called with each line of the log.

        Raises:
            UserError: a photo cannot be read, or the loss is not finite.
        """
        for epoch in range(self.done, self.recipe.epochs):
            began = time.perf_counter()
            name, first = self.recipe.stage_at(epoch)
            stage = self.recipe.stages[name]
            if epoch == first:
                self._begin(stage)
            self._freeze_features(name, stage, epoch, on_step)
            if (epoch - first) % stage.refresh_epochs == 0:
                self.drawn_by.copy_(self.probabilities)
            line: LogLine = {"stage": name, "epoch": epoch + 1}
            line |= self._train_epoch(name, stage, epoch, on_step)
            line |= self._validate(name, stage)
            line["seconds"] = round(time.perf_counter() - began, 2)
            line["memory"] = self.memory
            self.done = epoch + 1
            if self.done == first + stage.epochs:
                self._end()
            self._keep(line)
            on_epoch(line)

    def _begin(self, stage: Stage) -> None:
        """Set up what a stage starts with; one that continues keeps its optimiser."""
        if stage.classifier == "anew":
            torch.manual_seed(self.recipe.seed)
            self.network.restart_classifier()
        elif stage.classifier == "rescale":
            self._linear().start_scale()
        if stage.schedule != "continue":
            self.optimizer = self._new_optimizer(stage)
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
            on_view,
        )

    def adjust(self) -> float | None:
        """Adjust the classifier as the recipe says `after` training; gives the tau chosen."""
        if self.recipe.after is None:
            return None
        outputs = predict(self.network, self.val, self.device, self.recipe.precision)
        return adjust(
            self._linear(), self.recipe.after, self.prior, outputs.features, outputs.labels
        )

    def _new_optimizer(self, stage: Stage) -> torch.optim.SGD:
        self.network.freeze_backbone(stage.freeze_backbone, stage.freeze_normalisation)
        return torch.optim.SGD(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=stage.lr or 0.0,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
        )

    def _train_epoch(
        self, name: str, stage: Stage, epoch: int, on_step: Callable[[int, str], None]
    ) -> LogLine:
        """One epoch; gives the learning rate at its end and the mean of each loss term."""
        sampler = self._sampler(stage)
        sampled = torch.tensor(sampler.class_prior(), dtype=torch.float32, device=self.device)
        losses = build_losses(stage.losses, self.counts, sampled, self.centers)
        self.network.train()
        self.network.freeze_backbone(stage.freeze_backbone, stage.freeze_normalisation)
        torch.manual_seed(self.recipe.seed + epoch)  # for networks with dropout
        sums: dict[str, Tensor] = {}
        told = f"{name}  {tr('epoch', '轮次')} {epoch + 1}/{self.recipe.epochs}"
        drawn = sampler.draw(epoch)
        del sampler  # it may hold 12 bytes a photo, which the epoch has no use for
        mixing = np.random.default_rng([self.recipe.seed, epoch, 2])
        lr = 0.0
        for step, batch in enumerate((self.frozen or self.views).batches(epoch, drawn)):
            lr = self._learning_rate(name, stage, epoch + step / len(drawn))
            for group in self.optimizer.param_groups:
                group["lr"] = lr
            for part, value in self._step(batch, losses, stage.mixup, mixing).items():
                sums[part] = sums.get(part, torch.zeros((), device=self.device)) + value
            on_step(epoch * self.steps_an_epoch + step + 1, told)
        means = {part: float(value) / len(drawn) for part, value in sums.items()}
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
        self, batch: Batch, losses: Mapping[str, Loss], mixup: float, mixing: np.random.Generator
    ) -> dict[str, Tensor]:
        """One step of the optimiser; gives the loss and its parts."""
        labels = batch.labels.to(self.device, non_blocking=True)
        inputs = batch.inputs.to(self.device, non_blocking=True)
        partners, own = labels, 1.0
        if mixup:
            inputs, places, own = mix(inputs, mixup, mixing)
            partners = labels[places]
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"
        ):
            forward = self.network.classify if self.frozen else self.network
            features, logits = forward(inputs)
        features, logits = features.float(), logits.float()
        parts = {part: loss(features, logits, labels) for part, loss in losses.items()}
        if own < 1:
            for part, loss in losses.items():
                parts[part] = own * parts[part] + (1 - own) * loss(features, logits, partners)
        self.memory = max(self.memory, memory_in_use(self.device))
        total = torch.stack([losses[part].weight * value for part, value in parts.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.network)
        self._see(batch.photos.to(self.device), logits.detach(), labels)
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
        return predict(self.network, self.val, self.device, self.recipe.precision)

    def _keep(self, line: LogLine) -> None:
        """Write the line of the log and the checkpoint of an epoch."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"momentum.{k}": v for k, v in self._momentum().items()}
        tensors |= {f"centers.{k}": v for k, v in self.centers.state_dict().items()}
        tensors |= {"probabilities": self.probabilities, "drawn_by": self.drawn_by}
        score = None
        if self.best is not None:
            score = self.best[0]
            tensors |= {f"best.{k}": v for k, v in self.best[1].items()}
        averaged = 0
        if self.average is not None:
            averaged = self.average.steps
            tensors |= {f"average.{k}": v for k, v in self.average.state.items()}
        facts = {"done": self.done, "best": score, "averaged": averaged}
        save_checkpoint(self.checkpoint, tensors, facts)

    def _momentum(self) -> dict[str, Tensor]:
        """The optimiser's momentum, by name of the parameter."""
        names: dict[Tensor, str] = {p: name for name, p in self.network.named_parameters()}
        return {
            names[parameter]: state["momentum_buffer"]
            for parameter, state in self.optimizer.state.items()
            # A factor that was folded into the classifier has none any more.
            if parameter in names and state.get("momentum_buffer") is not None
        }

    def resume(self) -> None:
        """Take up the state of the last checkpoint, if there is one.

        Raises:
            UserError: the checkpoint is damaged or of other photos or another network.
        """
        lines = []
        if self.checkpoint.is_file():
            tensors, facts = read_checkpoint(self.checkpoint)
            try:
                self._restore(tensors, facts)
            except (KeyError, RuntimeError) as error:
                raise UserError(
                    tr(
                        f"The checkpoint {self.checkpoint} is of another network or other photos "
                        f"({error}): train again with --force.",
                        f"检查点 {self.checkpoint} 属于别的网络或别的照片（{error}）："
                        "请用 --force 重新训练。",
                    )
                ) from None
        if self.log.is_file():
            lines = self.log.read_text(encoding="utf-8").splitlines()[: self.done]
        self.log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {
                k.removeprefix(prefix): v.to(self.device)
                for k, v in tensors.items()
                if k.startswith(prefix)
            }

        weights = part("network.")
        if "classifier.scale" in weights:
            self._linear().start_scale()
        self.network.load_state_dict(weights)
        self.centers.load_state_dict(part("centers."))
        self.probabilities.copy_(tensors["probabilities"])
        self.drawn_by.copy_(tensors["drawn_by"])
        self.done = int(facts["done"])
        name, _ = self.recipe.stage_at(self.done - 1)
        self.optimizer = self._new_optimizer(self.recipe.stages[name])
        parameters = dict(self.network.named_parameters())
        for key, value in part("momentum.").items():
            self.optimizer.state[parameters[key]]["momentum_buffer"] = value
        if averaged := part("average."):
            self.average = WeightAverage(self.network, self.recipe.weight_average)
            self.average.state, self.average.steps = averaged, int(facts["averaged"])
        if facts["best"] is not None:
            self.best = (float(facts["best"]), part("best."))
