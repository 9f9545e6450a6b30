"""The losses: each takes features, logits and labels of a batch and gives one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mineral_recog import config


class Loss(Protocol):
    """One term of a stage's loss."""

    weight: float

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch; features [B, D], logits [B, C], labels [B] in 0..C-1."""
        ...


class CrossEntropyLoss:
    """Plain cross-entropy, CE(z, y)."""

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        return F.cross_entropy(logits, labels)


class FrequencyAwareLoss:
    """Cross-entropy of adjusted logits, CE(z + tau * log prior, y).

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 10. A rare
    class must reach a higher logit to be right in training; prediction is argmax z.

    Args:
        prior: probability of each class, [C], all positive.
        tau: strength of the adjustment; 1 is consistent for the balanced error.
    """

    def __init__(self, prior: Tensor, tau: float = 1.0, weight: float = 1.0) -> None:
        if not bool((prior > 0).all()):
            raise ValueError("every class needs a positive prior")
        self.weight = weight
        self.adjustment = tau * prior.log()

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        return F.cross_entropy(logits + self.adjustment, labels)


class Centers(nn.Module):
    """The learned center of each class in feature space; kept from stage to stage."""

    values: Tensor
    seen: Tensor

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(classes, features))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.bool))

    @torch.no_grad()
    def start(self, features: Tensor, labels: Tensor) -> None:
        """Place the centers that no batch has reached at the mean of their features in this one.

        Starting at the features, and not at random, spares small sets the many steps that a
        center of a rare class needs to arrive.
        """
        sums = torch.zeros_like(self.values).index_add_(0, labels, features)
        count = torch.bincount(labels, minlength=len(self.seen))
        new = (count > 0) & ~self.seen
        self.values[new] = sums[new] / count[new, None]
        self.seen |= new

    @torch.no_grad()
    def move(self, features: Tensor, labels: Tensor, lr: float) -> None:
        """One step of gradient descent on the mean squared distance, for the centers alone."""
        difference = self.values[labels] - features
        gradient = torch.zeros_like(self.values).index_add_(0, labels, difference)
        self.values -= lr * 2 / len(labels) * gradient


class CenterLoss:
    """Mean over the batch of ||f(x) - center of its class||^2.

    Wen et al., "A discriminative feature learning approach for deep face recognition", ECCV
    2016, equation 2 (without the half). Evaluating it also moves the centers, by SGD with their
    own rate on this same mean, so that their step does not shrink with the loss weight.
    """

    def __init__(self, centers: Centers, weight: float = 0.0003, lr: float = 0.5) -> None:
        self.centers, self.weight, self.lr = centers, weight, lr

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch; moves the centers."""
        self.centers.start(features.detach(), labels)
        value = (features - self.centers.values[labels]).square().sum(dim=1).mean()
        self.centers.move(features.detach(), labels, self.lr)
        return value


def build_losses(
    losses: config.Losses, natural: Tensor, sampled: Tensor, centers: Centers
) -> Mapping[str, Loss]:
    """The loss terms that a stage names.

    Args:
        natural: class prior of the training photos, [C].
        sampled: class prior of the batches that the stage's sampler draws, [C].
        centers: the run's class centers.
    """
    terms: dict[str, Loss] = {}
    if ce := losses.cross_entropy:
        terms["cross_entropy"] = CrossEntropyLoss(ce.weight)
    if fa := losses.frequency_aware:
        prior = natural if fa.prior == "natural" else sampled
        terms["frequency_aware"] = FrequencyAwareLoss(prior, fa.tau, fa.weight)
    if center := losses.center:
        terms["center"] = CenterLoss(centers, center.weight, center.lr)
    return terms
