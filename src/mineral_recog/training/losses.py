"""Losses: functions of the features, logits and labels of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mineral_recog.recipes.loss_settings import (
    Center,
    CrossEntropy,
    Focal,
    FrequencyAware,
    LabelAwareSmoothing,
    Ldam,
    Losses,
    LossSettings,
)
from mineral_recog.recipes.recipe import COSINE_SCALE
from mineral_recog.training.mixup import Blend

RUNNING_MEAN_DECAY = 0.99  # of the squared distance from the centers: about a hundred batches


class Loss(Protocol):
    """One term of a stage's loss."""

    weight: float

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch; features [B, D], logits [B, C], labels [B] in 0..C-1."""
        ...


class CrossEntropyLoss:
    """Cross-entropy: the mean over the batch of v_y * CE(z, y).

    v is 1, or a weight for each class: see `effective_number_weights`.

    Args:
        weight: Factor of this term in the loss of the stage.
        class_weights: v, [C]; None for ones.
    """

    def __init__(self, weight: float = 1.0, class_weights: Tensor | None = None) -> None:
        self.weight, self.class_weights = weight, class_weights

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch."""
        return _weighted_mean(logits, labels, self.class_weights)


def effective_number_weights(counts: Tensor, beta: float) -> Tensor:
    """Return class weights, the inverse of the effective numbers of photos, [C].

    E_c = (1 - beta^n_c) / (1 - beta), v_c proportional to 1 / E_c: Cui et al., "Class-balanced
    loss based on effective number of samples", CVPR 2019, proposition 1. Their mean over the photos
    is 1, so that the weights do not change the learning rate; the paper's mean over the classes
    would lower it, the more the longer the tail.

    Args:
        counts: n_c, training photos of each class, [C].
        beta: 0 gives all classes the same weight; near 1 the weights are inverse to the counts.
    """
    inverse = (1 - beta) / (1 - beta ** counts.double())
    return (inverse * counts.sum() / (counts * inverse).sum()).float()


def _weighted_mean(logits: Tensor, labels: Tensor, class_weights: Tensor | None) -> Tensor:
    """Average over the photos, not over their weights, which would cancel a rare class's weight."""
    return F.cross_entropy(logits, labels, class_weights, reduction="none").mean()


class FocalLoss:
    """Mean over the batch of -(1 - p_y)^gamma * log p_y, with p the softmax of the logits.

    Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 4.

    Args:
        gamma: Exponent; 0 gives cross-entropy.
        weight: Factor of this term in the loss of the stage.
    """

    def __init__(self, gamma: float = 2.0, weight: float = 1.0) -> None:
        self.gamma, self.weight = gamma, weight

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch."""
        log_p = -F.cross_entropy(logits, labels, reduction="none")
        # Above 0, since the gradient of a power below 1 is not finite at p = 1.
        one_minus_p = (-torch.expm1(log_p)).clamp(min=1e-7)
        return -(one_minus_p**self.gamma * log_p).mean()


class LdamLoss:
    """Cross-entropy with a margin for the true class; rare classes have larger margins.

    CE(s * (cos - m_y on the true class), y), m_c = max_margin * (n_min / n_c)^(1/4): Cao et al.,
    "Learning imbalanced datasets with label-distribution-aware margin loss", NeurIPS 2019,
    section 3. The logits of the cosine head already include the scale s. Deferred re-weighting is
    a second stage with `class_weights`.

    Args:
        counts: n_c, training photos of each class, [C].
        max_margin: Margin of the rarest class, as a difference of cosines.
        weight: Factor of this term in the loss of the stage.
        class_weights: As in CrossEntropyLoss.
        scale: s.
    """

    def __init__(
        self,
        counts: Tensor,
        max_margin: float = 0.5,
        weight: float = 1.0,
        class_weights: Tensor | None = None,
        scale: float = COSINE_SCALE,
    ) -> None:
        self.weight, self.class_weights = weight, class_weights
        self.margins = scale * max_margin * (counts.min() / counts) ** 0.25

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch."""
        one_hot = F.one_hot(labels, logits.shape[1])
        return _weighted_mean(logits - one_hot * self.margins, labels, self.class_weights)


