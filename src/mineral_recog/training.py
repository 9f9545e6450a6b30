"""A training run: from a prepared folder and a recipe to a run folder with a bundle."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import timm
import torch
import torchvision
from torch import nn

import mineral_recog
from mineral_recog import hardware
from mineral_recog.bundle import Bundle
from mineral_recog.calibrating import calibrate
from mineral_recog.checkpoint import has_checkpoint
from mineral_recog.config import Recipe
from mineral_recog.data.cache import Cache
from mineral_recog.data.drawn import number_of_batches
from mineral_recog.data.groups import class_groups
from mineral_recog.data.index import Index, read_split
from mineral_recog.data.photo import unreadable, unreadable_error
from mineral_recog.data.reducing import cache_pays, reduce_photos
from mineral_recog.data.views import Preprocessing, evaluation_side, training_side
from mineral_recog.engine import CHECKPOINT, LOG, Engine, LogLine
from mineral_recog.errors import UserError
from mineral_recog.files import link_or_copy, refuse_existing, whole_folder
from mineral_recog.json_text import parse_json
from mineral_recog.language import tr
from mineral_recog.method.model import Network, build_network, empty_network, name_of
from mineral_recog.progress import Bar
from mineral_recog.ranks import Ranks, joined, refuse_too_many
from mineral_recog.recipe_file import read_recipe
from mineral_recog.run_lock import locked
from mineral_recog.stopping import Stopped, noting_signals

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
) -> None:
    """Train from the start and leave the bundle in `folder`/model.

    Args:
        data: folder with train/ and val/.
        recipe: what to do.
        folder: of the run; made here.
        backbone: any module that turns normalised pixels [B, 3, S, S] into features [B, D], to
            train instead of the one that the recipe names; the module itself stays as it is.
        device: see `hardware.choose_device`.
        workers: loader processes.
        force: replace a run that is there.
        on_epoch: called with each line of the log.

    Raises:
        UserError: anything that the user must change, or another process is making this run.
    """
    data, folder = Path(data), Path(folder)
    with _alone_or_first(folder, device) as (ranks, where):
        if ranks.first:
            refuse_existing(folder, force, made_by_us=is_run(folder))
        if backbone is not None:
            recipe = recipe.model_copy(update={"backbone": name_of(backbone), "pretrained": False})
        engine, train_index, val, recipe = _engine(
            data, recipe, folder, backbone, where, workers, ranks
        )
        # Told by its absolute path, so that `evaluate` finds the photos from anywhere.
        facts = {
            "data": str(data.resolve()),
            "fingerprint": train_index.fingerprint(),
            "preprocessing": engine.network.preprocessing.to_json(),
            "cached": engine.cached,
        }
        if ranks.first:
            with whole_folder(folder) as partial:
                (partial / "checkpoint").mkdir()
                (partial / RUN).write_text(json.dumps(facts), encoding="utf-8")
                (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
        _run(engine, train_index, val, recipe, folder, workers, on_epoch)


def resume(
    data: Path | str,
    folder: Path | str,
    *,
    backbone: nn.Module | None = None,
    device: str = "auto",
    workers: int = 2,
    on_epoch: Callable[[LogLine], None] = lambda line: None,
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
        engine, train_index, val, recipe = _engine(
            data, recipe, folder, backbone, where, workers, ranks, began
        )
        if began.fingerprint != train_index.fingerprint():
            raise UserError(
                tr(
                    f"The training photos in {data} are not those that {folder} began with: put "
                    "them back, or train again with --force.",
                    f"{data} 里的训练照片与 {folder} 开始时不同：请恢复它们，"
                    "或用 --force 重新训练。",
                )
            )
        engine.resume(lambda why: _tell_damaged(folder, why))
        _run(engine, train_index, val, recipe, folder, workers, on_epoch)


@contextmanager
def _alone_or_first(folder: Path, device: str) -> Iterator[tuple[Ranks, torch.device]]:
    """One run a folder; its first process holds the lock."""
    with (
        joined(hardware.choose_device(device)) as (ranks, where),
        locked(folder) if ranks.first else nullcontext(),
    ):
        yield ranks, where


def _precision(network: Network, device: torch.device, ranks: Ranks) -> str:
    """The precision that is fast here, the same in all processes."""
    names = ("float32", "bfloat16")
    chosen = names.index(hardware.choose_precision(network, device)) if ranks.first else 0
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


def _engine(
    data: Path,
    recipe: Recipe,
    folder: Path,
    backbone: nn.Module | None,
    device: torch.device,
    workers: int,
    ranks: Ranks,
    began: Began | None = None,
) -> tuple[Engine, Index, Index, Recipe]:
    """Check all that can be checked beforehand, and build the engine.

    For a run that `began` with a checkpoint the network is left empty, for that to fill.
    """
    train_index = read_split(data, "train")
    if len(train_index.classes) < 2:
        raise UserError(
            tr(
                f"{train_index.root} has one class, {train_index.classes[0]}: a classifier needs "
                "at least two.",
                f"{train_index.root} 只有一个类别 {train_index.classes[0]}：分类器至少需要两个。",
            )
        )
    val = read_split(data, "val", train_index.classes)
    class_groups(recipe.groups, train_index.classes, train_index.counts.tolist())
    torch.manual_seed(recipe.seed)
    classes = len(train_index.classes)
    if began is None or began.preprocessing is None:
        network = build_network(
            backbone or recipe.backbone,
            recipe.pretrained,
            recipe.normalisation,
            recipe.image_size,
            classes,
            recipe.head,
            recipe.test_views,
        )
    else:
        network = empty_network(
            backbone or recipe.backbone, recipe.head, classes, began.preprocessing
        )
    smallest = len(train_index) // number_of_batches(len(train_index), recipe.batch_size)
    refuse_too_many(ranks, min(smallest, len(val)))
    caches = _caches(train_index, val, recipe, ranks, began)
    if caches is None:  # to make them, every photo was read
        for index in (train_index, val):
            refuse_unreadable(index, ranks.share)
    if recipe.precision == "auto":
        precision = _precision(network, device, ranks)
        recipe = recipe.model_copy(update={"precision": precision})
    engine = Engine(recipe, network, train_index, val, folder, device, workers, ranks, caches)
    return engine, train_index, val, recipe


def _caches(
    train: Index, val: Index, recipe: Recipe, ranks: Ranks, began: Began | None
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
    caches = reduce_photos((train, val), (side, evaluation_side(recipe.image_size)))
    if ranks.first:
        ranks.wait()
    return caches if ranks.agreed(caches is not None) else None


def refuse_unreadable(index: Index, share: slice = slice(None)) -> None:
    """Read every photo of a split, or of a share of it, so that none fails in the middle of a run.

    Raises:
        UserError: with the photos that cannot be read.
    """
    photos = range(len(index))[share]
    with Bar(tr(f"checking {index.root.name}", f"检查 {index.root.name}"), len(photos)) as bar:
        bad = unreadable(photos, index.open, bar.at)
    if bad:
        raise unreadable_error(index.root, [(index.where(photo), why) for photo, why in bad])


def _tell_damaged(folder: Path, why: str) -> None:
    text = tr(
        f"The last checkpoint in {folder} is damaged ({why}): going on from the one before it.",
        f"{folder} 里最近的检查点已损坏（{why}）：从前一个检查点继续。",
    )
    print(text, file=sys.stderr)


def _run(
    engine: Engine,
    train_index: Index,
    val: Index,
    recipe: Recipe,
    folder: Path,
    workers: int,
    on_epoch: Callable[[LogLine], None],
) -> None:
    engine.ranks.wait()  # the folder is there
    with Bar(tr("training", "训练"), engine.steps) as bar:
        bar.say(_summary(engine, train_index, recipe))
        bar.start_at(engine.done * engine.steps_an_epoch)
        with noting_signals() as asked:
            engine.run(bar.at, on_epoch if engine.ranks.first else lambda line: None, asked)
        if asked.signal:  # after the last step; what is kept is all of it
            raise Stopped(asked.signal)
    tau = engine.adjust()
    if not engine.ranks.first:
        return
    counts = tuple(train_index.counts.tolist())
    groups = class_groups(recipe.groups, train_index.classes, counts)
    trust = calibrate(
        engine.network, train_index, val, groups, folder, engine.device, workers, recipe.seed
    )
    Bundle(
        network=engine.network,
        backbone=recipe.backbone,
        head=recipe.head,
        classes=train_index.classes,
        train_counts=counts,
        groups=groups,
        trust=trust,
        provenance=_provenance(engine, train_index, recipe, tau),
    ).save(folder / "model")
    shutil.rmtree(folder / "checkpoint")  # a finished run needs none, and it is large


def _summary(engine: Engine, train_index: Index, recipe: Recipe) -> str:
    photos, classes = len(train_index), len(train_index.classes)
    where = f"{engine.device.type}, {recipe.precision}, {recipe.image_size} px"
    return tr(
        f"{photos} photos of {classes} classes, {recipe.backbone} on {where}, "
        f"{recipe.epochs} epochs",
        f"{classes} 类 {photos} 张照片，{recipe.backbone}，{where}，{recipe.epochs} 轮",
    )


def _provenance(
    engine: Engine, train_index: Index, recipe: Recipe, tau: float | None
) -> dict[str, str]:
    adjusted = {} if tau is None else {"tau of the adjustment, chosen on val": f"{tau:g}"}
    photos = f"reduced to {training_side(recipe.image_size)} px" if engine.cached else "as they are"
    return adjusted | {
        "mineral-recog": mineral_recog.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
        "hardware": hardware.describe(engine.device),
        "precision": recipe.precision,
        "photos seen in training": photos,
        "seed": str(recipe.seed),
        "training photos (sha256 of names and sizes)": train_index.fingerprint(),
    }
