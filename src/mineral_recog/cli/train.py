"""The command `train`: train a recipe on DATA."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.kept_classes import print_kept_classes, refuse_contradicting_settings
from mineral_recog.cli.options import (
    AliasesOption,
    CacheOption,
    DeviceOption,
    ForceOption,
    WorkersOption,
    with_cache,
    worker_count,
)
from mineral_recog.cli.terminal_progress import TerminalProgress, is_first_process
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.text import command_line
from mineral_recog.training.signals import Stopped


def train(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help=tr("folder with train and val", "含 train 与 val 的文件夹")
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "multi_stage (default), baseline, or a .yaml file",
                "multi_stage（默认）、baseline 或一个 .yaml 文件",
            )
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help=tr("run folder; default runs/RECIPE", "运行文件夹；默认 runs/配方名")),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help=tr("key=value, such as stages.fea.epochs=5", "key=value，如 stages.fea.epochs=5"),
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help=tr("continue after an interruption", "中断后继续"))
    ] = False,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help=tr("also log for TensorBoard", "同时写 TensorBoard 日志")
        ),
    ] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help=tr(
                "go on from the model of this run; classes may be added or removed",
                "从该运行的模型继续训练；类别可增可减",
            ),
        ),
    ] = None,
    aliases: AliasesOption = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help=tr(
                "time for all: fewer epochs are trained if they do not fit",
                "总时长（分钟）：如放不下，则减少轮数",
            )
        ),
    ] = None,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Train a recipe."""
    from mineral_recog.recipes.recipe_file import read_recipe

    name = recipe or "multi_stage"
    folder = out or Path("runs", Path(name).stem)
    if resume and (recipe or settings or start_from or minutes is not None or cache or force):
        raise UserError(
            tr(
                "--resume continues a run with its settings: leave out --recipe, --set, --from, "
                "--minutes, --cache and --force.",
                "--resume 按原有设置继续训练：请去掉 --recipe、--set、--from、--minutes、--cache "
                "与 --force。",
            )
        )
    if aliases and start_from is None:
        raise UserError(
            tr(
                "--aliases matches classes with those of --from: give both, or neither.",
                "--aliases 用于与 --from 的类别对应：请两者都给出，或都不用。",
            )
        )
    # Wrong keys are reported before torch is loaded.
    resolved_recipe = read_recipe(name, with_cache(settings, cache))

    if start_from is not None:
        refuse_contradicting_settings(resolved_recipe, settings or (), start_from)
        print_kept_classes(data, start_from, aliases or ())

    from mineral_recog.cli.epoch_lines import epoch_logger
    from mineral_recog.data.dataset import read_split
    from mineral_recog.recipes.recipe_advice import advice
    from mineral_recog.training.run import resume as resume_run
    from mineral_recog.training.run import train as train_run

    processes = worker_count(workers)
    with (
        _advice_on_stop(data, folder),
        TerminalProgress() as progress,
        epoch_logger(folder, tensorboard) as on_epoch,
    ):
        if resume:
            resume_run(
                data,
                folder,
                device=device,
                workers=processes,
                on_epoch=on_epoch,
                progress=progress,
            )
        else:
            if line := advice(resolved_recipe, read_split(data, "train").counts.tolist()):
                progress.notice(line)
            train_run(
                data,
                resolved_recipe,
                folder,
                device=device,
                workers=processes,
                force=force,
                start_from=start_from,
                aliases=aliases or (),
                minutes=minutes,
                on_epoch=on_epoch,
                progress=progress,
            )
    if not is_first_process():
        return
    command = command_line("mineral-recog", "evaluate", folder)
    print(folder / "model", tr(f"Next: {command}", f"下一步：{command}"), sep="  ")


@contextmanager
def _advice_on_stop(data: Path, folder: Path) -> Iterator[None]:
    """Print the command that continues the run if the user stops it."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        command = command_line("mineral-recog", "train", data, "--out", folder, "--resume")
        text = tr(f"To continue this training: {command}", f"继续本次训练：{command}")
        print(text, file=sys.stderr)
        raise
