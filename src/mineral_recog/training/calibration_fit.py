"""What follows a training: how far its answers can be believed, and photos to show beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mineral_recog.calibration.calibration import Calibration, fit_calibration
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.i18n import tr
from mineral_recog.models.gallery import write_gallery
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import predict
from mineral_recog.progress import SILENT, Progress

A_CLASS = 200  # training photos of each class that are looked at: enough for their mean
BATCH = 64


def calibrate(
    network: Network,
    train: Dataset,
    val: Dataset,
    groups: tuple[str, ...],
    run: Path,
    device: torch.device,
    workers: int,
    seed: int,
    progress: Progress = SILENT,
) -> Calibration:
    """Fit the calibration of a trained network on its photos, and write the run's gallery.

    Args:
        network: on its device.
        train: of each class at most 200 photos, drawn at random, are looked at.
        val: all are looked at.
        groups: of each class, C.
        run: folder that gets the gallery.
        device: of the network.
        workers: loader processes.
        seed: of the draws.
        progress: receives the progress.
    """
    train = _some(train, seed)
    size = network.preprocessing.image_size
    loaders = [EvaluationLoader(dataset, size, BATCH, workers) for dataset in (train, val)]
    task = progress.start(tr("calibrating", "校准"), sum(map(len, loaders)))
    of_train, of_val = (predict(network, loader, device, on_batch=task.step) for loader in loaders)
    write_gallery(run, of_train.features, of_train.labels, train, seed)
    return fit_calibration(
        of_train.features,
        of_train.labels,
        of_val.features,
        of_val.logits,
        of_val.labels,
        groups,
    )


def _some(dataset: Dataset, seed: int) -> Dataset:
    """A dataset of at most 200 photos of each class."""
    rng = np.random.default_rng([seed, 4])
    drawn = [
        np.sort(rng.permutation(np.flatnonzero(dataset.labels == label))[:A_CLASS])
        for label in range(len(dataset.classes))
    ]
    return dataset.some(np.concatenate(drawn))
