"""Heat maps show where the evidence for a class is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mineral_recog.data.evaluation_view import Preprocessing
from mineral_recog.identify.heat_map import heat_map
from mineral_recog.models.heads import build_head
from mineral_recog.models.network import Network
from mineral_recog.models.torch_engine import TorchEngine

SIZE = 56


class MapBackbone(nn.Module):
    """A backbone whose features, mean red and mean blue, are the mean of a feature map."""

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells

    def forward_features(self, pixels: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(pixels[:, [0, 2]], self.cells)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.forward_features(pixels).mean(dim=(2, 3))


class PooledBackbone(nn.Module):
    """The same features without a feature map."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels[:, [0, 2]].mean(dim=(2, 3))


class ExtraChannelBackbone(MapBackbone):
    """The feature map has one more channel than the features, so they are not its mean."""

    def forward_features(self, pixels: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(pixels, self.cells)

    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward(pixels)[:, [0, 2]]


@pytest.mark.parametrize(
    "backbone", [MapBackbone(7), MapBackbone(2), PooledBackbone(), ExtraChannelBackbone(7)]
)
def test_heat_map_is_highest_where_the_class_is(backbone: nn.Module) -> None:
    preprocessing = Preprocessing(SIZE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    network = Network(backbone, build_head("linear", 2, 2), preprocessing).eval()
    with torch.no_grad():
        network.classifier.load_state_dict({"weight": torch.eye(2), "bias": torch.zeros(2)})
    pixels = np.full((SIZE, SIZE, 3), 100, dtype=np.uint8)
    pixels[:16, :16, 0] = 250  # red, top left
    pixels[-16:, -16:, 2] = 250  # blue, bottom right
    red, blue = (heat_map(TorchEngine(network), pixels, label) for label in (0, 1))
    assert red.shape == blue.shape == (7, 7)
    assert red.max() == blue.max() == 1
    assert np.argwhere(red == 1).max() <= 1
    assert np.argwhere(blue == 1).min() >= 5
    assert red[-2:, -2:].max() == 0  # evidence against the class is not shown
