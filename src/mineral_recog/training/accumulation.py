"""Gradient accumulation: a batch passes the network in parts, which need less memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

MIN_PART = 2  # photos: batch normalisation cannot work with one


class InParts(nn.Module):
    """A network that a batch passes in parts, of which only one holds its activations at a time.

    The outputs of all parts are joined before the loss, so that losses and mixup see the complete
    batch, and the gradient is that of the complete batch. The backward pass computes the
    activations of each part again (Chen et al., "Training deep nets with sublinear memory cost",
    2016), which costs one more forward pass.

    Part k of n has every n-th photo from k on, so that outliers, which come last, are spread over
    all parts.

    Args:
        network: Network that returns features and logits.
        parts: n, parts of a batch; there are fewer if one would have less than two photos.
    """

    def __init__(self, network: nn.Module, parts: int) -> None:
        super().__init__()
        self.network, self.parts = network, parts

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, D] and logits [B, C] of pixels [B, 3, S, S]."""
        parts = max(1, min(self.parts, len(pixels) // MIN_PART))
        outputs: list[tuple[Tensor, Tensor]] = []
        for part in range(parts):
            # Else parts share each weight in half precision, and add their gradients in it.
            torch.clear_autocast_cache()
            outputs.append(
                checkpoint(
                    self.network,
                    pixels[part::parts],
                    use_reentrant=False,
                    context_fn=self._contexts,
                )
            )
        # Position of each photo in the joined outputs.
        order = torch.cat([torch.arange(len(pixels))[part::parts] for part in range(parts)])
        order = order.argsort().to(pixels.device)
        features, logits = (torch.cat(rows)[order] for rows in zip(*outputs, strict=True))
        return features, logits

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """Return the contexts of the first pass and of the second one, in the backward pass."""
        return nullcontext(), _without_statistics(self.network)


def in_parts(network: nn.Module, parts: int) -> nn.Module:
    """Return a network that a batch passes in parts; with one part the network itself."""
    return network if parts == 1 else InParts(network, parts)


@contextmanager
def _without_statistics(network: nn.Module) -> Iterator[None]:
    """Keep batch normalisation from counting a batch twice in its running statistics."""
    buffers = [
        buffer
        for module in network.modules()
        if isinstance(module, _BatchNorm) and module.training
        for buffer in module.buffers()
    ]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
