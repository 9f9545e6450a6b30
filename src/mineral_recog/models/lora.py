"""Low-rank updates of weights (LoRA), which are merged into the weights after training.

Hu et al., "LoRA: Low-rank adaptation of large language models", ICLR 2022. The library peft does
this too, but it requires transformers and accelerate.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import (
    is_parametrized,
    register_parametrization,
    remove_parametrizations,
)

from mineral_recog.recipes.part_settings import Lora

PIXEL_CHANNELS = 3


class LowRankUpdate(nn.Module):
    """W -> W + alpha / r * B A, with A [r, I] and B [O, r], for W [O, I] or [O, I, rows, columns].

    A is random and B zero, so the update is zero at first.

    Args:
        weight: W.
        settings: r and alpha.
        generator: Draws A.
    """

    def __init__(self, weight: Tensor, settings: Lora, generator: torch.Generator) -> None:
        super().__init__()
        self.factor = settings.alpha / settings.rank
        outputs, inputs = len(weight), weight[0].numel()
        first = torch.randn(settings.rank, inputs, generator=generator) / inputs**0.5
        self.lora_a = nn.Parameter(first.to(weight.device))
        self.lora_b = nn.Parameter(weight.new_zeros(outputs, settings.rank))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the updated weight, computed in float32 as it will be when it is merged."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight + self.factor * (self.lora_b @ self.lora_a).view_as(weight)


def add_lora(backbone: nn.Module, settings: Lora, seed: int) -> None:
    """Add updates to all linear and dense convolutional layers, except those that read pixels.

    Args:
        backbone: Backbone that has no updates.
        settings: Rank and size of the updates.
        seed: Gives the random factors.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in _layers(backbone):
        update = LowRankUpdate(layer.get_parameter("weight"), settings, generator)
        register_parametrization(layer, "weight", update)


def merge_lora(backbone: nn.Module) -> None:
    """Replace each updated weight and its update by their sum; without updates, do nothing."""
    updated = [
        name.removesuffix(".parametrizations.weight.0")
        for name, module in backbone.named_modules()
        if isinstance(module, LowRankUpdate)
    ]
    for name in updated:
        layer = backbone.get_submodule(name)
        remove_parametrizations(layer, "weight", leave_parametrized=True)


def is_lora(name: str) -> bool:
    """Return whether a parameter of this name belongs to an update."""
    return name.endswith((".lora_a", ".lora_b"))


def can_have_lora(backbone: nn.Module) -> bool:
    """Return whether any layer can have an update."""
    return any(True for _ in _layers(backbone))


def _layers(backbone: nn.Module) -> Iterator[nn.Linear | nn.Conv2d]:
    """Yield the layers that get an update."""
    for module in list(backbone.modules()):
        if not isinstance(module, nn.Linear | nn.Conv2d) or is_parametrized(module):
            continue  # a weight that the backbone computes from others is left as it is
        dense = isinstance(module, nn.Linear) or module.groups == 1
        if dense and module.weight.shape[1] > PIXEL_CHANNELS:
            yield module
