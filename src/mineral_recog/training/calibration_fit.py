"""The last step of training: fit the calibration, and write the gallery of similar photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mineral_recog.calibration.calibration import Calibration, fit_calibration
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.i18n import tr
from mineral_recog.models.gallery import write_gallery
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import predict
from mineral_recog.progress import SILENT, Progress

MAX_PER_CLASS = 200  # training photos of each class that are used: enough for their mean
BATCH_SIZE = 64


def calibrate(
    network: Network,
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
        train: Training photos; at most 200 of each class, drawn at random, are used.
        val: Validation photos; all are used.
        groups: Group of each class, C.
        run: Run folder that receives the gallery.
        workers: Number of loader processes.
        seed: Seed of the random draws.
        progress: Receives the progress.
    """
    train = _subsample(train, seed)
    size, share = network.preprocessing.image_size, network.preprocessing.center_share
    loaders = [
        EvaluationLoader(dataset, size, BATCH_SIZE, workers, center_share=share)
        for dataset in (train, val)
    ]
    task = progress.start(tr("calibrating", "校准"), sum(map(len, loaders)))
    train_outputs, val_outputs = (
        predict(network, loader, on_batch=task.step) for loader in loaders
    )
    write_gallery(run, train_outputs.features, train_outputs.labels, train, seed)
    return fit_calibration(
        train_outputs.features,
        train_outputs.labels,
        val_outputs.features,
        val_outputs.logits,
        val_outputs.labels,
        groups,
    )


def _subsample(dataset: Dataset, seed: int) -> Dataset:
    """Return a dataset of at most 200 random photos of each class."""
    rng = np.random.default_rng([seed, 4])
    drawn = [
        np.sort(rng.permutation(np.flatnonzero(dataset.labels == label))[:MAX_PER_CLASS])
        for label in range(len(dataset.classes))
    ]
    return dataset.subset(np.concatenate(drawn))
