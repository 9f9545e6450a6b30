"""Heads: the classifiers that turn features into logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mineral_recog.recipes.recipe import COSINE_SCALE


class LinearHead(nn.Linear):
    """z = W f + b, with W [C, D] and b [C]."""

    scale: nn.Parameter | None

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes)
        self.register_parameter("scale", None)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits [B, C] from features [B, D]."""
        logits = super().forward(features)
        if self.scale is None:
            return logits
        bias = self.bias
        return self.scale * (logits - bias) + bias

    def start_from_means(self, features: Tensor, labels: Tensor) -> None:
        """Start from the mean m_c of the features of each class.

        z_c = -|f - m_c|^2 / (2 v), up to a constant for all classes, with v the mean squared
        distance of the features to the mean of all m_c: the class with the nearest mean wins.

        Args:
            features: float [N, D].
            labels: Class of each of them, [N]; every class occurs.
        """
        means = _class_means(features, labels)
        center = means.mean(dim=0)
        variance = (features - center).square().sum(dim=1).mean().clamp(min=1e-12)
        with torch.no_grad():
            self.weight.copy_((means - center) / variance)
            squares = means.square().sum(dim=1) - center.square().sum()
            self.bias.copy_(-squares / (2 * variance))

    def start_scale(self) -> None:
        """Freeze W and b, and start learning one factor for each row of W.

        w'_c = s_c * w_c: the learnable weight scaling of Kang et al., "Decoupling representation
        and classifier for long-tailed recognition", ICLR 2020, section 4.
        """
        self.requires_grad_(False)
        self.scale = nn.Parameter(torch.ones_like(self.bias))

    def fold_scale(self) -> None:
        """Multiply W by the learned factors, if there are any, and remove them."""
        if self.scale is None:
            return
        with torch.no_grad():
            self.weight *= self.scale[:, None]
        self.scale = None
        self.requires_grad_(True)


class CosineHead(nn.Module):
    """z_c = s * cos(w_c, f) for each class c, with W [C, D], as in Cao et al., NeurIPS 2019.

    Args:
        features: D.
        classes: C.
        scale: s.
    """

    def __init__(self, features: int, classes: int, scale: float = COSINE_SCALE) -> None:
        super().__init__()
        self.in_features, self.scale = features, scale
        self.weight = nn.Parameter(torch.empty(classes, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new random weights: each class gets a random direction."""
        nn.init.normal_(self.weight)

    def start_from_means(self, features: Tensor, labels: Tensor) -> None:
        """Start from the direction of the mean of each class, as Shi et al. do (ICML 2024).

        Args:
            features: float [N, D].
            labels: Class of each of them, [N]; every class occurs.
        """
        with torch.no_grad():
            self.weight.copy_(F.normalize(_class_means(features, labels)))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits [B, C] from features [B, D]."""
        return self.scale * F.linear(F.normalize(features), F.normalize(self.weight))


Head = LinearHead | CosineHead


def build_head(name: str, features: int, classes: int, scale: float = COSINE_SCALE) -> Head:
    """Build a head by its name in a recipe, `linear` or `cosine`, for D features and C classes."""
    if name == "cosine":
        return CosineHead(features, classes, scale)
    return LinearHead(features, classes)


def _class_means(features: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of the features of each class, [C, D]."""
    classes = int(labels.max()) + 1
    sums = features.new_zeros(classes, features.shape[1]).index_add_(0, labels, features)
    return sums / torch.bincount(labels, minlength=classes)[:, None]
