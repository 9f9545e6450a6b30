"""The network of the gate: features that tell photos of minerals from other pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mineral_recog.data.loaders import Batch
from mineral_recog.errors import is_out_of_memory
from mineral_recog.models.backbones import SIZE_ERRORS
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network

SIZE = 160  # pixels; at 96, the textures of thin sections pass for those of minerals
# Stages of a backbone whose maps are averaged, from the last one to earlier ones.
BOTH_STAGES, EARLIER_STAGE, NO_STAGE = (-1, -2), (-2,), ()
_TOLERANCE = 1e-4  # relative to the largest feature


class GateNetwork(nn.Module):
    """Features of the last layer of a backbone, and of some of its stages.

    Args:
        backbone: Module that turns normalised pixels [B, 3, S, S] into features [B, D]. It may be
            that of the classifier.
        image_size: Side S of the gate's views in pixels.
        stages: `BOTH_STAGES`; `EARLIER_STAGE` where the features of the last layer are the mean of
            the last stage, and in models of older versions; `NO_STAGE` for a backbone that does
            not give the maps of its stages, as those of timm do.
    """

    def __init__(self, backbone: nn.Module, image_size: int, stages: tuple[int, ...]) -> None:
        super().__init__()
        self.backbone = backbone.eval()
        self.image_size, self.stages = image_size, stages

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return features [B, D] of the last layer, and [B, D'] of each of the stages."""
        if not self.stages:
            return (self.backbone(pixels),)
        backbone = cast(Any, self.backbone)
        final, maps = backbone.forward_intermediates(pixels, indices=sorted(self.stages))
        return backbone.forward_head(final), *(stage.mean(dim=(2, 3)) for stage in reversed(maps))

    @torch.inference_mode()
    def widths(self) -> tuple[int, ...]:
        """Return the number of features of each output."""
        return tuple(rows.shape[1] for rows in self(_probe(self.backbone, self.image_size)))


def build_gate(network: Network, backbone: nn.Module | None = None) -> GateNetwork:
    """Return the gate of a network.

    Args:
        network: Network of the classifier.
        backbone: The backbone as it was before training, if the network does not keep it. Without
            one, a network that keeps no original gets a gate of its own backbone.
    """
    size, chosen = network.preprocessing.image_size, backbone or backbone_of_gate(network)
    chosen.eval()
    if _takes(chosen, SIZE):
        size = SIZE
    return GateNetwork(chosen, size, _choose_stages(chosen, size))


def stages_of(feature_vectors: int) -> tuple[int, ...]:
    """Return the stages of a gate with 1 to 3 feature vectors, the last layer's among them."""
    return (NO_STAGE, EARLIER_STAGE, BOTH_STAGES)[feature_vectors - 1]


def backbone_of_gate(network: Network) -> nn.Module:
    """Return the pretrained original that a network keeps, or else its backbone."""
    backbone = network.backbone
    return backbone.pretrained if isinstance(backbone, JoinedBackbone) else backbone


def _probe(backbone: nn.Module, size: int) -> Tensor:
    """Return two views, on the device of a backbone."""
    device = next((tensor.device for tensor in backbone.parameters()), torch.device("cpu"))
    return torch.linspace(-1, 1, 6 * size * size, device=device).view(2, 3, size, size)


@torch.inference_mode()
def _takes(backbone: nn.Module, size: int) -> bool:
    """Return whether a backbone takes images of a size; transformers are built for one."""
    try:
        backbone(_probe(backbone, size))
    except SIZE_ERRORS as error:
        if is_out_of_memory(error):
            raise
        return False
    return True


@torch.inference_mode()
def _choose_stages(backbone: nn.Module, size: int) -> tuple[int, ...]:
    """Return the stages that a backbone gives in one pass with its features, and that differ."""
    if not hasattr(backbone, "forward_intermediates") or not hasattr(backbone, "forward_head"):
        return NO_STAGE
    pixels = _probe(backbone, size)
    expected = backbone(pixels)
    try:
        last, last_stage, earlier = GateNetwork(backbone, size, BOTH_STAGES)(pixels)
    except (TypeError, IndexError, *SIZE_ERRORS):
        return NO_STAGE
    if earlier.ndim != 2 or not _are_equal(last, expected):
        return NO_STAGE
    return EARLIER_STAGE if _are_equal(last_stage, expected) else BOTH_STAGES


def _are_equal(features: Tensor, expected: Tensor) -> bool:
    if features.shape != expected.shape:
        return False
    return bool((features - expected).abs().max() <= _TOLERANCE * expected.abs().max())


@torch.inference_mode()
def gate_features(network: Network, gate: GateNetwork, pixels: Tensor) -> list[NDArray[np.float32]]:
    """Return the features of a gate.

    Args:
        network: Network of the classifier, which has the same normalisation.
        gate: The gate, on the network's device.
        pixels: Views, uint8 [B, 3, S, S], on any device.
    """
    normalised = network.normalise(pixels.to(network.device, non_blocking=True))
    return [features.float().cpu().numpy() for features in gate(normalised)]


def predict_gate(
    network: Network,
    gate: GateNetwork,
    batches: Iterable[Batch],
    on_batch: Callable[[], None] = lambda: None,
) -> list[NDArray[np.float32]]:
    """Return the features of a gate for the photos of all batches, see `gate_features`."""
    rows = []
    for batch in batches:
        rows.append(gate_features(network, gate, batch.inputs))
        on_batch()
    return [np.concatenate(part) for part in zip(*rows, strict=True)]
