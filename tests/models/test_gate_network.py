"""The network of the gate: whose weights it has, at which size, and its features."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mineral_recog.models.gate_network import (
    BOTH_STAGES,
    EARLIER_STAGE,
    NO_STAGE,
    SIZE,
    build_gate,
    gate_features,
)
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.torch_engine import TorchEngine


class Flat(nn.Module):
    """A backbone for images of 32 pixels only, which gives no maps of stages."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 32 * 32, 5)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.layer(pixels.flatten(1))
        return features


def build(backbone: str | nn.Module, joined: bool = False) -> Network:
    return build_network(backbone, False, "auto", 32, classes=2, pretrained_features=joined)


@pytest.mark.parametrize(
    ("backbone", "stages"),
    # The features of a ResNet are the mean of its last stage, those of an EfficientNet are not.
    [("test_resnet", EARLIER_STAGE), ("test_efficientnet", BOTH_STAGES)],
)
def test_gate_has_the_last_features_and_those_of_stages(
    backbone: str, stages: tuple[int, ...]
) -> None:
    network = build(backbone).eval()
    gate = build_gate(network)
    assert (gate.image_size, gate.stages) == (SIZE, stages)
    pixels = torch.randint(0, 256, (2, 3, SIZE, SIZE), dtype=torch.uint8)
    last, *means = gate_features(network, gate, pixels)
    with torch.no_grad():
        normalised = network.normalise(pixels)
        maps = network.backbone.forward_intermediates(normalised, intermediates_only=True)  # type: ignore[operator]
        torch.testing.assert_close(torch.from_numpy(last), network.backbone(normalised))
    for index, mean in zip(stages, means, strict=True):
        torch.testing.assert_close(torch.from_numpy(mean), maps[index].mean(dim=(2, 3)))
    assert gate.widths() == (last.shape[1], *(mean.shape[1] for mean in means))


def test_gate_of_a_joined_backbone_is_its_original() -> None:
    network = build("test_resnet", joined=True)
    assert isinstance(network.backbone, JoinedBackbone)
    assert build_gate(network).backbone is network.backbone.pretrained
    original = build("test_resnet").backbone
    assert build_gate(network, original).backbone is original


@pytest.mark.parametrize(("name", "size"), [("test_vit", 160), ("test_efficientnet", SIZE)])
def test_networks_of_other_kinds_have_a_gate(name: str, size: int) -> None:
    network = build_network(name, False, "auto", 160, classes=2)
    gate = build_gate(network)
    assert gate.image_size == size
    assert len(gate.widths()) == 3


def test_backbone_of_one_size_without_stages_gives_its_features() -> None:
    network = build(Flat())
    gate = build_gate(network)
    assert (gate.image_size, gate.stages, gate.widths()) == (32, NO_STAGE, (5,))
    views = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8).numpy()
    (features,) = TorchEngine(network, gate).gate_features(views)
    assert features.shape == (3, 5)
