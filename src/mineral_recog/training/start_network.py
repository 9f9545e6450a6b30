"""The network of a run that goes on from a trained model, with its backbone and classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network, build_untrained_network
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.training.start import Start, kept_classes


def read_start(
    run: Path, classes: Sequence[str], aliases: Sequence[str], backbone: nn.Module | None
) -> Start:
    """Read what a new run records about the model that it goes on from.

    Args:
        run: Run folder or bundle folder.
        classes: Classes of the photos.
        aliases: See `kept_classes`.
        backbone: A module with the architecture of the backbone, if that was given in Python.

    Raises:
        UserError: The model cannot be read, or a table cannot be used.
    """
    kept, _ = kept_classes(run, classes, aliases)
    fingerprint = read_bundle(run, backbone).fingerprint()
    return Start(folder=str(run.resolve()), fingerprint=fingerprint, kept=kept)


def start_network(
    start: Start, recipe: Recipe, classes: Sequence[str], backbone: nn.Module | None
) -> Network:
    """Build the network of a run that goes on from a model.

    The classes that are kept have their rows of the classifier, the others random ones.

    Raises:
        UserError: The model cannot be read, or it has changed since the run was started.
    """
    bundle = read_bundle(Path(start.folder), backbone)
    if bundle.fingerprint() != start.fingerprint:
        raise UserError(
            tr(
                f"The model in {start.folder} has changed since this run was started from it: "
                "train again with --force.",
                f"本次训练开始后，{start.folder} 里的模型已改变：请用 --force 重新训练。",
            )
        )
    preprocessing = replace(bundle.network.preprocessing, test_views=recipe.test_views)
    network = build_untrained_network(
        backbone or recipe.backbone,
        recipe.head,
        len(classes),
        preprocessing,
        recipe.keeps_pretrained,
        recipe.head_scale,
    )
    _copy_backbone(bundle.network.backbone, network.backbone)
    _copy_classifier(bundle, network, classes, start.kept)
    return network


def _copy_backbone(source: nn.Module, target: nn.Module) -> None:
    """Copy the weights; of a joined backbone the fine-tuned half, and the original if wanted."""
    trained = source.fine_tuned if isinstance(source, JoinedBackbone) else source
    if isinstance(target, JoinedBackbone):
        original = source.pretrained if isinstance(source, JoinedBackbone) else source
        target.fine_tuned.load_state_dict(trained.state_dict())
        target.pretrained.load_state_dict(original.state_dict())
    else:
        target.load_state_dict(trained.state_dict())


def _copy_classifier(
    bundle: Bundle, network: Network, classes: Sequence[str], kept: dict[str, str]
) -> None:
    """Copy the rows of the classes that are kept, as far as both have the same features."""
    source, target = bundle.network.classifier, network.classifier
    width = min(source.in_features, target.in_features)
    rows = [index for index, name in enumerate(classes) if name in kept]
    old_rows = [bundle.classes.index(kept[classes[index]]) for index in rows]
    with torch.no_grad():
        target.weight[rows, :width] = source.weight[old_rows, :width]
        if isinstance(target, nn.Linear) and isinstance(source, nn.Linear):
            target.bias[rows] = source.bias[old_rows]
