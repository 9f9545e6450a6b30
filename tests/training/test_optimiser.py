"""The optimiser: values by hand, timm's layers as the reference, and what a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import timm
import torch
from timm.optim._param_groups import param_groups_layer_decay
from torch import nn

from mineral_recog.data.evaluation_view import Preprocessing
from mineral_recog.errors import RecipeError
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.trained_part import train_part
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.optimiser import (
    adapt_to_norm,
    build_optimizer,
    kept_tensors,
    load_kept_tensors,
    rate_factors,
    set_rate,
)
from tests.conftest import TINY

HALF = (0.5, 0.5, 0.5)


def make_network(backbone: nn.Module, features: int) -> Network:
    return Network(backbone, LinearHead(features, 2), Preprocessing(32, HALF, HALF))


def make_recipe(*settings: str, name: str = "baseline") -> Recipe:
    return read_recipe(name, [*TINY, *settings])


def decayed_names(network: Network, optimizer: torch.optim.Optimizer) -> list[str]:
    names = {parameter: name for name, parameter in network.named_parameters()}
    return [
        names[parameter]
        for group in optimizer.param_groups
        if group["weight_decay"]
        for parameter in group["params"]
    ]


def test_step_of_adamw_by_hand() -> None:
    """The first step moves by the rate against the gradient's sign, after decay of the weights."""
    network = make_network(nn.Sequential(nn.Linear(1, 1)), 1)
    recipe = make_recipe("optimiser=adamw", "weight_decay=0.5", "backbone_lr_factor=0.1")
    optimizer = build_optimizer(recipe, recipe.stages["ce"], network)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 2.0)
        parameter.grad = torch.full_like(parameter, -3.0)
    for group in optimizer.param_groups:
        group["lr"] = 0.2 * group["lr_factor"]
    optimizer.step()
    values = {name: parameter.mean().item() for name, parameter in network.named_parameters()}
    assert values == pytest.approx(
        {
            "backbone.0.weight": 2 * (1 - 0.02 * 0.5) + 0.02,
            "backbone.0.bias": 2 + 0.02,
            "classifier.weight": 2 * (1 - 0.2 * 0.5) + 0.2,
            "classifier.bias": 2 + 0.2,
        }
    )


@pytest.mark.parametrize(("name", "everything"), [("sgd", True), ("adamw", False)])
def test_adamw_does_not_decay_norms_and_biases(name: str, everything: bool) -> None:
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    recipe = make_recipe(f"optimiser={name}")
    decayed = decayed_names(network, build_optimizer(recipe, recipe.stages["ce"], network))
    assert "backbone.conv1.0.weight" in decayed
    assert ("backbone.bn1.weight" in decayed) == everything
    assert ("classifier.bias" in decayed) == everything
    assert (len(decayed) == len(list(network.parameters()))) == everything


@pytest.mark.parametrize("backbone", ["test_vit", "test_convnext", "test_resnet"])
def test_layer_decay_is_that_of_timm(backbone: str) -> None:
    torch.manual_seed(0)
    whole = timm.create_model(backbone, num_classes=2)
    scales = {
        parameter.data_ptr(): group["lr_scale"]
        for group in param_groups_layer_decay(whole, layer_decay=0.5)
        for parameter in group["params"]
    }
    expected = {name: scales[parameter.data_ptr()] for name, parameter in whole.named_parameters()}
    network = build_network(backbone, False, "auto", 160, classes=2)
    factors = rate_factors(make_recipe("layer_decay=0.5", "backbone_lr_factor=3"), network)
    assert len(factors) == len(list(network.backbone.parameters()))
    for name, parameter in network.backbone.named_parameters():
        assert factors[parameter] == pytest.approx(3 * expected[name]), name


def test_layer_decay_needs_layers() -> None:
    network = make_network(nn.Sequential(nn.Linear(1, 1)), 1)
    with pytest.raises(RecipeError, match=r"Sequential does not name them.*backbone_lr_factor"):
        rate_factors(make_recipe("layer_decay=0.5"), network)


def test_trained_half_of_a_joined_backbone_has_the_layers() -> None:
    recipe = make_recipe("layer_decay=0.5", "pretrained_features=true", name="crt")
    network = build_network("test_resnet", False, "auto", 32, 2, pretrained_features=True)
    assert min(rate_factors(recipe, network).values()) == 0.5**5  # conv1, below four stages


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_momentum_cycles_as_first_beta_of_adamw(name: str) -> None:
    network = make_network(nn.Sequential(nn.Linear(1, 1)), 1)
    recipe = make_recipe(f"optimiser={name}", "cycle_momentum=true", "stages.ce.epochs=10")
    optimizer = build_optimizer(recipe, recipe.stages["ce"], network)
    set_rate(optimizer, recipe, recipe.stage_at(1), 1.0)  # the end of the warm-up: the peak
    for group in optimizer.param_groups:
        momentum = group["betas"][0] if name == "adamw" else group["momentum"]
        assert momentum == pytest.approx(0.85)
        assert group["lr"] == pytest.approx(recipe.stages["ce"].lr)


@pytest.mark.parametrize(("name", "factor"), [("sgd", 1 / 16), ("adamw", 1 / 4)])
def test_rate_of_features_that_are_four_times_as_large(name: str, factor: float) -> None:
    network = make_network(nn.Sequential(nn.Linear(1, 1)), 1)
    settings = (f"optimiser={name}", "stages.ce.feature_norm=8", "stages.ce.weight_decay=0.5")
    recipe = make_recipe(*settings, name="frozen_features")
    train_part(network, recipe.stages["ce"])
    optimizer = build_optimizer(recipe, recipe.stages["ce"], network)
    adapt_to_norm(optimizer, recipe, recipe.stages["ce"], 8.0 * 4**2)
    weight = optimizer.param_groups[0]
    assert weight["params"] == [network.classifier.weight]
    assert weight["lr_factor"] == factor
    assert weight["weight_decay"] == 0.5 / factor


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_what_an_optimiser_keeps_is_restored(name: str) -> None:
    torch.manual_seed(0)
    network = make_network(nn.Sequential(nn.Linear(3, 4)), 4)
    recipe = make_recipe(f"optimiser={name}", "stages.ce.lr=0.1")

    def take_steps(optimizer: torch.optim.Optimizer, inputs: Sequence[torch.Tensor]) -> None:
        for batch in inputs:
            optimizer.zero_grad()
            network.classify(network.backbone(batch))[1].square().sum().backward()
            optimizer.step()

    first, second = torch.randn(3, 5, 3), torch.randn(2, 5, 3)
    optimizer = build_optimizer(recipe, recipe.stages["ce"], network)
    take_steps(optimizer, list(first))
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    kept = {key: value.clone() for key, value in kept_tensors(optimizer, network).items()}
    take_steps(optimizer, list(second))
    expected = {key: value.clone() for key, value in network.state_dict().items()}

    network.load_state_dict(weights)
    resumed = build_optimizer(recipe, recipe.stages["ce"], network)
    load_kept_tensors(resumed, network, {**kept, "centers.values": torch.zeros(1)})
    take_steps(resumed, list(second))
    assert all(torch.equal(network.state_dict()[key], expected[key]) for key in expected)
