"""Heads: what turns features into logits."""

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
        """Logits [B, C] of features [B, D]."""
        logits = super().forward(features)
        if self.scale is None:
            return logits
        bias = self.bias
        return self.scale * (logits - bias) + bias

    def start_scale(self) -> None:
        """From now on learn one factor for each row of W, and nothing else.

        w'_c = s_c * w_c: the learnable weight scaling of Kang et al., "Decoupling representation
        and classifier for long-tailed recognition", ICLR 2020, section 4.
        """
        self.requires_grad_(False)
        self.scale = nn.Parameter(torch.ones_like(self.bias))

    def fold_scale(self) -> None:
        """Put the factors that were learned into W, if there are any, and drop them."""
        if self.scale is None:
            return
        with torch.no_grad():
            self.weight *= self.scale[:, None]
        self.scale = None
        self.requires_grad_(True)


class CosineHead(nn.Module):
    """z = s * cos(w_c, f) for each class c, with W [C, D]; as Cao et al., NeurIPS 2019, use it."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.in_features = features
        self.weight = nn.Parameter(torch.empty(classes, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: each class a random direction."""
        nn.init.normal_(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, C] of features [B, D]."""
        return COSINE_SCALE * F.linear(F.normalize(features), F.normalize(self.weight))


Head = LinearHead | CosineHead


def build_head(name: str, features: int, classes: int) -> Head:
    """The head of a name in a recipe: `linear` or `cosine`; D features, C classes."""
    return CosineHead(features, classes) if name == "cosine" else LinearHead(features, classes)
