"""Compare recipes on CIFAR-10-LT with CIFAR's ResNet-32, as the literature does.

    python benchmarks/cifar.py DATA OUT [--epochs 200] [--recipes baseline,crt]

DATA has train/, val/ and test/ with a folder per class of 32 x 32 pixels, as cut from CIFAR-10. The
options of `mineral-recog compare` may follow, for instance `--seeds 0,1 --workers 1`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from timm.models import register_model
from torch import Tensor, nn

from mineral_recog.cli.main import main as run_command

SETTINGS = (
    "backbone=cifar_resnet32", "pretrained=false", "image_size=32", "batch_size=128",
    "crop.pad=4", "center_share=1.0", "lr_scale=50",  # 0.1, with weight decay 5e-4
)  # fmt: skip


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


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--recipes", default="baseline,logit_adjusted_loss")
    arguments, options = parser.parse_known_args()
    settings = [f"--set={value}" for value in (*SETTINGS, f"epochs={arguments.epochs}")]
    recipes = ["--recipes", arguments.recipes, "--out", str(arguments.out)]
    raise SystemExit(run_command(["compare", str(arguments.data), *recipes, *settings, *options]))


if __name__ == "__main__":
    main()
