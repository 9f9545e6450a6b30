"""The part of a network that a stage trains; all else stays as it is, bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mineral_recog.errors import UserError
from mineral_recog.models.lora import add_lora
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.trained_part import refuse_missing_parts, train_part
from mineral_recog.recipes.loss_settings import CrossEntropy, Losses
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import Stage

LAST = "blocks.4.0."


def build(backbone: str | nn.Module = "test_efficientnet", size: int = 32) -> Network:
    torch.manual_seed(0)
    return build_network(backbone, False, "auto", image_size=size, classes=4)


def stage(train: str, **settings: Any) -> Stage:
    losses = Losses(cross_entropy=CrossEntropy())
    return Stage(epochs=1, lr=1.0, losses=losses, train=train, **settings)  # type: ignore[arg-type]


def changed_by_training(network: Network, part: Stage) -> set[str]:
    """Return the names of what two steps change in the backbone."""
    if part.train == "lora":
        add_lora(network.backbone, part.lora, seed=0)
    network.train()
    train_part(network, part)
    before = {k: v.clone() for k, v in network.backbone.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    size = network.preprocessing.image_size
    for _ in range(2):
        _, logits = network(torch.randint(0, 256, (4, 3, size, size), dtype=torch.uint8))
        nn.functional.cross_entropy(logits, torch.arange(4)).backward()
        optimizer.step()
    after = network.backbone.state_dict()
    return {key for key in before if not torch.equal(after[key], before[key])}


def test_classifier_alone() -> None:
    network = build()
    weight = network.classifier.weight.clone()
    assert changed_by_training(network, stage("classifier")) == set()
    assert not torch.equal(network.classifier.weight, weight)
    train_part(network, stage("all"))
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("train", ["last_blocks", "lora", "classifier"])
def test_statistics_of_what_is_frozen_may_follow_the_batches(train: str) -> None:
    changed = changed_by_training(build(), stage(train, freeze_normalisation=False))
    assert "bn1.running_mean" in changed
    assert "bn1.weight" not in changed


def test_last_blocks_and_what_follows_them() -> None:
    changed = changed_by_training(build(), stage("last_blocks"))
    assert {f"{LAST}conv_pw.weight", "conv_head.weight", "bn2.running_mean"} <= changed
    assert all(key.startswith((LAST, "conv_head", "bn2")) for key in changed)
    changed = changed_by_training(build(), stage("last_blocks", blocks=2))
    assert any(key.startswith("blocks.3.") for key in changed)
    assert not any(key.startswith("blocks.2.") for key in changed)


@pytest.mark.parametrize(
    ("backbone", "size", "prefixes"),
    [
        ("test_vit", 160, ("blocks.5.", "norm.")),
        ("convnext_atto", 32, ("stages.3.blocks.1.", "head.norm.")),  # head.norm is in no block
        ("resnet18", 32, ("layer4.1.",)),
    ],
)
def test_last_block_of_a_family(backbone: str, size: int, prefixes: tuple[str, ...]) -> None:
    network = build(backbone, size)
    train_part(network, stage("last_blocks"))
    trained = {n for n, p in network.backbone.named_parameters() if p.requires_grad}
    assert trained == {
        name for name, _ in network.backbone.named_parameters() if name.startswith(prefixes)
    }


@pytest.mark.parametrize(("backbone", "size"), [("test_efficientnet", 32), ("test_vit", 160)])
def test_norms_and_biases(backbone: str, size: int) -> None:
    network = build(backbone, size)
    changed = changed_by_training(network, stage("norm_and_bias"))
    parameters = dict(network.backbone.named_parameters())
    assert all(parameters[key].ndim == 1 for key in changed & parameters.keys())
    assert any("bn1.weight" in key or "norm1.weight" in key for key in changed)


@pytest.mark.parametrize(("backbone", "size"), [("test_efficientnet", 32), ("test_vit", 160)])
def test_lora_changes_nothing_but_the_updates(backbone: str, size: int) -> None:
    changed = changed_by_training(build(backbone, size), stage("lora"))
    assert changed
    assert all(key.endswith(("lora_a", "lora_b")) for key in changed)


class Plain(nn.Module):
    """A backbone without blocks, norms, biases and dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.conv(pixels).mean(dim=(2, 3))
        return features


@pytest.mark.parametrize(
    ("backbone", "settings", "message"),
    [
        (Plain(), {"train": "last_blocks"}, r"stages\.a\.train: last_blocks .*Plain does not"),
        (Plain(), {"train": "norm_and_bias"}, r"stages\.a\.train: norm_and_bias finds no layers"),
        (Plain(), {"train": "lora"}, r"stages\.a\.train: lora finds no layers"),
        (
            "test_efficientnet",
            {"train": "last_blocks", "blocks": 6},
            "has 5 blocks, not 6: lower it",
        ),
    ],
)
def test_missing_part_is_refused(
    backbone: str | nn.Module, settings: dict[str, Any], message: str
) -> None:
    recipe = Recipe(stages={"a": stage(**settings)})
    with pytest.raises(UserError, match=message):
        refuse_missing_parts(build(backbone), recipe)


def test_parts_that_a_backbone_has_are_accepted() -> None:
    parts = [stage(t) for t in ("all", "last_blocks", "norm_and_bias", "lora", "classifier")]
    parts.append(stage("last_blocks", blocks=5))
    refuse_missing_parts(build(), Recipe(stages={str(i): part for i, part in enumerate(parts)}))
