"""CIFAR's ResNet-32, under a name that a recipe can use."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from timm.models import register_model
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions and a shortcut, which skips pixels and pads channels with zeros.

    He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2, option A.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.extra = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return features [B, outputs, H / stride, W / stride]."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.extra:
            before = self.extra // 2
            shortcut = x[:, :, :: self.stride, :: self.stride]
            x = F.pad(shortcut, (0, 0, 0, 0, before, self.extra - before))
        return F.relu(x + y)


class CifarResNet(nn.Module):
    """A ResNet of 6 n + 2 layers for small pictures; features [B, 64].

    He et al., CVPR 2016, section 4.2.

    Args:
        blocks: n, blocks in each of the three parts.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = (16, 32, 64)
        self.layers = nn.Sequential(*(
            Block(widths[max(0, part - (block == 0))], width, 1 + (part > 0 and block == 0))
            for part, width in enumerate(widths)
            for block in range(blocks)
        ))  # fmt: skip
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return features [B, 64] of normalised pixels [B, 3, 32, 32]."""
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layers(x).mean((2, 3))


@register_model
def cifar_resnet32(pretrained: bool = False, **_: Any) -> CifarResNet:
    """Build the network under a name that a recipe can use."""
    if pretrained:
        raise ValueError("cifar_resnet32 has no pretrained weights")
    return CifarResNet(5)
