"""A training run: from a prepared folder and a recipe to a run folder with a bundle."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import timm
import torch
import torchvision
from torch import nn

from mineral_recog.data.cache import Cache
from mineral_recog.data.cache_builder import cache_pays, reduce_photos
from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.epoch_batches import number_of_batches
from mineral_recog.data.images import unreadable, unreadable_error
from mineral_recog.data.transforms import Preprocessing, evaluation_side, training_side
from mineral_recog.errors import UserError
from mineral_recog.files import link_or_copy, refuse_existing, whole_folder
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import Bundle
from mineral_recog.models.device import choose_device, choose_precision, describe
from mineral_recog.models.network import Network, build_network, empty_network, name_of
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.text import parse_json
from mineral_recog.training.calibration_fit import calibrate
from mineral_recog.training.checkpoint import has_checkpoint
from mineral_recog.training.distributed import Ranks, joined, refuse_too_many
from mineral_recog.training.run_lock import locked
from mineral_recog.training.signals import Stopped, catch_signals
from mineral_recog.training.trainer import CHECKPOINT, LOG, LogLine, Trainer

RECIPE, RUN = "recipe.yaml", "run.json"


def train(
    data: Path | str,
    recipe: Recipe,
    folder: Path | str,
    *,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    force: bool = False,
    on_epoch: Callable[[LogLine], None] = lambda line: None,
    progress: Progress = SILENT,
) -> None:
    """Train from the start and leave the bundle in `folder`/model.

    Args:
        data: folder with train/ and val/.
        recipe: what to do.
        folder: of the run; made here.
        backbone: any module that turns normalised pixels [B, 3, S, S] into features [B, D], to
            train instead of the one that the recipe names; the module itself stays as it is.
        device: see `choose_device`.
        workers: loader processes.
        force: replace a run that is there.
        on_epoch: called with each line of the log.
        progress: receives progress and notices.

    Raises:
        UserError: anything that the user must change, or another process is making this run.
    """
    data, folder = Path(data), Path(folder)
    with _alone_or_first(folder, device) as (ranks, where):
        if ranks.first:
            refuse_existing(folder, force, made_by_us=is_run(folder))
        if backbone is not None:
            recipe = recipe.model_copy(update={"backbone": name_of(backbone), "pretrained": False})
        trainer, train_set, val, recipe = _trainer(
            data, recipe, folder, backbone, where, workers, ranks, progress
        )
        # Recorded by its absolute path, so that `evaluate` finds the photos from anywhere.
        facts = {
            "data": str(data.resolve()),
            "fingerprint": train_set.fingerprint(),
            "preprocessing": trainer.network.preprocessing.to_json(),
            "cached": trainer.cached,
        }
        if ranks.first:
            with whole_folder(folder) as partial:
                (partial / "checkpoint").mkdir()
                (partial / RUN).write_text(json.dumps(facts), encoding="utf-8")
                (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
        _run(trainer, train_set, val, recipe, folder, workers, on_epoch, progress)


def resume(
    data: Path | str,
    folder: Path | str,
    *,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    on_epoch: Callable[[LogLine], None] = lambda line: None,
    progress: Progress = SILENT,
) -> None:
    """Go on with a run that was interrupted, by the recipe in its folder; arguments as `train`.

    Raises:
        UserError: no run there, it is finished, its photos are not the ones it began with, or
            another process is making it.
    """
    data, folder = Path(data), Path(folder)
    with _alone_or_first(folder, device) as (ranks, where):
        _refuse_unresumable(folder)
        recipe = read_recipe(str(folder / RECIPE))
        began = began_with(folder)
        trainer, train_set, val, recipe = _trainer(
            data, recipe, folder, backbone, where, workers, ranks, progress, began
        )
        if began.fingerprint != train_set.fingerprint():
            raise UserError(
                tr(
                    f"The training photos in {data} are not those that {folder} began with: put "
                    "them back, or train again with --force.",
                    f"{data} 里的训练照片与 {folder} 开始时不同：请恢复它们，"
                    "或用 --force 重新训练。",
                )
            )
        trainer.resume(lambda reason: progress.notice(_damaged(folder, reason)))
        _run(trainer, train_set, val, recipe, folder, workers, on_epoch, progress)


@contextmanager
def _alone_or_first(folder: Path, device: str) -> Iterator[tuple[Ranks, torch.device]]:
    """One run a folder; its first process holds the lock."""
    with (
        joined(choose_device(device)) as (ranks, where),
        locked(folder) if ranks.first else nullcontext(),
    ):
        yield ranks, where


def _precision(network: Network, device: torch.device, ranks: Ranks) -> str:
    """The precision that is fast here, the same in all processes."""
    names = ("float32", "bfloat16")
    chosen = names.index(choose_precision(network, device)) if ranks.first else 0
    return names[ranks.agreed(chosen)]


def _refuse_unresumable(folder: Path) -> None:
    if not is_run(folder):
        raise UserError(
            tr(
                f"{folder} holds no run to resume: leave out --resume to start one.",
                f"{folder} 里没有可继续的训练：去掉 --resume 即可开始。",
            )
        )
    if (folder / "model").is_dir():
        raise UserError(
            tr(
                f"{folder} is finished: evaluate it, or train again with --force.",
                f"{folder} 已完成：请评估它，或用 --force 重新训练。",
            )
        )


class Began(NamedTuple):
    """What a run began with.

    Attributes:
        fingerprint: of its training photos.
        preprocessing: if a checkpoint holds weights.
        cached: whether it trains on reduced photos.
    """

    fingerprint: str
    preprocessing: Preprocessing | None
    cached: bool


def began_with(folder: Path) -> Began:
    """What a run began with, by its record.

    Raises:
        UserError: the record of the run is damaged.
    """
    try:
        facts = parse_json((folder / RUN).read_text(encoding="utf-8"))
        fingerprint, preprocessing = str(facts["fingerprint"]), facts["preprocessing"]
        seen = Preprocessing(
            int(preprocessing["image_size"]),
            tuple(map(float, preprocessing["mean"])),  # type: ignore[arg-type]
            tuple(map(float, preprocessing["std"])),  # type: ignore[arg-type]
            int(preprocessing["test_views"]),
        )
    except (ValueError, KeyError, TypeError):
        raise UserError(
            tr(
                f"{folder / RUN} is damaged: train again with --force.",
                f"{folder / RUN} 已损坏：请用 --force 重新训练。",
            )
        ) from None
    cached = facts.get("cached") is True
    return Began(fingerprint, seen if has_checkpoint(folder / CHECKPOINT) else None, cached)


def branch(run: Path, recipe: Recipe, folder: Path) -> None:
    """Make a run folder that has come as far as `run` has, to go on with `resume`.

    Args:
        run: folder of a run that is not finished.
        recipe: to go on by, with its precision chosen; up to here it must be that of `run`.
        folder: to make, or to replace.
    """
    with whole_folder(folder) as partial:
        (partial / CHECKPOINT).parent.mkdir()
        # A run replaces its checkpoint by another file, so a link stays as it is; a log grows.
        link_or_copy(run / CHECKPOINT, partial / CHECKPOINT)
        shutil.copyfile(run / LOG, partial / LOG)
        shutil.copyfile(run / RUN, partial / RUN)
        (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")


def is_run(folder: Path) -> bool:
    """Whether a folder is one that `train` made."""
    return (folder / RECIPE).is_file() and (folder / RUN).is_file()


def _trainer(
    data: Path,
    recipe: Recipe,
    folder: Path,
    backbone: nn.Module | None,
    device: torch.device,
    workers: int,
    ranks: Ranks,
    progress: Progress,
    began: Began | None = None,
) -> tuple[Trainer, Dataset, Dataset, Recipe]:
    """Check all that can be checked beforehand, and build the trainer.

    For a run that `began` with a checkpoint the network is left empty, for that to fill.
    """
    train_set = read_split(data, "train", progress=progress)
    if len(train_set.classes) < 2:
        raise UserError(
            tr(
                f"{train_set.root} has one class, {train_set.classes[0]}: a classifier needs "
                "at least two.",
                f"{train_set.root} 只有一个类别 {train_set.classes[0]}：分类器至少需要两个。",
            )
        )
    val = read_split(data, "val", train_set.classes, progress)
    class_groups(recipe.groups, train_set.classes, train_set.counts.tolist())
    torch.manual_seed(recipe.seed)
    classes = len(train_set.classes)
    if began is None or began.preprocessing is None:
        network = build_network(
            backbone or recipe.backbone,
            recipe.pretrained,
            recipe.normalisation,
            recipe.image_size,
            classes,
            recipe.head,
            recipe.test_views,
            progress,
        )
    else:
        network = empty_network(
            backbone or recipe.backbone, recipe.head, classes, began.preprocessing
        )
    smallest = len(train_set) // number_of_batches(len(train_set), recipe.batch_size)
    refuse_too_many(ranks, min(smallest, len(val)))
    caches = _caches(train_set, val, recipe, ranks, began, progress)
    if caches is None:  # to make them, every photo was read
        for dataset in (train_set, val):
            refuse_unreadable(dataset, ranks.share, progress)
    if recipe.precision == "auto":
        precision = _precision(network, device, ranks)
        recipe = recipe.model_copy(update={"precision": precision})
    trainer = Trainer(recipe, network, train_set, val, folder, device, workers, ranks, caches)
    return trainer, train_set, val, recipe


def _caches(
    train: Dataset,
    val: Dataset,
    recipe: Recipe,
    ranks: Ranks,
    began: Began | None,
    progress: Progress,
) -> Sequence[Cache] | None:
    """Caches of reduced photos, if the run has them; one process makes them for all."""
    side = training_side(recipe.image_size)
    if began is not None:
        cached = began.cached
    else:
        cached = cache_pays(train, side) if recipe.cache == "auto" else recipe.cache
    if not cached:
        return None
    if not ranks.first:
        ranks.wait()
    caches = reduce_photos((train, val), (side, evaluation_side(recipe.image_size)), progress)
    if ranks.first:
        ranks.wait()
    return caches if ranks.agreed(caches is not None) else None


def refuse_unreadable(
    dataset: Dataset, share: slice = slice(None), progress: Progress = SILENT
) -> None:
    """Read every photo of a split, or of a share of it, so that none fails in the middle of a run.

    Raises:
        UserError: with the photos that cannot be read.
    """
    photos = range(len(dataset))[share]
    name = dataset.root.name
    task = progress.start(tr(f"checking {name}", f"检查 {name}"), len(photos))
    bad = unreadable(photos, dataset.open, task.set)
    if bad:
        raise unreadable_error(dataset.root, [(dataset.where(photo), why) for photo, why in bad])


def _damaged(folder: Path, reason: str) -> str:
    return tr(
        f"The last checkpoint in {folder} is damaged ({reason}): going on from the one before it.",
        f"{folder} 里最近的检查点已损坏（{reason}）：从前一个检查点继续。",
    )


def _run(
    trainer: Trainer,
    train_set: Dataset,
    val: Dataset,
    recipe: Recipe,
    folder: Path,
    workers: int,
    on_epoch: Callable[[LogLine], None],
    progress: Progress,
) -> None:
    trainer.ranks.wait()  # the folder is there
    progress.notice(_summary(trainer, train_set, recipe))
    done = trainer.state.epochs_done * trainer.steps_per_epoch
    task = progress.start(tr("training", "训练"), trainer.steps, done)
    with catch_signals() as stop:
        trainer.run(task.set, on_epoch if trainer.ranks.first else lambda line: None, stop)
    if stop.signal:  # after the last step; the whole run is saved
        raise Stopped(stop.signal)
    tau = trainer.adjust()
    if not trainer.ranks.first:
        return
    counts = tuple(train_set.counts.tolist())
    groups = class_groups(recipe.groups, train_set.classes, counts)
    calibration = calibrate(
        trainer.network,
        train_set,
        val,
        groups,
        folder,
        trainer.device,
        workers,
        recipe.seed,
        progress,
    )
    Bundle(
        network=trainer.network,
        backbone=recipe.backbone,
        head=recipe.head,
        classes=train_set.classes,
        train_counts=counts,
        groups=groups,
        calibration=calibration,
        provenance=_provenance(trainer, train_set, recipe, tau),
    ).save(folder / "model")
    shutil.rmtree(folder / "checkpoint")  # a finished run needs none, and it is large


def _summary(trainer: Trainer, train_set: Dataset, recipe: Recipe) -> str:
    photos, classes = len(train_set), len(train_set.classes)
    where = f"{trainer.device.type}, {recipe.precision}, {recipe.image_size} px"
    return tr(
        f"{photos} photos of {classes} classes, {recipe.backbone} on {where}, "
        f"{recipe.epochs} epochs",
        f"{classes} 类 {photos} 张照片，{recipe.backbone}，{where}，{recipe.epochs} 轮",
    )


def _provenance(
    trainer: Trainer, train_set: Dataset, recipe: Recipe, tau: float | None
) -> dict[str, str]:
    adjusted = {} if tau is None else {"tau of the adjustment, chosen on val": f"{tau:g}"}
    photos = (
        f"reduced to {training_side(recipe.image_size)} px" if trainer.cached else "as they are"
    )
    return adjusted | {
        "mineral-recog": version("mineral-recog"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
        "hardware": describe(trainer.device),
        "precision": recipe.precision,
        "photos seen in training": photos,
        "seed": str(recipe.seed),
        "training photos (sha256 of names and sizes)": train_set.fingerprint(),
    }
