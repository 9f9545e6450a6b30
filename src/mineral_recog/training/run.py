"""A training run: make a run folder with a bundle from a prepared folder and a recipe."""

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
from mineral_recog.data.cache_builder import build_caches, is_cache_worthwhile
from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.images import find_unreadable, unreadable_photos_error
from mineral_recog.data.samplers import number_of_batches
from mineral_recog.data.transforms import Preprocessing, evaluation_side, training_side
from mineral_recog.errors import UserError
from mineral_recog.files import atomic_folder, link_or_copy, refuse_existing
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import Bundle
from mineral_recog.models.device import choose_device, choose_precision, describe_hardware
from mineral_recog.models.network import (
    Network,
    backbone_name,
    build_network,
    build_untrained_network,
)
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.text import parse_json
from mineral_recog.training.calibration_fit import calibrate
from mineral_recog.training.checkpoint import has_checkpoint
from mineral_recog.training.distributed import (
    DistributedContext,
    process_group,
    refuse_too_many_processes,
)
from mineral_recog.training.run_lock import lock_run
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
    """Train a network from the start and write its bundle to `folder`/model.

    Args:
        data: Folder with train/ and val/.
        recipe: Recipe of the training.
        folder: Run folder to create.
        backbone: Any module that turns normalised pixels [B, 3, S, S] into features [B, D], to
            train instead of the backbone that the recipe names. A copy is trained; the module
            does not change.
        device: See `choose_device`.
        workers: Number of loader processes.
        force: Replace an existing run.
        on_epoch: Called with each line of the log.
        progress: Receives progress and notices.

    Raises:
        UserError: The user has to change something, or another process is writing this run.
    """
    data, folder = Path(data), Path(folder)
    with _locked_process_group(folder, device) as (context, torch_device):
        if context.is_main:
            refuse_existing(folder, force, made_by_us=is_run(folder))
        if backbone is not None:
            recipe = recipe.model_copy(
                update={"backbone": backbone_name(backbone), "pretrained": False}
            )
        trainer, train_set, val, recipe = _build_trainer(
            data, recipe, folder, backbone, torch_device, workers, context, progress
        )
        # An absolute path, so that `evaluate` finds the photos from any working directory.
        facts = {
            "data": str(data.resolve()),
            "fingerprint": train_set.fingerprint(),
            "preprocessing": trainer.network.preprocessing.to_json(),
            "cached": trainer.cached,
        }
        if context.is_main:
            with atomic_folder(folder) as partial:
                (partial / "checkpoint").mkdir()
                (partial / RUN).write_text(json.dumps(facts), encoding="utf-8")
                (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
        _train_and_save(trainer, train_set, val, recipe, folder, workers, on_epoch, progress)


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
    """Continue an interrupted run by the recipe in its folder; the arguments are those of `train`.

    Raises:
        UserError: There is no run, the run is finished, its training photos have changed, or
            another process is writing it.
    """
    data, folder = Path(data), Path(folder)
    with _locked_process_group(folder, device) as (context, torch_device):
        _refuse_unresumable(folder)
        recipe = read_recipe(str(folder / RECIPE))
        record = read_run_record(folder)
        trainer, train_set, val, recipe = _build_trainer(
            data, recipe, folder, backbone, torch_device, workers, context, progress, record
        )
        if record.fingerprint != train_set.fingerprint():
            raise UserError(
                tr(
                    f"The training photos in {data} have changed since {folder} was started: "
                    "restore them, or train again with --force.",
                    f"{data} 里的训练照片与 {folder} 开始训练时不同：请恢复这些照片，"
                    "或用 --force 重新训练。",
                )
            )
        trainer.resume(lambda reason: progress.notice(_damaged_checkpoint_notice(folder, reason)))
        _train_and_save(trainer, train_set, val, recipe, folder, workers, on_epoch, progress)


@contextmanager
def _locked_process_group(
    folder: Path, device: str
) -> Iterator[tuple[DistributedContext, torch.device]]:
    """Join the processes of a run; the main process locks the run folder."""
    with (
        process_group(choose_device(device)) as (context, torch_device),
        lock_run(folder) if context.is_main else nullcontext(),
    ):
        yield context, torch_device


def _choose_common_precision(
    network: Network, device: torch.device, context: DistributedContext
) -> str:
    """Return the precision that is faster on this machine, the same in all processes."""
    names = ("float32", "bfloat16")
    chosen = names.index(choose_precision(network, device)) if context.is_main else 0
    return names[context.broadcast(chosen)]


def _refuse_unresumable(folder: Path) -> None:
    if not is_run(folder):
        raise UserError(
            tr(
                f"{folder} holds no run to resume: omit --resume to start one.",
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


class RunRecord(NamedTuple):
    """The data and the settings that a run was started with.

    Attributes:
        fingerprint: Fingerprint of the training photos.
        preprocessing: Preprocessing of the network; None if there is no checkpoint yet.
        cached: Whether the run trains on reduced photos.
    """

    fingerprint: str
    preprocessing: Preprocessing | None
    cached: bool


def read_run_record(folder: Path) -> RunRecord:
    """Read the record of a run.

    Raises:
        UserError: The record is damaged.
    """
    try:
        facts = parse_json((folder / RUN).read_text(encoding="utf-8"))
        fingerprint, values = str(facts["fingerprint"]), facts["preprocessing"]
        preprocessing = Preprocessing(
            int(values["image_size"]),
            tuple(map(float, values["mean"])),  # type: ignore[arg-type]
            tuple(map(float, values["std"])),  # type: ignore[arg-type]
            int(values["test_views"]),
        )
    except (ValueError, KeyError, TypeError):
        raise UserError(
            tr(
                f"{folder / RUN} is damaged: train again with --force.",
                f"{folder / RUN} 已损坏：请用 --force 重新训练。",
            )
        ) from None
    cached = facts.get("cached") is True
    return RunRecord(
        fingerprint, preprocessing if has_checkpoint(folder / CHECKPOINT) else None, cached
    )


def fork_run(run: Path, recipe: Recipe, folder: Path) -> None:
    """Copy the progress of a run into a new run folder, which `resume` continues.

    Args:
        run: Folder of an unfinished run.
        recipe: Recipe to continue by, with its precision chosen. For the completed epochs it must
            equal the recipe of `run`.
        folder: Run folder to create or to replace.
    """
    with atomic_folder(folder) as partial:
        (partial / CHECKPOINT).parent.mkdir()
        # A run replaces its checkpoint by a new file, so a link is safe; a log is appended to.
        link_or_copy(run / CHECKPOINT, partial / CHECKPOINT)
        shutil.copyfile(run / LOG, partial / LOG)
        shutil.copyfile(run / RUN, partial / RUN)
        (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")


def is_run(folder: Path) -> bool:
    """Return whether `train` made a folder."""
    return (folder / RECIPE).is_file() and (folder / RUN).is_file()


def _build_trainer(
    data: Path,
    recipe: Recipe,
    folder: Path,
    backbone: nn.Module | None,
    device: torch.device,
    workers: int,
    context: DistributedContext,
    progress: Progress,
    record: RunRecord | None = None,
) -> tuple[Trainer, Dataset, Dataset, Recipe]:
    """Check everything that can be checked before training, and build the trainer.

    For a run with a checkpoint no pretrained weights are loaded: the checkpoint holds the weights.
    """
    train_set = read_split(data, "train")
    if len(train_set.classes) < 2:
        raise UserError(
            tr(
                f"{train_set.root} has one class, {train_set.classes[0]}: a classifier needs "
                "at least two.",
                f"{train_set.root} 只有一个类别 {train_set.classes[0]}：分类器至少需要两个。",
            )
        )
    val = read_split(data, "val", train_set.classes)
    class_groups(recipe.groups, train_set.classes, train_set.counts.tolist())
    torch.manual_seed(recipe.seed)
    class_count = len(train_set.classes)
    if record is None or record.preprocessing is None:
        network = build_network(
            backbone or recipe.backbone,
            recipe.pretrained,
            recipe.normalisation,
            recipe.image_size,
            class_count,
            recipe.head,
            recipe.test_views,
            progress,
        )
    else:
        network = build_untrained_network(
            backbone or recipe.backbone, recipe.head, class_count, record.preprocessing
        )
    smallest = len(train_set) // number_of_batches(len(train_set), recipe.batch_size)
    refuse_too_many_processes(context, min(smallest, len(val)))
    caches = _build_caches(train_set, val, recipe, context, record, progress)
    if caches is None:  # building caches reads every photo
        for dataset in (train_set, val):
            refuse_unreadable(dataset, context.share, progress)
    if recipe.precision == "auto":
        precision = _choose_common_precision(network, device, context)
        recipe = recipe.model_copy(update={"precision": precision})
    trainer = Trainer(recipe, network, train_set, val, folder, device, workers, context, caches)
    return trainer, train_set, val, recipe


def _build_caches(
    train: Dataset,
    val: Dataset,
    recipe: Recipe,
    context: DistributedContext,
    record: RunRecord | None,
    progress: Progress,
) -> Sequence[Cache] | None:
    """Build the caches of reduced photos, if the run uses them; the main process writes them."""
    side = training_side(recipe.image_size)
    if record is not None:
        cached = record.cached
    else:
        cached = is_cache_worthwhile(train, side) if recipe.cache == "auto" else recipe.cache
    if not cached:
        return None
    if not context.is_main:
        context.barrier()
    caches = build_caches((train, val), (side, evaluation_side(recipe.image_size)), progress)
    if context.is_main:
        context.barrier()
    return caches if context.broadcast(caches is not None) else None


def refuse_unreadable(
    dataset: Dataset, share: slice = slice(None), progress: Progress = SILENT
) -> None:
    """Read every photo of a split or of a share of it, so that none fails in the middle of a run.

    Raises:
        UserError: Photos cannot be read; the message lists them.
    """
    indices = range(len(dataset))[share]
    name = dataset.root.name
    task = progress.start(tr(f"checking {name}", f"检查 {name}"), len(indices))
    bad = find_unreadable(indices, dataset.open, task.set)
    if bad:
        raise unreadable_photos_error(
            dataset.root, [(dataset.display_path(index), reason) for index, reason in bad]
        )


def _damaged_checkpoint_notice(folder: Path, reason: str) -> str:
    return tr(
        f"The last checkpoint in {folder} is damaged ({reason}): resuming from the previous one.",
        f"{folder} 里最近的检查点已损坏（{reason}）：将从前一个检查点继续。",
    )


def _train_and_save(
    trainer: Trainer,
    train_set: Dataset,
    val: Dataset,
    recipe: Recipe,
    folder: Path,
    workers: int,
    on_epoch: Callable[[LogLine], None],
    progress: Progress,
) -> None:
    trainer.context.barrier()  # until the main process has created the folder
    progress.notice(_summary(trainer, train_set, recipe))
    done = trainer.state.epochs_done * trainer.steps_per_epoch
    task = progress.start(tr("training", "训练"), trainer.steps, done)
    with catch_signals() as stop:
        trainer.run(task.set, on_epoch if trainer.context.is_main else lambda line: None, stop)
    if stop.signal:  # after the last step; everything is saved
        raise Stopped(stop.signal)
    tau = trainer.adjust()
    if not trainer.context.is_main:
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
    shutil.rmtree(folder / "checkpoint")  # large, and a finished run does not need it


def _summary(trainer: Trainer, train_set: Dataset, recipe: Recipe) -> str:
    photo_count, class_count = len(train_set), len(train_set.classes)
    setup = f"{trainer.device.type}, {recipe.precision}, {recipe.image_size} px"
    return tr(
        f"{photo_count} photos of {class_count} classes, {recipe.backbone} on {setup}, "
        f"{recipe.epochs} epochs",
        f"{class_count} 类 {photo_count} 张照片，{recipe.backbone}，{setup}，{recipe.epochs} 轮",
    )


def _provenance(
    trainer: Trainer, train_set: Dataset, recipe: Recipe, tau: float | None
) -> dict[str, str]:
    adjustment = {} if tau is None else {"tau of the adjustment, chosen on val": f"{tau:g}"}
    photo_size = (
        f"reduced to {training_side(recipe.image_size)} px" if trainer.cached else "as they are"
    )
    return adjustment | {
        "mineral-recog": version("mineral-recog"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
        "hardware": describe_hardware(trainer.device),
        "precision": recipe.precision,
        "photos seen in training": photo_size,
        "seed": str(recipe.seed),
        "training photos (sha256 of names and sizes)": train_set.fingerprint(),
    }
