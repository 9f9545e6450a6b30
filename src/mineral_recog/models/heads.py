"""Heads: the classifiers that turn features into logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COSINE_SCALE = 30.0  # s of Cao et al., NeurIPS 2019; without it a softmax of cosines stays flat


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
    """z_c = s * cos(w_c, f) for each class c, with W [C, D], as in Cao et al., NeurIPS 2019."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.in_features = features
        self.weight = nn.Parameter(torch.empty(classes, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new random weights: each class gets a random direction."""
        nn.init.normal_(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits [B, C] from features [B, D]."""
        return COSINE_SCALE * F.linear(F.normalize(features), F.normalize(self.weight))


Head = LinearHead | CosineHead


def build_head(name: str, features: int, classes: int) -> Head:
    """Build a head by its name in a recipe, `linear` or `cosine`, for D features and C classes."""
    return CosineHead(features, classes) if name == "cosine" else LinearHead(features, classes)
