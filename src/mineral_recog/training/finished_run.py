"""What a finished training becomes: a calibrated bundle that says where it comes from."""

from __future__ import annotations

import platform
from pathlib import Path

import timm
import torch
import torchvision

from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.transforms import training_side
from mineral_recog.models.bundle import Bundle
from mineral_recog.models.device import describe_hardware
from mineral_recog.progress import Progress
from mineral_recog.training.calibration_fit import build_untrained_gate, calibrate
from mineral_recog.training.start import Start
from mineral_recog.training.trainer import Trainer
from mineral_recog.version import __version__


def save_bundle(
    trainer: Trainer,
    tau: float | None,
    start: Start | None,
    backbone_is_given: bool,
    workers: int,
    progress: Progress,
) -> None:
    """Calibrate the trained network and write its bundle to the run folder.

    Args:
        trainer: Trainer of the finished training.
        tau: Strength of the adjustment of the classifier; None without one.
        start: Model that the run went on from.
        backbone_is_given: Whether the backbone was given in Python.
        workers: Number of loader processes.
        progress: Receives progress.
    """
    recipe, train = trainer.recipe, trainer.photos.train
    counts = tuple(train.counts.tolist())
    groups = class_groups(recipe.groups, train.classes, counts)
    if start is not None:  # the gate has the weights of that model
        origin = False if backbone_is_given else start.folder
        recipe = recipe.model_copy(update={"pretrained": origin})
    gate = build_untrained_gate(recipe, trainer.network, progress)
    calibration = calibrate(
        trainer.network,
        gate,
        train,
        trainer.photos.val,
        groups,
        trainer.folder,
        workers,
        recipe.seed,
        progress,
    )
    Bundle(
        network=trainer.network,
        backbone=recipe.backbone,
        head=recipe.head,
        classes=train.classes,
        train_counts=counts,
        groups=groups,
        calibration=calibration,
        provenance=_provenance(trainer, tau, start),
        gate=gate,
    ).save(trainer.folder / "model")


def _provenance(trainer: Trainer, tau: float | None, start: Start | None) -> dict[str, str]:
    recipe, photos = trainer.recipe, trainer.photos
    adjustment = {} if tau is None else {"tau of the adjustment, chosen on val": f"{tau:g}"}
    if start is not None:
        adjustment["started from the model in"] = Path(start.folder).name
        adjustment["fingerprint of that model"] = start.fingerprint
    photo_size = (
        "as they are"
        if photos.caches is None
        else f"reduced to {training_side(recipe.image_size)} px"
    )
    return adjustment | {
        "mineral-recog": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
        "hardware": describe_hardware(trainer.device),
        "precision": recipe.precision,
        "photos seen in training": photo_size,
        "seed": str(recipe.seed),
        "training photos (sha256 of names and sizes)": photos.train.fingerprint(),
    }
