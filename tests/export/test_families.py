"""Backbones are written as ONNX with the same answers, or refused in one line.

`benchmarks/export_families.py` tries more families, which take longer.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mineral_recog.errors import UserError
from mineral_recog.export.onnx_graph import build_onnx
from mineral_recog.models.network import build_network


class OwnBackbone(nn.Module):
    """A module given in Python."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3, stride=4)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.layer(pixels).relu().amax(dim=(2, 3))
        return features


class ShapeDependentBackbone(OwnBackbone):
    """A module whose way depends on the values of the pixels."""

    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward(pixels if pixels.mean().item() > 0 else -pixels)


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("test_resnet", 224),  # with class maps
        ("efficientnet_lite0", 64),
        ("test_convnext", 64),
        ("test_vit", 160),
        (OwnBackbone(), 64),
    ],
)
def test_family_answers_the_same(backbone: str | nn.Module, size: int) -> None:
    torch.manual_seed(0)
    network = build_network(backbone, False, "auto", size, classes=4).eval()
    graph = build_onnx(network)  # which compares the outputs
    assert graph.opset == 20
    assert (graph.map_side is not None) == (size == 224)


def test_unsupported_backbone_is_refused_in_one_line() -> None:
    network = build_network(ShapeDependentBackbone(), False, "auto", 64, classes=4).eval()
    with pytest.raises(
        UserError, match="ShapeDependentBackbone cannot be written as ONNX"
    ) as error:
        build_onnx(network)
    assert "\n" not in str(error.value)
