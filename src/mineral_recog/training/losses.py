"""The losses: each takes features, logits and labels of a batch and gives one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mineral_recog.models.heads import COSINE_SCALE
from mineral_recog.recipes.recipe import Losses


class Loss(Protocol):
    """One term of a stage's loss."""

    weight: float

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch; features [B, D], logits [B, C], labels [B] in 0..C-1."""
        ...


class CrossEntropyLoss:
    """Cross-entropy, the mean over the batch of v_y * CE(z, y).

    v is one, or a weight for each class: see `effective_number_weights`.

    Args:
        class_weights: v, [C], or None for ones.
    """

    def __init__(self, weight: float = 1.0, class_weights: Tensor | None = None) -> None:
        self.weight, self.class_weights = weight, class_weights

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        return _weighted_mean(logits, labels, self.class_weights)


def effective_number_weights(counts: Tensor, beta: float) -> Tensor:
    """Weight of each class, the inverse of its effective number of photos, with mean 1; [C].

    E_c = (1 - beta^n_c) / (1 - beta), v_c proportional to 1 / E_c: Cui et al., "Class-balanced
    loss based on effective number of samples", CVPR 2019, proposition 1.

    Args:
        counts: n_c, training photos of each class, [C].
        beta: 0 weighs all classes the same, near 1 by the inverse of their counts.
    """
    inverse = (1 - beta) / (1 - beta ** counts.double())
    return (inverse / inverse.mean()).float()


def _weighted_mean(logits: Tensor, labels: Tensor, class_weights: Tensor | None) -> Tensor:
    """Mean over the batch, and not over the weights of the batch: a rare class keeps its pull."""
    values = F.cross_entropy(logits, labels, class_weights, reduction="none")
    return values.mean()


class FocalLoss:
    """Mean over the batch of -(1 - p_y)^gamma * log p_y, with p the softmax of the logits.

    Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 4.
    """

    def __init__(self, gamma: float = 2.0, weight: float = 1.0) -> None:
        self.gamma, self.weight = gamma, weight

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        log_p = -F.cross_entropy(logits, labels, reduction="none")
        # Above 0, or the gradient of a power below 1 would not be finite at p = 1.
        unsure = (-torch.expm1(log_p)).clamp(min=1e-7)
        return -(unsure**self.gamma * log_p).mean()


class LdamLoss:
    """Cross-entropy with a margin that the true class must win by, larger for a rare class.

    CE(s * (cos - m_y on the true class), y), m_c = max_margin * (n_min / n_c)^(1/4): Cao et al.,
    "Learning imbalanced datasets with label-distribution-aware margin loss", NeurIPS 2019,
    section 3. The cosine head's logits carry the scale s already. Deferred
    re-weighting is a second stage with `class_weights`.

    Args:
        counts: n_c, training photos of each class, [C].
        max_margin: of the rarest class, in cosines.
        class_weights: as in CrossEntropyLoss.
    """

    def __init__(
        self,
        counts: Tensor,
        max_margin: float = 0.5,
        weight: float = 1.0,
        class_weights: Tensor | None = None,
    ) -> None:
        self.weight, self.class_weights = weight, class_weights
        self.margins = COSINE_SCALE * max_margin * (counts.min() / counts) ** 0.25

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        true = F.one_hot(labels, logits.shape[1])
        return _weighted_mean(logits - true * self.margins, labels, self.class_weights)


class LabelAwareSmoothingLoss:
    """Cross-entropy with smoothed labels: 1 - e_y on the true class, e_y / (C - 1) on the others.

    e_c = tail + (head - tail) * sin(pi / 2 * (n_c - n_min) / (n_max - n_min)): common classes,
    which the model is too sure of, are smoothed more. Zhong et al., "Improving calibration for
    long-tailed recognition" (MiSLAS), CVPR 2021, in its concave form.

    Args:
        counts: n_c, training photos of each class, [C].
        head: e of the most common class.
        tail: e of the rarest class.
    """

    def __init__(
        self, counts: Tensor, head: float = 0.4, tail: float = 0.1, weight: float = 1.0
    ) -> None:
        self.weight = weight
        spread = (counts.max() - counts.min()).clamp(min=1)
        self.smoothing = tail + (head - tail) * torch.sin(
            torch.pi / 2 * (counts - counts.min()) / spread
        )

    def __call__(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        log_p = logits.log_softmax(dim=1)
        of_true = log_p.gather(1, labels[:, None])[:, 0]
        of_others = (log_p.sum(dim=1) - of_true) / (logits.shape[1] - 1)
        e = self.smoothing[labels]
        return -((1 - e) * of_true + e * of_others).mean()


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
    losses: Losses, counts: Tensor, sampled: Tensor, centers: Centers
) -> Mapping[str, Loss]:
    """The loss terms that a stage names.

    Args:
        counts: n_c, training photos of each class, float [C].
        sampled: class prior of the batches that the stage's sampler draws, [C].
        centers: the run's class centers.
    """

    def class_weights(beta: float | None) -> Tensor | None:
        return None if beta is None else effective_number_weights(counts, beta)

    terms: dict[str, Loss] = {}
    if ce := losses.cross_entropy:
        terms["cross_entropy"] = CrossEntropyLoss(ce.weight, class_weights(ce.effective_number))
    if fa := losses.frequency_aware:
        prior = counts / counts.sum() if fa.prior == "natural" else sampled
        terms["frequency_aware"] = FrequencyAwareLoss(prior, fa.tau, fa.weight)
    if focal := losses.focal:
        terms["focal"] = FocalLoss(focal.gamma, focal.weight)
    if ldam := losses.ldam:
        weights = class_weights(ldam.effective_number)
        terms["ldam"] = LdamLoss(counts, ldam.max_margin, ldam.weight, weights)
    if las := losses.label_aware_smoothing:
        terms["label_aware_smoothing"] = LabelAwareSmoothingLoss(
            counts, las.head, las.tail, las.weight
        )
    if center := losses.center:
        terms["center"] = CenterLoss(centers, center.weight, center.lr)
    return terms
