"""The moving average of the weights, which varies less than the weights themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def copy_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies that later steps do not change."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def decay_over(steps: float) -> float:
    """Return the decay of an average in which weights count 1/e as much after that many steps."""
    return math.exp(-1 / steps)


class Ema:
    """Exponential moving average of all weights and buffers of a network.

    a <- d * a + (1 - d) * w after every step, with d = min(decay, (1 + t) / (10 + t)) at step t, so
    that the first weights do not dominate the average of a short run (Tarvainen and Valpola, "Mean
    teachers are better role models", NeurIPS 2017, for the average).

    Args:
        network: Network whose weights the average starts from.
        decay: 0.999 averages over about a thousand steps; see `decay_over`.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = copy_tensors(network.state_dict())

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Add the weights after a step to the average."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)

    @contextmanager
    def applied_to(self, network: nn.Module) -> Iterator[None]:
        """Give the network the averaged weights inside the context, and restore its own after."""
        saved = copy_tensors(network.state_dict())
        network.load_state_dict(self.state)
        try:
            yield
        finally:
            network.load_state_dict(saved)