class LabelAwareSmoothingLoss:
    """Cross-entropy with smoothed labels: 1 - e_y on the true class, e_y / (C - 1) on the others.

    e_c = tail + (head - tail) * sin(pi / 2 * (n_c - n_min) / (n_max - n_min)): common classes, on
    which the model is overconfident, are smoothed more. Zhong et al., "Improving calibration for
    long-tailed recognition" (MiSLAS), CVPR 2021, in its concave form.

    Args:
        counts: n_c, training photos of each class, [C].
        head: e of the most common class.
        tail: e of the rarest class.
        weight: Factor of this term in the loss of the stage.
    """

    def __init__(
        self, counts: Tensor, head: float = 0.4, tail: float = 0.1, weight: float = 1.0
    ) -> None:
        self.weight = weight
        count_range = (counts.max() - counts.min()).clamp(min=1)
        self.smoothing = tail + (head - tail) * torch.sin(
            torch.pi / 2 * (counts - counts.min()) / count_range
        )

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch."""
        log_p = logits.log_softmax(dim=1)
        true_log_p = log_p.gather(1, labels[:, None])[:, 0]
        other_log_p = (log_p.sum(dim=1) - true_log_p) / (logits.shape[1] - 1)  # mean
        e = self.smoothing[labels]
        return -((1 - e) * true_log_p + e * other_log_p).mean()


class FrequencyAwareLoss:
    """Cross-entropy of adjusted logits: CE(z + tau * log prior, y).

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 10. In training a
    rare class needs a higher logit to be correct; the prediction is argmax z.

    Args:
        prior: Probability of each class, [C], all positive.
        tau: Strength of the adjustment; 1 is consistent for the balanced error.
        weight: Factor of this term in the loss of the stage.

    Raises:
        ValueError: A prior is not positive.
    """

    def __init__(self, prior: Tensor, tau: float = 1.0, weight: float = 1.0) -> None:
        if not bool((prior > 0).all()):
            raise ValueError("every class needs a positive prior")
        self.weight = weight
        self.adjustment = tau * prior.log()

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch."""
        return F.cross_entropy(logits + self.adjustment, labels)


class Centers(nn.Module):
    """The center of each class in feature space; centers persist from stage to stage.

    Attributes:
        values: The centers, [C, D].
        seen: Whether a batch has contained the class, bool [C].
        mean_square: Running mean of the squared distance of features from their centers; 0 before
            the first batch.
    """

    values: Tensor
    seen: Tensor
    mean_square: Tensor

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(classes, features))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.bool))
        self.register_buffer("mean_square", torch.zeros(()))

    @torch.no_grad()
    def start(self, features: Tensor, labels: Tensor) -> None:
        """Place the center of each class that is seen first at the mean of its features.

        From a random start, the center of a rare class would need many steps to reach its
        features, too many for a small dataset.
        """
        sums = torch.zeros_like(self.values).index_add_(0, labels, features)
        counts = torch.bincount(labels, minlength=len(self.seen))
        new = (counts > 0) & ~self.seen
        self.values[new] = sums[new] / counts[new, None]
        self.seen |= new

    @torch.no_grad()
    def average(self, squares: Tensor) -> Tensor:
        """Add the squared distances of a batch, [B], to the running mean, and return it."""
        if self.mean_square == 0:
            self.mean_square.copy_(squares.mean())
        self.mean_square.lerp_(squares.mean(), 1 - RUNNING_MEAN_DECAY)
        return self.mean_square.clamp(min=1e-12)

    @torch.no_grad()
    def move(self, features: Tensor, labels: Tensor, lr: float) -> None:
        """Take one step of gradient descent on the mean squared distance, for the centers only."""
        difference = self.values[labels] - features
        gradient = torch.zeros_like(self.values).index_add_(0, labels, difference)
        self.values -= lr * 2 / len(labels) * gradient


