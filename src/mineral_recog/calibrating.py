"""What follows a training: how far its answers can be believed, and photos to show beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mineral_recog.data.index import Index
from mineral_recog.data.loading import EvaluationLoader
from mineral_recog.identify.gallery import write_gallery
from mineral_recog.language import tr
from mineral_recog.method.model import Network
from mineral_recog.method.prediction import predict
from mineral_recog.progress import Bar
from mineral_recog.trust.calibration import Trust, fit_trust

A_CLASS = 200  # training photos of each class that are looked at: enough for their mean
BATCH = 64


def calibrate(
    network: Network,
    train: Index,
    val: Index,
    groups: tuple[str, ...],
    run: Path,
    device: torch.device,
    workers: int,
    seed: int,
) -> Trust:
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
    """
    train = _some(train, seed)
    size = network.preprocessing.image_size
    loaders = [EvaluationLoader(index, size, BATCH, workers) for index in (train, val)]
    with Bar(tr("calibrating", "校准"), sum(map(len, loaders))) as bar:
        of_train, of_val = (
            predict(network, loader, device, on_batch=bar.step) for loader in loaders
        )
    write_gallery(run, of_train.features, of_train.labels, train, seed)
    return fit_trust(
        of_train.features,
        of_train.labels,
        of_val.features,
        of_val.logits,
        of_val.labels,
        groups,
    )


def _some(index: Index, seed: int) -> Index:
    """An index of at most 200 photos of each class."""
    rng = np.random.default_rng([seed, 4])
    drawn = [
        np.sort(rng.permutation(np.flatnonzero(index.labels == label))[:A_CLASS])
        for label in range(len(index.classes))
    ]
    return index.some(np.concatenate(drawn))
