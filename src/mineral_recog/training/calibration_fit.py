"""The last step of training: fit the calibration and its gate, write the gallery of photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import nn

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.fitting import FittingPhotos, fit_with_gate
from mineral_recog.data.dataset import SPECIMENS_FILE, Dataset
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.data.photo_columns import listed_names, read_photo_column
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
    photos, val_photos = (
        FittingPhotos(outputs.features, outputs.logits, outputs.labels, parts)
        for outputs, parts in ((train_outputs, train_gate), (val_outputs, val_gate))
    )
    was_trained = gate.backbone is network.backbone
    specimens = None if was_trained else _specimens(train, progress)
    return fit_with_gate(photos, val_photos, groups, gate.image_size, specimens, progress)


def _specimens(dataset: Dataset, progress: Progress) -> list[str] | None:
    """Return the specimen of each photo; None, with a notice, if the file of them is damaged."""
    try:
        known = read_photo_column(dataset.root.parent / SPECIMENS_FILE, "specimen") or {}
    except UserError as error:  # no reason to lose a finished training
        progress.notice(
            tr(
                f'{error} The limits of "none of these" rest on the validation photos alone.',
                f"{error} “以上都不是”的阈值仅依据验证照片确定。",
            )
        )
        return None
    return [known.get(name) or name for name in listed_names(dataset)]


def _subsample(dataset: Dataset, seed: int) -> Dataset:
    """Return a dataset of at most 200 random photos of each class."""
    rng = np.random.default_rng([seed, 4])
    drawn = [
        np.sort(rng.permutation(np.flatnonzero(dataset.labels == label))[:MAX_PER_CLASS])
        for label in range(len(dataset.classes))
    ]
    return dataset.subset(np.concatenate(drawn))
