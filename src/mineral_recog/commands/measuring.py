"""What runs are worth: `evaluate` and `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.commands.options import (
    CacheOption,
    DeviceOption,
    ForceOption,
    WorkersOption,
    with_cache,
)
from mineral_recog.language import tr


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=tr("run folder", "运行文件夹"))],
    data: Annotated[
        Path | None,
        typer.Option(
            help=tr("prepared folder; default that of training", "数据文件夹；默认训练所用")
        ),
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"],
        typer.Option(help=tr("photos to measure on", "用哪部分照片评估")),
    ] = "test",
    against: Annotated[
        Path | None,
        typer.Option(help=tr("an evaluated run to compare with", "与之比较的、已评估的运行")),
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
    others: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "folder of pictures of something else, to be told from minerals",
                "其他图片的文件夹，看模型能否认出“都不是”",
            )
        ),
    ] = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Measure a run."""
    from mineral_recog.data.loading import default_workers
    from mineral_recog.evaluation.evaluate import evaluate as evaluate_run
    from mineral_recog.evaluation.tables import print_figures

    evaluation, other, folder = evaluate_run(
        run,
        data=data,
        split=split,
        against=against,
        groups=groups,
        others=others,
        device=device,
        workers=default_workers() if workers is None else workers,
        force=force,
    )
    print_figures(evaluation, other)
    print(folder / "report.html")


def compare(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help=tr(
                "prepared folders, as random splits of the same photos", "已划分的文件夹（可多个）"
            ),
        ),
    ],
    recipes: Annotated[
        str,
        typer.Option(
            help=tr(
                "names or .yaml files, the first to measure by; or all",
                "配方名或 .yaml 文件，第一个作为基准；或 all",
            )
        ),
    ] = "baseline,multi_stage",
    seeds: Annotated[str, typer.Option(help=tr("of the runs", "各次训练的随机种子"))] = "0,1,2",
    out: Annotated[
        Path,
        typer.Option(help=tr("folder of the runs and the tables", "存放训练与表格的文件夹")),
    ] = Path("comparison"),
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help=tr("key=value for every recipe", "对每个配方的 key=value"),
        ),
    ] = None,
    split: Annotated[
        Literal["val", "test"],
        typer.Option(help=tr("photos to measure on", "用哪部分照片评估")),
    ] = "test",
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Train recipes and compare them."""
    from mineral_recog.planning import plan_comparison

    # Wrong names and keys are told before torch is loaded.
    plan = plan_comparison(data, recipes, seeds, with_cache(settings, cache), out, split)

    from mineral_recog.comparing import run_comparison
    from mineral_recog.data.loading import default_workers

    processes = default_workers() if workers is None else workers
    run_comparison(plan, device=device, workers=processes, force=force)
