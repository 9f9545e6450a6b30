"""Tests of a fine-tuned backbone beside its pretrained original."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mineral_recog.errors import RecipeError
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.pretrained import load_pretrained
from mineral_recog.models.trained_part import train_part
from mineral_recog.progress import SILENT
from mineral_recog.recipes.loss_settings import Focal, Losses
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.recipes.stage import Stage
from mineral_recog.training.run import train

SETTINGS = ("backbone=test_resnet", "image_size=32", "batch_size=8", "epochs=2", "cache=false",
            "precision=float32", "stages.crt.min_steps=20")  # fmt: skip


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return build_network("test_resnet", False, "auto", 32, classes=3, pretrained_features=True)


@pytest.fixture
def pixels() -> Tensor:
    return torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)


def test_original_is_seen_only_beside_a_frozen_backbone(network: Network, pixels: Tensor) -> None:
    width = network.classifier.in_features // 2
    features, _ = network.eval()(pixels)
    torch.testing.assert_close(features[:, :width], features[:, width:])  # nothing is trained yet
    network.train()
    network.join_pretrained(False)
    features, logits = network(pixels)
    assert features.shape == (2, 2 * width)
    assert (features[:, width:] == 0).all()
    logits.sum().backward()
    assert all(p.grad is None for p in network.backbone.get_submodule("pretrained").parameters())
    assert any(
        p.grad is not None for p in network.backbone.get_submodule("fine_tuned").parameters()
    )
    network.join_pretrained(True)
    assert (network(pixels)[0][:, width:] > 0).any()


def test_training_leaves_the_original_as_it_was(network: Network, pixels: Tensor) -> None:
    original = network.backbone.get_submodule("pretrained")
    before = {name: value.clone() for name, value in original.state_dict().items()}
    network.train()
    train_part(network, Stage(epochs=1, losses=Losses(focal=Focal())))
    network(pixels)  # batch statistics would change the buffers
    assert not any(p.requires_grad for p in original.parameters())
    assert all(torch.equal(value, before[name]) for name, value in original.state_dict().items())


def test_run_keeps_the_original_in_its_bundle(prepared: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    published = load_pretrained("test_resnet", False, 32, SILENT).backbone
    weights = tmp_path / "published.pth"
    torch.save(published.state_dict(), weights)
    recipe = read_recipe("best", [*SETTINGS, f"pretrained={weights}"])
    train(prepared, recipe, tmp_path / "run", device="cpu", workers=0)
    bundle = read_bundle(tmp_path / "run")
    backbone = bundle.network.backbone
    assert isinstance(backbone, JoinedBackbone)
    for name, value in published.state_dict().items():
        assert torch.equal(backbone.pretrained.state_dict()[name], value), name
    changed = [
        name for name, value in published.state_dict().items()
        if not torch.equal(backbone.fine_tuned.state_dict()[name], value)
    ]  # fmt: skip
    assert "conv1.0.weight" in changed
    width = bundle.network.classifier.in_features // 2
    assert bundle.network.classifier.weight[:, width:].abs().sum() > 0

    # A further training starts from the fine-tuned half.
    again = load_pretrained(
        "test_resnet", str(tmp_path / "run/model/model.safetensors"), 32, SILENT
    )
    expected = backbone.fine_tuned.state_dict()
    assert all(torch.equal(value, expected[k]) for k, value in again.backbone.state_dict().items())


def test_random_weights_are_not_kept() -> None:
    recipe = read_recipe("best", [*SETTINGS, "pretrained=false"])
    assert recipe.pretrained_features
    assert not recipe.keeps_pretrained


def test_pretrained_features_need_a_classifier_of_their_own() -> None:
    with pytest.raises(
        RecipeError, match="pretrained_features needs train: classifier in the last"
    ):
        read_recipe("baseline", ["pretrained_features=true"])
    with pytest.raises(
        RecipeError, match="pretrained_features needs train: classifier in the last"
    ):
        read_recipe("lws", ["pretrained_features=true"])