class CenterLoss:
    """Mean over the batch of ||f(x) - c_y||^2, with c_y the center of the true class.

    Wen et al., "A discriminative feature learning approach for deep face recognition", ECCV
    2016, equation 2 (without the half). A call also moves the centers, by SGD on the same mean
    with a separate learning rate, so that their step does not shrink with the loss weight.

    The sum over D features grows with their number and size, and with it the pull that a weight
    gives. A relative loss is divided by its running mean, a constant for the gradient.

    Args:
        centers: Centers of the run.
        weight: Factor of this term in the loss of the stage.
        lr: Learning rate of the centers.
        relative: Whether to divide the squared distance by its running mean.
    """

    def __init__(self, centers: Centers, weight: float, lr: float, relative: bool) -> None:
        self.centers, self.weight, self.lr, self.relative = centers, weight, lr, relative

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch, and move the centers."""
        self.centers.start(features.detach(), labels)
        squares = (features - self.centers.values[labels]).square().sum(dim=1)
        unit = self.centers.average(squares.detach()) if self.relative else 1.0
        self.centers.move(features.detach(), labels, self.lr)
        return squares.mean() / unit


@dataclass(frozen=True)
class ClassFacts:
    """What losses need to know about the classes.

    Attributes:
        counts: n_c, training photos of each class, float [C].
        sampled: Class prior of the batches that the stage's sampler draws, [C].
        centers: Class centers of the run.
        head_scale: Scale of the cosine head.
    """

    counts: Tensor
    sampled: Tensor
    centers: Centers
    head_scale: float = COSINE_SCALE

    def weights(self, beta: float | None) -> Tensor | None:
        """Return class weights by effective number, [C]; None without a beta."""
        return None if beta is None else effective_number_weights(self.counts, beta)

    def prior(self, name: str) -> Tensor:
        """Return the class prior of the training photos (`natural`) or of the batches, [C]."""
        return self.counts / self.counts.sum() if name == "natural" else self.sampled


# How each loss is built from its settings.
LOSSES: dict[type[LossSettings], Callable[[Any, ClassFacts], Loss]] = {
    CrossEntropy: lambda s, facts: CrossEntropyLoss(s.weight, facts.weights(s.effective_number)),
    FrequencyAware: lambda s, facts: FrequencyAwareLoss(facts.prior(s.prior), s.tau, s.weight),
    Focal: lambda s, facts: FocalLoss(s.gamma, s.weight),
    Ldam: lambda s, facts: LdamLoss(
        facts.counts, s.max_margin, s.weight, facts.weights(s.effective_number), facts.head_scale
    ),
    LabelAwareSmoothing: lambda s, facts: LabelAwareSmoothingLoss(
        facts.counts, s.head, s.tail, s.weight
    ),
    Center: lambda s, facts: CenterLoss(facts.centers, s.weight, s.lr, s.scale == "relative"),
}


def loss_parts(
    losses: Mapping[str, Loss],
    features: Tensor,
    logits: Tensor,
    labels: Tensor,
    blend: Blend | None = None,
) -> dict[str, Tensor]:
    """Return the loss of a batch, under the name `loss`, and its unweighted terms.

    A term of a blend is the sum of its values for both photos, weighted by their shares.

    Args:
        losses: Terms of the loss, by name.
        features: float [B, D].
        logits: float [B, C].
        labels: Class of each photo, [B].
        blend: The blends that features and logits belong to; None for photos as they are.
    """
    parts = {name: loss(features, logits, labels) for name, loss in losses.items()}
    if blend is not None and blend.own_share < 1:
        for name, loss in losses.items():
            of_partners = loss(features, logits, labels[blend.partners])
            parts[name] = blend.own_share * parts[name] + (1 - blend.own_share) * of_partners
    weighted = [losses[name].weight * value for name, value in parts.items()]
    return {"loss": torch.stack(weighted).sum(), **parts}


def build_losses(losses: Losses, facts: ClassFacts) -> Mapping[str, Loss]:
    """Build the loss terms of a stage, by name."""
    return {name: LOSSES[type(term)](term, facts) for name, term in losses.terms.items()}
