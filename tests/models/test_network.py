"""The network: features and logits, normalisation, and a frozen backbone."""

from __future__ import annotations

import pytest
import torch

from mineral_recog.errors import UserError
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.network import Network, build_network


def build(backbone: str = "test_resnet", pretrained: bool | str = False) -> Network:
    return build_network(backbone, pretrained, "auto", image_size=32, classes=4)


def test_features_and_logits() -> None:
    network = build().eval()
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    features, logits = network(pixels)
    assert features.shape == (2, network.classifier.in_features)
    assert logits.shape == (2, 4)
    weight, bias = network.classifier.weight, network.classifier.bias
    assert torch.allclose(logits, features @ weight.T + bias, atol=1e-5)


def test_pixels_are_normalised_by_the_preprocessing() -> None:
    class ChannelMeans(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3))

    network = build_network("test_resnet", False, "imagenet", image_size=32, classes=4)
    network.backbone = ChannelMeans()
    pixels = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    network.classifier = LinearHead(3, 4)
    features, _ = network(pixels)
    assert features[0].tolist() == pytest.approx(
        [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rel=1e-5
    )


def test_half_normalisation_spans_minus_one_to_one() -> None:
    network = build_network("test_resnet", False, "half", image_size=32, classes=4)
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert network.normalise(pixels).flatten(1).tolist() == [[-1] * 3, [1] * 3]


def test_unknown_backbone_is_reported_with_similar_names() -> None:
    with pytest.raises(UserError, match=r"No backbone resnet5 in timm.*resnet50"):
        build("resnet5")


@pytest.mark.parametrize(
    ("backbone", "size"), [("test_vit", 50), ("convnext_atto", 16), ("xcit_nano_12_p16_224", 50)]
)
def test_unsupported_image_size_is_refused(backbone: str, size: int) -> None:
    with pytest.raises(UserError, match=f"{size} px .*image_size"):
        build_network(backbone, False, "auto", size, classes=2)


def test_transformer_is_built_for_the_image_size() -> None:
    network = build_network("test_vit", False, "auto", 96, classes=2).eval()
    _, logits = network(torch.zeros(1, 3, 96, 96, dtype=torch.uint8))
    assert logits.shape == (1, 2)
