"""A training run: make a run folder with a bundle from a prepared folder and a recipe."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.samplers import number_of_batches
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.backbones import backbone_name
from mineral_recog.models.device import (
    choose_device,
    choose_precision,
    refuse_precision,
)
from mineral_recog.models.distributed import (
    DistributedContext,
    photos_per_process,
    process_group,
    refuse_too_many_processes,
)
from mineral_recog.models.network import Network, build_network, build_untrained_network
from mineral_recog.models.trained_part import refuse_missing_parts
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.training.checkpoint import has_checkpoint
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.finished_run import save_bundle
from mineral_recog.training.outliers import draw_outliers
from mineral_recog.training.photo_changes import check_photos
from mineral_recog.training.run_folder import (
    CHECKPOINT,
    RunRecord,
    create_run,
    is_run,
    read_run_recipe,
    read_run_record,
    refuse_existing_run,
    update_data,
)
from mineral_recog.training.run_lock import lock_run
from mineral_recog.training.run_photos import (
    TrainingPhotos,
    build_run_caches,
    read_splits,
    refuse_unreadable,
)
from mineral_recog.training.signals import catch_signals
from mineral_recog.training.start import Start, adapt_recipe, contradictions
from mineral_recog.training.start_network import read_start, start_network
from mineral_recog.training.time_budget import Budget
from mineral_recog.training.trainer import Trainer


def train(
    data: Path | str,
    recipe: Recipe,
    folder: Path | str,
    *,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    force: bool = False,
    start_from: Path | str | None = None,
    aliases: Sequence[str] = (),
    minutes: float | None = None,
    on_epoch: Callable[[EpochLog], None] = lambda line: None,
    save_after: Collection[int] = (),
    progress: Progress = SILENT,
) -> None:
    """Train a network and write its bundle to `folder`/model.

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
        start_from: Run folder or bundle folder of a model to go on from, with its backbone, its
            preprocessing, and the classifier's rows of the classes that both have.
        aliases: Tables of names, by which a class continues the class of that model whose name
            means the same; see `kept_classes`.
        minutes: Time that the run may take: the epochs of the recipe are scaled to what fits, by
            timing the first steps. None trains all epochs.
        on_epoch: Called with each line of the log.
        save_after: Numbers of epochs after which a checkpoint is written before `on_epoch` is
            called; others are written as often as they are worth their time.
        progress: Receives progress and notices.

    Raises:
        UserError: The user has to change something, or another process is writing this run.
    """
    budget = None if minutes is None else Budget(minutes)
    with _join_run(Path(data), Path(folder), backbone, device, workers, progress) as run:
        is_main = run.context.is_main
        if is_main:
            refuse_existing_run(run.data, run.folder, force)
        start = None
        if start_from is not None:
            recipe, start = run.start_from(Path(start_from), recipe, aliases)
        elif backbone is not None:
            recipe = recipe.model_copy(
                update={"backbone": backbone_name(backbone), "pretrained": False}
            )
        trainer = run.build_trainer(recipe, start=start, budget=budget)
        if is_main:
            photos = trainer.photos
            record = RunRecord(
                fingerprint=photos.train.fingerprint(),
                classes=photos.train.classes,
                preprocessing=trainer.network.preprocessing,
                cached=photos.caches is not None,
                start=start,
            )
            splits = (photos.train, photos.val)
            create_run(run.folder, run.data, trainer.recipe, record, splits)
        run.train_and_save(trainer, on_epoch, save_after, start)


def resume(
    data: Path | str,
    folder: Path | str,
    *,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    on_epoch: Callable[[EpochLog], None] = lambda line: None,
    save_after: Collection[int] = (),
    progress: Progress = SILENT,
) -> None:
    """Continue an interrupted run by the recipe in its folder; the arguments are those of `train`.

    Raises:
        UserError: There is no run, the run is finished, its training photos have changed, or
            another process is writing it.
    """
    with _join_run(Path(data), Path(folder), backbone, device, workers, progress) as run:
        _refuse_unresumable(run.folder)
        recipe, record = read_run_recipe(run.folder), read_run_record(run.folder)
        trainer = run.build_trainer(recipe, record, record.start)
        if run.context.is_main:
            update_data(run.folder, run.data, record)
        trainer.resume(run.report_damaged_checkpoint)
        run.train_and_save(trainer, on_epoch, save_after, record.start)


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


@contextmanager
def _join_run(
    data: Path,
    folder: Path,
    backbone: nn.Module | None,
    device: str,
    workers: int,
    progress: Progress,
) -> Iterator[_Run]:
    """Join the processes of a run; the main process locks the run folder."""
    with (
        process_group(choose_device(device)) as (context, torch_device),
        lock_run(folder) if context.is_main else nullcontext(),
    ):
        yield _Run(data, folder, backbone, torch_device, workers, context, progress)


@dataclass(frozen=True)
class _Run:
    """A run in progress, in one of its processes.

    Attributes:
        data: Folder with train/ and val/.
        folder: Run folder.
        backbone: Backbone given in Python; None for the one that the recipe names.
        device: Device of this process.
        workers: Number of loader processes.
        context: This process among those of the run.
        progress: Receives progress and notices.
    """

    data: Path
    folder: Path
    backbone: nn.Module | None
    device: torch.device
    workers: int
    context: DistributedContext
    progress: Progress

    def start_from(
        self, model: Path, recipe: Recipe, aliases: Sequence[str]
    ) -> tuple[Recipe, Start]:
        """Return the recipe for going on from a model, and what the run records about that."""
        if self.folder.resolve() in (model.resolve(), *model.resolve().parents):
            raise UserError(
                tr(
                    f"{self.folder} holds the model to go on from: choose another --out.",
                    f"{self.folder} 里有作为起点的模型：请另选 --out。",
                )
            )
        for key, (own, value) in contradictions(recipe, model).items():
            self.progress.notice(
                tr(
                    f"{key}: {value}, as in {model}, in place of {own} of the recipe",
                    f"{key}：沿用 {model} 的 {value}，而不是配方中的 {own}",
                )
            )
        recipe = adapt_recipe(recipe, model)
        classes = read_splits(self.data, None)[0].classes
        return recipe, read_start(model, classes, aliases, self.backbone)

    def build_trainer(
        self,
        recipe: Recipe,
        record: RunRecord | None = None,
        start: Start | None = None,
        budget: Budget | None = None,
    ) -> Trainer:
        """Check everything that can be checked before training, and build the trainer.

        Args:
            recipe: Recipe of the run; the trainer has it with its precision chosen.
            record: Record of the run to resume; None for a new run.
            start: Model that the run goes on from; None for the backbone of the recipe.
            budget: Time that a new run may take; None for any.
        """
        refuse_precision(recipe.precision, self.device)
        train, val = read_splits(self.data, record)
        if record is not None:
            check_photos(self.folder, record.fingerprint, train, val, self.progress)
        class_groups(recipe.groups, train.classes, train.counts.tolist())
        network = self._build_network(recipe, train.classes, record, start)
        refuse_missing_parts(network, recipe)
        smallest = len(train) // number_of_batches(len(train), recipe.batch_size)
        share = photos_per_process(network, self.device)
        refuse_too_many_processes(self.context, smallest, len(val), share)
        caches = build_run_caches(
            (train, val), recipe, network.preprocessing, record, self.context, self.progress
        )
        if caches is None:  # building caches reads every photo
            for dataset in (train, val):
                refuse_unreadable(dataset, self.context, self.progress)
        if recipe.precision == "auto":
            precision = _choose_common_precision(network, self.device, self.context)
            recipe = recipe.model_copy(update={"precision": precision})
        outliers = draw_outliers(recipe, train.classes, self.progress)
        photos = TrainingPhotos(train, val, caches, outliers)
        network = network.to(self.device)
        if budget is not None:
            trial = copy.deepcopy(network)
            with torch.random.fork_rng():
                trainer = Trainer(recipe, trial, photos, self.folder, self.workers, self.context)
                recipe = budget.fit(trainer, self.progress)
            del trainer, trial  # with their memory and loader processes
        return Trainer(recipe, network, photos, self.folder, self.workers, self.context)

    def _build_network(
        self,
        recipe: Recipe,
        classes: Sequence[str],
        record: RunRecord | None,
        start: Start | None,
    ) -> Network:
        """Build the network; if there is a checkpoint, for the weights that the checkpoint has."""
        torch.manual_seed(recipe.seed)
        backbone, class_count = self.backbone or recipe.backbone, len(classes)
        if record is not None and has_checkpoint(self.folder / CHECKPOINT):
            return build_untrained_network(
                backbone,
                recipe.head,
                class_count,
                record.preprocessing,
                recipe.keeps_pretrained,
                recipe.head_scale,
            )
        if start is not None:
            return start_network(start, recipe, classes, self.backbone)
        return build_network(
            backbone,
            recipe.pretrained,
            recipe.normalisation,
            recipe.image_size,
            class_count,
            recipe.head,
            recipe.test_views,
            recipe.center_share,
            recipe.keeps_pretrained,
            self.progress,
            recipe.interpolation,
            recipe.head_scale,
        )

    def report_damaged_checkpoint(self, reason: str) -> None:
        """Report that the last checkpoint is damaged and the one before it is used."""
        self.progress.notice(
            tr(
                f"The last checkpoint in {self.folder} is damaged ({reason}): resuming from the "
                "previous one.",
                f"{self.folder} 里最近的检查点已损坏（{reason}）：将从前一个检查点继续。",
            )
        )

    def train_and_save(
        self,
        trainer: Trainer,
        on_epoch: Callable[[EpochLog], None],
        save_after: Collection[int],
        start: Start | None,
    ) -> None:
        """Train to the end, and write the bundle."""
        is_main = self.context.is_main
        self.context.barrier()  # until the main process has created the folder
        self.progress.notice(_summary(trainer, self.workers))
        total = trainer.work_until(trainer.recipe.epochs)
        done = trainer.work_until(trainer.state.epochs_done)
        task = self.progress.start(tr("training", "训练"), total, done)

        def on_step(work: int, detail: str) -> None:
            task.total = trainer.work_until(trainer.recipe.epochs)  # less after an early end
            task.set(work, detail)

        with catch_signals() as stop:
            trainer.run(on_step, on_epoch if is_main else lambda line: None, stop, save_after)
        trainer.stop_if_requested(stop)  # a signal may come after the last step
        tau = trainer.adjust()
        if is_main:
            given = self.backbone is not None
            save_bundle(trainer, tau, start, given, self.workers, self.progress)
            shutil.rmtree(self.folder / "checkpoint")  # large, and a finished run does not need it


def _choose_common_precision(
    network: Network, device: torch.device, context: DistributedContext
) -> str:
    """Return the precision that is faster on this machine, the same in all processes."""
    names = ("float32", "bfloat16", "float16")
    chosen = names.index(choose_precision(network, device)) if context.is_main else 0
    return names[context.broadcast(chosen)]


def _summary(trainer: Trainer, workers: int) -> str:
    """Return the first line of the log: what is trained, and with what."""
    recipe, train = trainer.recipe, trainer.photos.train
    photo_count, class_count = len(train), len(train.classes)
    threads = torch.get_num_threads()
    setup = f"{trainer.device.type}, {recipe.precision}, {recipe.image_size} px"
    return tr(
        f"{photo_count} photos of {class_count} classes, {recipe.backbone} on {setup}, "
        f"{recipe.epochs} epochs, {threads} {'thread' if threads == 1 else 'threads'}, "
        f"{workers} loader {'process' if workers == 1 else 'processes'}",
        f"{class_count} 类 {photo_count} 张照片，{recipe.backbone}，{setup}，{recipe.epochs} 轮，"
        f"{threads} 个计算线程，{workers} 个读取进程",
    )
