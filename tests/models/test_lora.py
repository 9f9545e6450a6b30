"""Low-rank updates: values by hand, and merging."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from mineral_recog.models.lora import add_lora, is_lora, merge_lora
from mineral_recog.recipes.part_settings import Lora


def change_updates(backbone: nn.Module) -> None:
    """Give all updates a value, as training does."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if is_lora(name):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 30)


def test_update_by_hand() -> None:
    layer = nn.Linear(4, 2, bias=False)
    nn.init.zeros_(layer.weight)
    backbone = nn.Sequential(layer)
    add_lora(backbone, Lora(rank=1, alpha=3), seed=0)
    update = backbone.get_submodule("0.parametrizations.weight.0")
    with torch.no_grad():
        update.get_parameter("lora_a").copy_(torch.tensor([[1.0, 2.0, 0.0, 0.0]]))
        update.get_parameter("lora_b").copy_(torch.tensor([[1.0], [-1.0]]))
    expected = [[3, 6, 0, 0], [-3, -6, 0, 0]]  # alpha / r = 3
    assert layer.weight.tolist() == expected
    merge_lora(backbone)
    assert dict(backbone.named_parameters())["0.weight"].tolist() == expected


@pytest.mark.parametrize("name", ["test_vit", "test_efficientnet", "test_resnet"])
def test_merged_network_is_the_updated_one(name: str) -> None:
    torch.manual_seed(0)
    backbone = timm.create_model(name, num_classes=0).eval()
    size = 160 if name == "test_vit" else 32
    pixels = torch.randn(2, 3, size, size)
    keys, before = list(backbone.state_dict()), backbone(pixels)
    add_lora(backbone, Lora(rank=4), seed=0)
    assert torch.equal(backbone(pixels), before)  # updates start at zero
    change_updates(backbone)
    updated = backbone(pixels)
    assert not torch.allclose(updated, before, atol=1e-3)
    merge_lora(backbone)
    assert sorted(backbone.state_dict()) == sorted(keys)
    torch.testing.assert_close(backbone(pixels), updated, rtol=1e-5, atol=1e-6)


def test_layers_that_read_pixels_or_single_channels_have_no_update() -> None:
    backbone = timm.create_model("test_efficientnet", num_classes=0)
    add_lora(backbone, Lora(), seed=0)
    names = {name.split(".parametrizations")[0] for name, _ in backbone.named_parameters()
             if is_lora(name)}  # fmt: skip
    assert "blocks.1.0.conv_exp" in names
    assert "conv_stem" not in names
    assert not any(name.endswith("conv_dw") for name in names)


def test_network_without_updates_is_left_as_it_is() -> None:
    backbone = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))
    add_lora(backbone, Lora(), seed=0)
    merge_lora(backbone)
    assert not any(is_lora(name) for name, _ in backbone.named_parameters())
    assert torch.nn.utils.parametrize.is_parametrized(backbone[0], "weight")
