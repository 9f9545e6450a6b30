"""The optimiser of a stage: groups of parameters, each with its rate and its weight decay."""

from __future__ import annotations

from itertools import chain
from typing import Any, cast

import torch
from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn

from mineral_recog.errors import RecipeError
from mineral_recog.i18n import tr
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import Stage, StageInRun
from mineral_recog.training.schedule import cycled_momentum, learning_rate

SECOND_BETA = 0.999  # of AdamW; the first one is the recipe's momentum
# What an optimiser keeps of a parameter, and its name in a checkpoint.
KEPT = {
    "momentum_buffer": "momentum",
    "exp_avg": "exp_avg",
    "exp_avg_sq": "exp_avg_sq",
    "step": "adam_step",
}


def build_optimizer(recipe: Recipe, stage: Stage, network: Network) -> torch.optim.Optimizer:
    """Build the optimiser of the parameters that a stage trains.

    Each group has its `lr_factor`, and says in `decays` whether weight decay applies to it: AdamW
    leaves out parameters of one dimension, which are biases and those of normalisation layers. With
    `feature_norm` the classifier's weight is the first group, alone.

    Raises:
        RecipeError: See `rate_factors`.
    """
    factors = rate_factors(recipe, network)
    alone = network.classifier.weight if stage.feature_norm else None
    groups: dict[tuple[bool, float, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            decays = recipe.optimiser == "sgd" or parameter.ndim > 1
            key = (parameter is not alone, factors.get(parameter, 1.0), decays)
            groups.setdefault(key, []).append(parameter)
    ordered: list[dict[str, Any]] = [
        {"params": parameters, "lr_factor": factor, "decays": decays}
        for (_, factor, decays), parameters in sorted(groups.items(), key=lambda item: item[0][0])
    ]
    optimizer: torch.optim.Optimizer
    if recipe.optimiser == "adamw":
        betas = (recipe.momentum, SECOND_BETA)
        optimizer = torch.optim.AdamW(ordered, lr=stage.lr or 0.0, betas=betas)
    else:
        optimizer = torch.optim.SGD(ordered, lr=stage.lr or 0.0, momentum=recipe.momentum)
    set_weight_decay(optimizer, recipe, stage)
    return optimizer


def rate_factors(recipe: Recipe, network: Network) -> dict[nn.Parameter, float]:
    """Return the factor of the learning rate of each parameter of the backbone.

    With layer-wise decay d, the classifier has the full rate, the layer below it d times that, the
    next one d^2, and so on, by timm's grouping of the parameters: Bao et al., "BEiT", ICLR 2022.

    Raises:
        RecipeError: The recipe has layer-wise decay, and the backbone has no grouping.
    """
    joined = network.backbone
    backbone = joined.fine_tuned if isinstance(joined, JoinedBackbone) else joined
    parameters = dict(backbone.named_parameters())
    below = dict.fromkeys(parameters, 0)  # layers between a parameter and the classifier
    if recipe.layer_decay != 1:
        below = _layers_below_classifier(backbone)
    return {
        parameter: recipe.backbone_lr_factor * recipe.layer_decay ** below[name]
        for name, parameter in parameters.items()
    }


def _layers_below_classifier(backbone: nn.Module) -> dict[str, int]:
    """Return how many layers below the classifier each parameter is, by name."""
    if not hasattr(backbone, "group_matcher"):
        name = type(backbone).__name__
        raise RecipeError(
            tr(
                f"layer_decay needs the layers of the backbone, and {name} does not name them "
                "(group_matcher in timm): leave layer_decay out, or set backbone_lr_factor.",
                f"layer_decay 需要骨干网络的分层信息，而 {name} 没有提供（timm 的 group_matcher）："
                "请去掉 layer_decay，或改用 backbone_lr_factor。",
            )
        )
    matcher = cast(Any, backbone).group_matcher(coarse=False)
    head = "classifier of this project"  # no matcher knows it, so it joins timm's own head
    named = chain(backbone.named_parameters(), [(head, backbone)])
    layers: dict[str, int] = group_with_matcher(named, matcher, reverse=True)
    top = layers.pop(head)
    return {name: top - layer for name, layer in layers.items()}


def weight_decay_of(recipe: Recipe, stage: Stage) -> float:
    """Return the weight decay of a stage: its own, or that of the recipe."""
    return recipe.weight_decay if stage.weight_decay is None else stage.weight_decay


def set_weight_decay(optimizer: torch.optim.Optimizer, recipe: Recipe, stage: Stage) -> None:
    """Set the weight decay of a stage in all groups that decay."""
    for group in optimizer.param_groups:
        group["weight_decay"] = weight_decay_of(recipe, stage) if group["decays"] else 0.0


def adapt_to_norm(
    optimizer: torch.optim.Optimizer, recipe: Recipe, stage: Stage, norm: float
) -> None:
    """Adapt rate and weight decay of the classifier to features of a mean squared norm.

    With features scaled by s, W / s gives the same logits. For SGD, a step of rate r and decay d on
    W / s is a step of rate r s^2 and decay d / s^2 on W. The step of AdamW does not depend on the
    size of the gradient, so there it is a step of rate r s and decay d / s.
    """
    if stage.feature_norm is not None:
        factor = stage.feature_norm / norm
        if recipe.optimiser == "adamw":
            factor **= 0.5
        weight, *_ = optimizer.param_groups
        weight["lr_factor"] = factor
        weight["weight_decay"] = weight_decay_of(recipe, stage) / factor


def set_rate(
    optimizer: torch.optim.Optimizer, recipe: Recipe, placed: StageInRun, epochs_done: float
) -> None:
    """Set learning rates and momentum for the step after a number of epochs of the run."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(placed, epochs_done) * group["lr_factor"]
        if recipe.cycle_momentum and placed.schedule.shape == "one_cycle":
            momentum = cycled_momentum(placed, epochs_done)
            if recipe.optimiser == "adamw":
                group["betas"] = (momentum, SECOND_BETA)
            else:
                group["momentum"] = momentum


def kept_tensors(optimizer: torch.optim.Optimizer, network: Network) -> dict[str, Tensor]:
    """Return what the optimiser keeps from step to step, by names for a checkpoint."""
    names: dict[Tensor, str] = {p: name for name, p in network.named_parameters()}
    return {
        f"{KEPT[key]}.{names[parameter]}": value
        for parameter, kept in optimizer.state.items()
        # A factor that was folded into the classifier is no parameter any more.
        if parameter in names
        for key, value in kept.items()
        if key in KEPT and value is not None
    }


def load_kept_tensors(
    optimizer: torch.optim.Optimizer, network: Network, tensors: dict[str, Tensor]
) -> None:
    """Give the optimiser what `kept_tensors` returned; other tensors are ignored.

    Raises:
        KeyError: A tensor belongs to a parameter that the network does not have.
    """
    parameters = dict(network.named_parameters())
    for key, prefix in KEPT.items():
        # Torch counts the steps on the CPU.
        device = torch.device("cpu") if key == "step" else network.device
        for name, value in tensors.items():
            if name.startswith(f"{prefix}."):
                parameter = parameters[name.removeprefix(f"{prefix}.")]
                optimizer.state[parameter][key] = value.to(device)
