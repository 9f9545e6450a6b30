"""The last step of training: fit the calibration and its gate, write the gallery of photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from mineral_recog.calibration.calibration import Calibration, fit_calibration, with_limits
from mineral_recog.calibration.gate import fit_gate
from mineral_recog.calibration.ood import OodDetector
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.bundle_config import read_config_beside
from mineral_recog.models.gallery import write_gallery
from mineral_recog.models.gate_network import GateNetwork, build_gate, predict_gate
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import predict
from mineral_recog.models.pretrained import load_pretrained
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import Recipe

MAX_PER_CLASS = 200  # training photos of each class that are used: enough for their mean
BATCH_SIZE = 64


def build_untrained_gate(recipe: Recipe, network: Network, progress: Progress) -> GateNetwork:
    """Return the gate of a trained network, with the weights that its training began from.

    A network that was trained from random weights gets a gate of its trained backbone.
    """
    original = None
    if recipe.pretrained and not recipe.keeps_pretrained:
        try:
            original = _weights_before(recipe, progress).to(network.device)
        except UserError as error:  # the weights were there when the training began
            progress.notice(
                tr(
                    f"{error} The training is finished without them; its model will be worse at "
                    "recognising pictures that show no mineral.",
                    f"{error} 训练照常完成，但模型识别非矿物图片的效果会较差。",
                )
            )
    return build_gate(network, original)


def _weights_before(recipe: Recipe, progress: Progress) -> nn.Module:
    """Return the backbone as training began; after going on from a model, as that one began.

    A model keeps the weights that it began from for its own gate, and every training takes
    something away from what they know of other pictures.
    """
    if isinstance(recipe.pretrained, str):
        file = Path(recipe.pretrained)
        if file.is_dir() or read_config_beside(file) is not None:
            bundle = read_bundle(file if file.is_dir() else file.parent)
            return bundle.gate.backbone if bundle.gate else bundle.network.backbone
    return load_pretrained(recipe.backbone, recipe.pretrained, recipe.image_size, progress).backbone


def calibrate(
    network: Network,
    gate: GateNetwork,
    train: Dataset,
    val: Dataset,
    groups: tuple[str, ...],
    run: Path,
    workers: int,
    seed: int,
    progress: Progress = SILENT,
) -> Calibration:
    """Fit the calibration of a trained network, and write the gallery of the run.

    Args:
        network: Trained network.
        gate: Network of the gate, on the same device.
        train: Training photos; at most 200 of each class, drawn at random, are used.
        val: Validation photos; all are used.
        groups: Group of each class, C.
        run: Run folder that receives the gallery.
        workers: Number of loader processes.
        seed: Seed of the random draws.
        progress: Receives the progress.
    """
    train = _subsample(train, seed)
    preprocessing = network.preprocessing
    loaders = [
        EvaluationLoader(
            dataset,
            side,
            BATCH_SIZE,
            workers,
            center_share=preprocessing.center_share,
            interpolation=preprocessing.interpolation,
        )
        for side in (preprocessing.image_size, gate.image_size)
        for dataset in (train, val)
    ]
    task = progress.start(tr("calibrating", "校准"), sum(map(len, loaders)))
    # Popped, since the worker processes of a loader live as long as it does.
    train_outputs, val_outputs = (
        predict(network, loaders.pop(0), on_batch=task.step) for _ in range(2)
    )
    train_gate, val_gate = (
        predict_gate(network, gate, loaders.pop(0), task.step) for _ in range(2)
    )
    write_gallery(run, train_outputs.features, train_outputs.labels, train, seed)
    calibration = fit_calibration(
        train_outputs.features,
        train_outputs.labels,
        val_outputs.features,
        val_outputs.logits,
        val_outputs.labels,
        groups,
    )
    assert isinstance(calibration.ood, OodDetector)  # of this version, as it is fitted here
    distances = calibration.ood.distance.score(val_outputs.features)
    fitted = fit_gate(gate.image_size, train_gate, train.labels, val_gate, val.labels, distances)
    calibration = replace(calibration, gate=fitted)
    scores = fitted.scores(val_gate)
    ood_scores = calibration.ood_scores(val_outputs.features, val_outputs.logits, scores)
    return with_limits(
        calibration, val_outputs.logits, val_outputs.labels, ood_scores, scores.no_mineral
    )


def _subsample(dataset: Dataset, seed: int) -> Dataset:
    """Return a dataset of at most 200 random photos of each class."""
    rng = np.random.default_rng([seed, 4])
    drawn = [
        np.sort(rng.permutation(np.flatnonzero(dataset.labels == label))[:MAX_PER_CLASS])
        for label in range(len(dataset.classes))
    ]
    return dataset.subset(np.concatenate(drawn))
