"""The part of a network that a stage trains: the classifier, and some or all of the backbone."""

from __future__ import annotations

from collections.abc import Iterable

from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.lora import can_have_lora, is_lora
from mineral_recog.models.network import Network
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import Stage

UNMATCHED = " "  # a name that no parameter has


def train_part(network: Network, stage: Stage) -> None:
    """Freeze what a stage does not train; call this after every `train()`.

    What is frozen gets no gradients. Its modules are in evaluation mode, so that no statistics
    change, unless the stage lets the normalisation layers follow the batches.
    """
    backbone = network.trained_backbone
    trained = set(_trained_parameters(backbone, stage))
    for parameter in backbone.parameters():
        parameter.requires_grad_(parameter in trained)
    if stage.train == "all" or not stage.freeze_normalisation:
        return
    for module in backbone.modules():
        parameters = list(module.parameters())
        has_state = bool(parameters or list(module.buffers()))
        if has_state and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def refuse_missing_parts(network: Network, recipe: Recipe) -> None:
    """Refuse a recipe with a stage that trains a part which the backbone does not have.

    Raises:
        UserError: There is such a stage.
    """
    backbone = network.trained_backbone
    for name, stage in recipe.stages.items():
        if stage.train == "last_blocks":
            _refuse_too_few_blocks(backbone, f"stages.{name}", stage.blocks)
        lacks_lora = stage.train == "lora" and not can_have_lora(backbone)
        if lacks_lora or (stage.train == "norm_and_bias" and not _vectors(backbone)):
            kind = type(backbone).__name__
            raise UserError(
                tr(
                    f"stages.{name}.train: {stage.train} finds no layers in the backbone {kind}: "
                    "use all or classifier.",
                    f"stages.{name}.train：在骨干网络 {kind} 里找不到 {stage.train} 所需的层："
                    "请用 all 或 classifier。",
                )
            )


def _trained_parameters(backbone: nn.Module, stage: Stage) -> Iterable[Tensor]:
    match stage.train:
        case "all":
            return backbone.parameters()
        case "last_blocks":
            return [p for block in _blocks(backbone)[-stage.blocks :] for p in block]
        case "norm_and_bias":
            return _vectors(backbone)
        case "lora":
            return [p for name, p in backbone.named_parameters() if is_lora(name)]
        case "classifier":
            return ()


def _vectors(backbone: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of normalisation layers, biases, and factors of channels."""
    return [p for name, p in backbone.named_parameters() if p.ndim < 2 or name.endswith(".bias")]


def _blocks(backbone: nn.Module) -> list[list[nn.Parameter]]:
    """Return the parameters of each block of a timm backbone, without those before the first one.

    Layers after the last block belong to it.
    """
    matcher = getattr(backbone, "group_matcher", None)
    if matcher is None:
        return []
    parameters = dict(backbone.named_parameters())
    names = ((name, None) for name in (*parameters, UNMATCHED))
    blocks = group_with_matcher(names, matcher(coarse=False), reverse=True)
    after_the_last = blocks.pop(UNMATCHED)
    last = max((block for block in blocks.values() if block != after_the_last), default=0)
    by_block: list[list[nn.Parameter]] = [[] for _ in range(last)]
    for name, block in blocks.items():
        if block:  # 0 are the first layers
            by_block[min(block, last) - 1].append(parameters[name])
    return by_block


def _refuse_too_few_blocks(backbone: nn.Module, stage: str, wanted: int) -> None:
    kind, found = type(backbone).__name__, len(_blocks(backbone))
    if not found:
        raise UserError(
            tr(
                f"{stage}.train: last_blocks needs a backbone of timm that names its blocks "
                f"(group_matcher), which {kind} does not: use norm_and_bias, lora or classifier.",
                f"{stage}.train：last_blocks 需要能列出各块（group_matcher）的 timm 骨干网络，"
                f"而 {kind} 不能：请用 norm_and_bias、lora 或 classifier。",
            )
        )
    if wanted > found:
        raise UserError(
            tr(
                f"{stage}.blocks: the backbone {kind} has {found} blocks, not {wanted}: lower it, "
                "or use train: all.",
                f"{stage}.blocks：骨干网络 {kind} 只有 {found} 块，不足 {wanted} 块："
                "请减小该值，或用 train: all。",
            )
        )
