"""The command `evaluate`: evaluate a run on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.cli.options import (
    AliasesOption,
    DeviceOption,
    ForceOption,
    MineralsOption,
    WorkersOption,
    worker_count,
)
from mineral_recog.cli.terminal_progress import TerminalProgress, is_first_process
from mineral_recog.i18n import tr


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=tr("run folder", "运行文件夹"))],
    data: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "prepared folder; default: the one used for training",
                "数据文件夹；默认为训练所用的文件夹",
            )
        ),
    ] = None,
    split: Annotated[
        Literal["train", "val", "test", "test_balanced"],
        typer.Option(help=tr("split to evaluate on", "用于评估的划分")),
    ] = "test",
    against: Annotated[
        Path | None,
        typer.Option(help=tr("an evaluated run to compare with", "用于比较的、已评估的运行")),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "thirds, two counts such as 100,20, or a .json file",
                "thirds、两个数目（如 100,20）或一个 .json 文件",
            )
        ),
    ] = None,
    classes: Annotated[
        Literal["all", "common"],
        typer.Option(
            help=tr(
                "photos of all classes of the run and no others, or only those of classes that "
                "both have",
                "照片须含运行的全部类别且没有其他类别（all），或只评估双方共有的类别（common）",
            )
        ),
    ] = "all",
    aliases: AliasesOption = None,
    others: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "folder of other pictures, which should be recognised as none of these",
                "其他图片的文件夹，用于检验模型能否判为“都不是”",
            )
        ),
    ] = None,
    corruptions: Annotated[
        bool,
        typer.Option(
            "--corruptions",
            help=tr(
                "also measure photos that are blurred, noisy, dark, bright, of a colour cast, "
                "compressed, or small and off centre",
                "另外评估模糊、有噪点、过暗、过亮、偏色、压缩、标本小且偏离中心的照片",
            ),
        ),
    ] = False,
    minerals: MineralsOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Evaluate a run."""
    from mineral_recog.cli.figure_tables import print_metrics
    from mineral_recog.evaluation.evaluator import evaluate as evaluate_run

    with TerminalProgress() as progress:
        made = evaluate_run(
            run,
            data=data,
            split=split,
            against=against,
            groups=groups,
            classes=classes,
            aliases=aliases or (),
            others=others,
            corruptions=corruptions,
            minerals=minerals,
            device=device,
            workers=worker_count(workers),
            force=force,
            progress=progress,
        )
    if is_first_process():
        print_metrics(made.evaluation, made.against)
        print(made.folder / "report.html")
