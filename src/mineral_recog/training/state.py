"""The state of a training run between two steps: what a checkpoint holds and a resume needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mineral_recog.models.heads import LinearHead
from mineral_recog.models.network import Network
from mineral_recog.recipes.recipe import Recipe, Stage
from mineral_recog.training.checkpoint import State
from mineral_recog.training.ema import Ema
from mineral_recog.training.losses import Centers


class TrainState:
    """Everything that the next steps depend on, except recipe, seed and photos.

    Attributes:
        network: The network that is trained, on its device.
        optimizer: Of the current stage; there is none before `start_optimizer`.
        centers: Class centers of the center loss.
        probabilities: p_i, the probability of the true class when a photo was last seen in
            training, float32 [N]; 1/C before.
        sampler_probabilities: The p_i that the sampler uses, refreshed every few epochs, [N].
        epochs_done: Completed epochs of the run.
        steps_done: Completed steps of the current epoch.
        loss_sums: Sum of each part of the loss over these steps.
        mixup_rng: Draws the partners of mixup; every epoch has its own.
        best: Best validation accuracy of the stage with its weights, if the stage keeps them.
        ema: Moving average of the weights, if the recipe asks for one.
    """

    optimizer: torch.optim.SGD

    def __init__(self, recipe: Recipe, network: Network, photo_count: int, classes: int) -> None:
        device = next(network.parameters()).device
        self.recipe, self.network, self.device = recipe, network, device
        self.centers = Centers(classes, network.classifier.in_features).to(device)
        self.probabilities = torch.full((photo_count,), 1 / classes, device=device)
        self.sampler_probabilities = self.probabilities.clone()
        self.epochs_done, self.steps_done = 0, 0
        self.loss_sums: dict[str, Tensor] = {}
        self.mixup_rng = np.random.default_rng()
        self.best: tuple[float, dict[str, Tensor]] | None = None
        self.ema: Ema | None = None

    def start_optimizer(self, stage: Stage) -> None:
        """Start a new optimiser of the parameters that a stage trains."""
        self.network.freeze_backbone(stage.freeze_backbone, stage.freeze_normalisation)
        self.optimizer = torch.optim.SGD(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=stage.lr or 0.0,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
        )

    def start_scale(self) -> None:
        """Give the linear classifier one factor for each class to learn."""
        head = self.network.classifier
        assert isinstance(head, LinearHead)  # the recipe's validation guarantees it
        head.start_scale()

    def state_dict(self) -> State:
        """Return the state as tensors, by name, and facts that fit into JSON."""
        tensors = _prefixed("network", self.network.state_dict())
        tensors |= _prefixed("momentum", self._momentum())
        tensors |= _prefixed("centers", self.centers.state_dict())
        tensors |= {"probabilities": self.probabilities, "drawn_by": self.sampler_probabilities}
        facts: dict[str, Any] = {"done": self.epochs_done, "step": self.steps_done}
        if self.best is not None:
            facts["best"] = self.best[0]
            tensors |= _prefixed("best", self.best[1])
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
            self.start_scale()
        self.network.load_state_dict(weights)
        self.centers.load_state_dict(part("centers"))
        self.probabilities.copy_(tensors["probabilities"])
        self.sampler_probabilities.copy_(tensors["drawn_by"])
        self.epochs_done, self.steps_done = int(facts["done"]), int(facts["step"])
        self._load_optimizer(part("momentum"))
        if averaged := part("average"):
            self.ema = Ema(self.network, self.recipe.weight_average)
            self.ema.state, self.ema.steps = averaged, int(facts["averaged"])
        if "best" in facts:
            self.best = (float(facts["best"]), part("best"))
        if self.steps_done:
            self.mixup_rng.bit_generator.state = facts["mixing"]
            self.loss_sums = part("sums")
            torch.set_rng_state(tensors["random"])
            if "random_gpu" in tensors and self.device.type == "cuda":
                torch.cuda.set_rng_state(tensors["random_gpu"], self.device)

    def _load_optimizer(self, momentum: dict[str, Tensor]) -> None:
        """Start the optimiser of the stage that the state is in, with its momentum."""
        last_epoch = self.epochs_done if self.steps_done else self.epochs_done - 1
        name, _ = self.recipe.stage_at(last_epoch)
        self.start_optimizer(self.recipe.stages[name])
        parameters = dict(self.network.named_parameters())
        for key, value in momentum.items():
            self.optimizer.state[parameters[key]]["momentum_buffer"] = value

    def _momentum(self) -> dict[str, Tensor]:
        """Return the momentum of the optimiser by the name of the parameter."""
        names: dict[Tensor, str] = {p: name for name, p in self.network.named_parameters()}
        return {
            names[parameter]: state["momentum_buffer"]
            for parameter, state in self.optimizer.state.items()
            # A factor that was folded into the classifier is no parameter any more.
            if parameter in names and state.get("momentum_buffer") is not None
        }


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{key}": value for key, value in tensors.items()}
