"""A step of the optimiser."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mineral_recog.data.loaders import Batch
from mineral_recog.models.device import autocast, memory_in_use
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.recipes.stage import Stage
from mineral_recog.training.losses import Loss, loss_parts
from mineral_recog.training.mixup import blend_photos
from mineral_recog.training.outliers import outlier_exposure_loss
from mineral_recog.training.state import TrainState


class OptimizerStep:
    """Takes the steps of a run: forward pass, loss, backward pass, update of the state.

    Args:
        state: State of the run.
        labels: Class of each training photo, [N], on the device of the network.
        prior: Share of each class in the training photos, [C].

    Attributes:
        peak_memory: Peak memory of the steps until now, in bytes.
    """

    def __init__(self, state: TrainState, labels: Tensor, prior: Tensor) -> None:
        self.state, self.labels, self.prior = state, labels, prior
        self.peak_memory = 0

    def take(
        self,
        batch: Batch,
        drawn: NDArray[np.int64],
        losses: Mapping[str, Loss],
        stage: Stage,
        from_features: bool,
        outliers: Tensor | None = None,
    ) -> None:
        """Take one step, and add the loss and its parts to the sums of the epoch.

        Args:
            batch: This process's share of the batch; with features the whole batch, so that all
                processes take the same step.
            drawn: Indices of the photos of the whole batch, [B].
            losses: The parts of the loss.
            stage: The stage, which may blend photos.
            from_features: Whether the batch holds features instead of pixels.
            outliers: This process's share of the outliers that join the batch, or with features all
                of them; None without outlier exposure.
        """
        state, device = self.state, self.state.device
        context = DistributedContext() if from_features else state.context
        forward = state.network.classify if from_features else state.wrapped
        indices = torch.from_numpy(drawn).to(device)
        labels = self.labels[indices]
        inputs, blend = batch.inputs.to(device, non_blocking=True), None
        if stage.blends:
            photos = context.gather_batch(inputs, len(indices))
            blend = blend_photos(photos, stage, state.mixup_rng)
            inputs = blend.pixels[context.share]
        photo_count = len(inputs)  # of this process
        if outliers is not None:
            # Together, so that batch normalisation cannot tell them apart by their own statistics.
            inputs = torch.cat([inputs, outliers.to(device, non_blocking=True)])
        with autocast(device, state.recipe.precision):
            outputs = forward(inputs)
        features, logits = (
            context.gather_batch(rows[:photo_count].float(), len(indices)) for rows in outputs
        )
        parts = loss_parts(losses, features, logits, labels, blend)
        if (settings := state.recipe.outliers) is not None:
            rows = outputs[1][photo_count:].float()
            outlier_logits = context.gather_batch(rows, settings.photos)
            parts["outliers"] = outlier_exposure_loss(outlier_logits)
            parts["loss"] = parts["loss"] + settings.weight * parts["outliers"]
        self.peak_memory = max(self.peak_memory, memory_in_use(device))
        self._descend(context.world_size * parts["loss"])
        state.add_losses(parts)
        self.keep_probabilities(indices, logits.detach(), labels)

    def _descend(self, loss: Tensor) -> None:
        """Update the weights and their average.

        In float16 the loss is scaled, and a step with gradients that are not finite is left out:
        the weights and their average stay, the schedule goes on, and the scale is halved
        (Micikevicius et al., "Mixed precision training", ICLR 2018).
        """
        state, optimizer, scaler = self.state, self.state.optimizer, self.state.scaler
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        if state.recipe.clip_norm is not None:
            scaler.unscale_(optimizer)
            trained = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(trained, state.recipe.clip_norm)
        scale = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        if state.ema is not None and scaler.get_scale() >= scale:
            state.ema.update(state.network)

    def keep_probabilities(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Keep p_i of photos, from their logits [M, C] and labels [M]."""
        if self.state.recipe.probabilities == "adjusted":
            logits = logits + self.prior.log()
        of_true_class = logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]
        self.state.probabilities[indices] = of_true_class
