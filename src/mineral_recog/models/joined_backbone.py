"""A backbone that is fine-tuned, and beside it the same backbone as it was before."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn


class JoinedBackbone(nn.Module):
    """The features of a fine-tuned backbone and of its pretrained original, side by side.

    The original never changes. While the backbone is trained, the original's half of the features
    is zero, so that training is the same as without it; a classifier on the frozen backbone sees
    both halves (docs/method.md).

    Args:
        backbone: Module that turns normalised pixels [B, 3, S, S] into features [B, D].

    Attributes:
        joined: Whether the features of the original are computed.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        # In this order, so that a bundle given as pretrained weights starts from the fine-tuned.
        self.fine_tuned = backbone
        self.pretrained = copy.deepcopy(backbone).requires_grad_(False).eval()
        self.joined = True

    def forward(self, pixels: Tensor) -> Tensor:
        """Return features float [B, 2 D], the fine-tuned ones first."""
        features = self.fine_tuned(pixels)
        if not self.joined:
            return torch.cat([features, torch.zeros_like(features)], dim=1)
        with torch.no_grad():
            return torch.cat([features, self.pretrained(pixels)], dim=1)

    def forward_features(self, pixels: Tensor) -> Tensor | None:
        """Return feature maps [B, 2 D, rows, columns]; None if the backbone has none."""
        if not hasattr(self.fine_tuned, "forward_features"):
            return None
        both = (self.fine_tuned, self.pretrained)
        return torch.cat([cast(Any, module).forward_features(pixels) for module in both], dim=1)

    def requires_grad_(self, requires_grad: bool = True) -> JoinedBackbone:
        """Freeze or unfreeze the fine-tuned half; the original stays frozen."""
        self.fine_tuned.requires_grad_(requires_grad)
        return self

    def train(self, mode: bool = True) -> JoinedBackbone:
        """Set the mode of the fine-tuned half; the original stays in evaluation mode."""
        super().train(mode)
        self.pretrained.eval()
        return self
