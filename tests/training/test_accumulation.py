"""A batch in parts gives the gradient of the complete batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mineral_recog.models.network import Network, build_network
from mineral_recog.training.accumulation import in_parts

PIXELS = torch.randint(
    0, 256, (7, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)


def network_of(backbone: str) -> Network:
    torch.manual_seed(0)
    return build_network(backbone, False, "auto", 32, classes=3).train()


def loss_of(features: Tensor, logits: Tensor) -> Tensor:
    """Return a loss that is no mean over photos."""
    return (features.std(dim=0).sum() + logits.softmax(dim=1).mean(dim=0).square().sum()).log()


@pytest.mark.parametrize("parts", [2, 3, 100])  # a part has at least two photos
def test_gradient_is_that_of_the_complete_batch(parts: int) -> None:
    gradients, outputs = [], []
    for number in (1, parts):
        network = network_of("test_convnext")
        outputs.append(in_parts(network, number)(PIXELS))
        loss_of(*outputs[-1]).backward()
        gradients.append({name: p.grad for name, p in network.named_parameters()})
    for complete, joined in zip(*outputs, strict=True):
        torch.testing.assert_close(joined, complete, rtol=1e-4, atol=1e-5)
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-5)


def test_one_part_is_the_network_itself() -> None:
    network = network_of("test_convnext")
    assert in_parts(network, 1) is network


class Counted(nn.Module):
    """Counts the largest number of photos that it saw at once."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def forward(self, pixels: Tensor) -> Tensor:
        self.largest = max(self.largest, len(pixels))
        return pixels


def test_only_a_part_passes_the_network_at_a_time() -> None:
    network = network_of("test_convnext")
    counted = Counted()
    network.backbone = nn.Sequential(counted, network.backbone)
    loss_of(*in_parts(network, 3)(PIXELS)).backward()
    assert counted.largest == 3


def test_batch_normalisation_counts_each_part_once() -> None:
    expected, network = network_of("test_resnet"), network_of("test_resnet")
    for part in (PIXELS[0::2], PIXELS[1::2]):
        expected(part)
    loss_of(*in_parts(network, 2)(PIXELS)).backward()
    for (name, one), (_, other) in zip(
        expected.named_buffers(), network.named_buffers(), strict=True
    ):
        torch.testing.assert_close(other, one, msg=name)


def test_dropout_is_the_same_in_both_passes() -> None:
    torch.manual_seed(0)
    network = network_of("test_convnext")
    weight = nn.Parameter(torch.ones(()))

    class Dropping(nn.Module):
        def __init__(self, backbone: nn.Module) -> None:
            super().__init__()
            self.backbone, self.weight = backbone, weight

        def forward(self, pixels: Tensor) -> Tensor:
            return nn.functional.dropout(self.backbone(pixels) * self.weight, 0.5)

    network.backbone = Dropping(network.backbone)
    features, _ = in_parts(network, 2)(PIXELS)
    features.sum().backward()
    assert weight.grad is not None
    # The weight is a factor of all features, so its gradient is their sum.
    torch.testing.assert_close(weight.grad, features.detach().sum(), rtol=1e-4, atol=1e-4)
