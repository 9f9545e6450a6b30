"""The state of a training run between two steps: what a checkpoint holds and a resume needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mineral_recog.data.samplers import number_of_batches
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.lora import add_lora, is_lora, merge_lora
from mineral_recog.models.network import Network
from mineral_recog.models.trained_part import train_part
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import Schedule, Stage
from mineral_recog.training.accumulation import in_parts
from mineral_recog.training.checkpoint import State, read_checkpoint
from mineral_recog.training.ema import Ema, copy_tensors, decay_over
from mineral_recog.training.losses import Centers
from mineral_recog.training.optimiser import (
    build_optimizer,
    kept_tensors,
    load_kept_tensors,
    rate_factors,
    set_weight_decay,
)


class TrainState:
    """Everything that the next steps depend on, except recipe, seed and photos.

    Attributes:
        network: The network that is trained, on its device.
        optimizer: Of the current stage; there is none before `start_stage`.
        wrapped: The network as its forward pass is called in training: its gradients are averaged
            over all processes. There is none before `start_stage`.
        centers: Class centers of the center loss.
        probabilities: p_i, the probability of the true class when a photo was last seen in
            training, float32 [N]; 1/C before.
        sampler_probabilities: The p_i that the sampler uses, refreshed every few epochs, [N].
        epochs_done: Completed epochs of the run.
        steps_done: Completed steps of the current epoch.
        loss_sums: Sum of each part of the loss over these steps.
        mixup_rng: Draws the partners of mixup and cutmix; every epoch has its own.
        best: Best validation accuracy of the stage, if the stage needs it, with its weights, if the
            stage keeps them.
        stalled: Completed epochs of the stage since the best one.
        skipped_work: Work of the epochs that stages which ended early left out, see `work`.
        ema: Moving average of the weights, if the recipe asks for one.
        scaler: Scales the loss in float16; does nothing in other precisions.

    Raises:
        RecipeError: The optimiser cannot be built for this backbone.
    """

    optimizer: torch.optim.Optimizer
    wrapped: nn.Module

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        photo_count: int,
        classes: int,
        context: DistributedContext,
    ) -> None:
        self.recipe, self.network, self.context = recipe, network, context
        self.device = device = network.device
        self.centers = Centers(classes, network.classifier.in_features).to(device)
        self.probabilities = torch.full((photo_count,), 1 / classes, device=device)
        self.sampler_probabilities = self.probabilities.clone()
        self.epochs_done, self.steps_done = 0, 0
        self.loss_sums: dict[str, Tensor] = {}
        self.mixup_rng = np.random.default_rng()
        self.best: tuple[float, dict[str, Tensor]] | None = None
        self.stalled, self.skipped_work = 0, 0
        self.ema: Ema | None = None
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        rate_factors(recipe, network)  # raises before anything is trained
        averaged_steps = recipe.weight_average_epochs * number_of_batches(
            photo_count, recipe.batch_size
        )
        self.average_decay = decay_over(averaged_steps) if averaged_steps else None

    def start_stage(self, stage: Stage) -> None:
        """Set up a stage; one whose schedule continues keeps its optimiser."""
        if stage.classifier == "anew":
            torch.manual_seed(self.recipe.seed)
            self.network.classifier.reset_parameters()
        elif stage.classifier == "rescale":
            self._start_scale()
        if stage.schedule != "continue":
            if stage.train == "lora":
                add_lora(self.network.trained_backbone, stage.lora, self.recipe.seed)
            self._start_optimizer(stage)
            if self.average_decay is not None:
                self.ema = Ema(self.network, self.average_decay)
        # A schedule may continue with another decay.
        set_weight_decay(self.optimizer, self.recipe, stage)
        self.best, self.stalled = None, 0

    def end_stage(self, schedule: Schedule) -> None:
        """Load the weights that the stage hands on; the average goes on if the schedule does."""
        schedule_ends = self.epochs_done == schedule.first_epoch + schedule.epochs
        if self.best is not None and self.best[1]:
            self.network.load_state_dict(self.best[1])
        elif self.ema is not None and schedule_ends:
            self.network.load_state_dict(self.ema.state)
        if schedule_ends:
            merge_lora(self.network.trained_backbone)
        if isinstance(self.network.classifier, LinearHead):
            self.network.classifier.fold_scale()

    def start_epoch(self, epoch: int, refresh: bool) -> None:
        """Set up what the steps of an epoch start from.

        Args:
            epoch: Number of the epoch in the run, from 0.
            refresh: Whether the sampler gets the current probabilities.
        """
        if refresh:
            self.sampler_probabilities.copy_(self.probabilities)
        self.loss_sums = {}
        self.mixup_rng = np.random.default_rng([self.recipe.seed, epoch, 2])
        torch.manual_seed(self.recipe.seed + epoch + 2**32 * self.context.rank)  # for dropout

    def add_losses(self, parts: Mapping[str, Tensor]) -> None:
        """Add the loss of a step and its parts to their sums."""
        for name, value in parts.items():
            before = self.loss_sums.get(name, torch.zeros((), device=self.device))
            self.loss_sums[name] = before + value.detach()

    def keep_if_best(self, accuracy: float, with_weights: bool = True) -> None:
        """Compare an epoch with the best one of the stage, and keep it if it is better.

        Args:
            accuracy: Accuracy on the validation photos.
            with_weights: Whether to keep the weights, or their average, too.
        """
        if self.best is not None and accuracy <= self.best[0]:
            self.stalled += 1
            return
        weights = self.ema.state if self.ema else self.network.state_dict()
        self.best = (accuracy, copy_tensors(weights) if with_weights else {})
        self.stalled = 0

    def _start_optimizer(self, stage: Stage) -> None:
        """Start a new optimiser of the parameters that a stage trains."""
        train_part(self.network, stage)
        self.wrapped = self.context.wrap(in_parts(self.network, self.recipe.accumulate))
        self.optimizer = build_optimizer(self.recipe, stage, self.network)

    def _start_scale(self) -> None:
        """Give the linear classifier one factor for each class to learn."""
        head = self.network.classifier
        assert isinstance(head, LinearHead)  # the recipe's validation guarantees it
        head.start_scale()

    def state_dict(self) -> State:
        """Return the state as tensors, by name, and facts that fit into JSON."""
        tensors = _prefixed("network", self.network.state_dict())
        tensors |= kept_tensors(self.optimizer, self.network)
        tensors |= _prefixed("centers", self.centers.state_dict())
        tensors |= {"probabilities": self.probabilities, "drawn_by": self.sampler_probabilities}
        facts: dict[str, Any] = {"done": self.epochs_done, "step": self.steps_done}
        if self.scaler.is_enabled():
            facts["scaler"] = self.scaler.state_dict()
        if self.best is not None:
            facts["best"] = self.best[0]
            tensors |= _prefixed("best", self.best[1])
        counts = {"stalled": self.stalled, "skipped": self.skipped_work}
        facts |= {name: count for name, count in counts.items() if count}
        if self.ema is not None:
            facts["averaged"] = self.ema.steps
            tensors |= _prefixed("average", self.ema.state)
        if self.steps_done:  # in the middle of an epoch
            facts["mixing"] = self.mixup_rng.bit_generator.state
            tensors |= _prefixed("sums", self.loss_sums)
            tensors["random"] = torch.get_rng_state()
            if self.device.type == "cuda":
                tensors["random_gpu"] = torch.cuda.get_rng_state(self.device)
        return tensors, facts

    def restore(self, path: Path, on_damaged: Callable[[str], None]) -> None:
        """Take over the state of a checkpoint, if there is one.

        Args:
            path: File of the last checkpoint.
            on_damaged: See `read_checkpoint`.

        Raises:
            UserError: The checkpoints are damaged, or belong to other photos or another network.
        """
        saved = read_checkpoint(path, on_damaged)
        if saved is None:
            return
        try:
            self.load_state_dict(*saved)
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise UserError(
                tr(
                    f"The checkpoint {path} belongs to another network or other photos "
                    f"({error}): train again with --force.",
                    f"检查点 {path} 属于别的网络或别的照片（{error}）：请用 --force 重新训练。",
                )
            ) from None

    def load_state_dict(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take over a state that `state_dict` returned.

        Raises:
            KeyError: Something is missing, or the state belongs to another network.
            RuntimeError: The state belongs to another network or other photos.
        """

        def part(prefix: str) -> dict[str, Tensor]:
            return {
                key.removeprefix(f"{prefix}."): value.to(self.device)
                for key, value in tensors.items()
                if key.startswith(f"{prefix}.")
            }

        weights = part("network")
        if "classifier.scale" in weights:
            self._start_scale()
        self.epochs_done, self.steps_done = int(facts["done"]), int(facts["step"])
        stage = self.recipe.stage_at(
            self.epochs_done if self.steps_done else self.epochs_done - 1
        ).stage
        if any(map(is_lora, weights)):
            add_lora(self.network.trained_backbone, stage.lora, self.recipe.seed)
        self.network.load_state_dict(weights)
        self.centers.load_state_dict(part("centers"))
        self.probabilities.copy_(tensors["probabilities"])
        self.sampler_probabilities.copy_(tensors["drawn_by"])
        self._start_optimizer(stage)
        load_kept_tensors(self.optimizer, self.network, tensors)
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(facts["scaler"])
        if (averaged := part("average")) and self.average_decay is not None:
            self.ema = Ema(self.network, self.average_decay)
            self.ema.state, self.ema.steps = averaged, int(facts["averaged"])
        if "best" in facts:
            self.best = (float(facts["best"]), part("best"))
        self.stalled, self.skipped_work = facts.get("stalled", 0), facts.get("skipped", 0)
        if self.steps_done:
            self.mixup_rng.bit_generator.state = facts["mixing"]
            self.loss_sums = part("sums")
            torch.set_rng_state(tensors["random"])
            if "random_gpu" in tensors and self.device.type == "cuda":
                torch.cuda.set_rng_state(tensors["random_gpu"], self.device)


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{key}": value for key, value in tensors.items()}
