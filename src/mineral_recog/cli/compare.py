"""The command `compare`: train recipes with several seeds and compare them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.cli.options import (
    CacheOption,
    DeviceOption,
    ForceOption,
    WorkersOption,
    with_cache,
    worker_count,
)
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


def compare(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help=tr(
                "prepared folders, such as random splits of the same photos",
                "已划分的文件夹，例如同一批照片的多次随机划分",
            ),
        ),
    ],
    recipes: Annotated[
        str,
        typer.Option(
            help=tr(
                "names or .yaml files, the first is the reference; or all",
                "配方名或 .yaml 文件，第一个作为基准；或 all",
            )
        ),
    ] = "baseline,multi_stage",
    seeds: Annotated[
        str, typer.Option(help=tr("random seeds of the runs", "各次训练的随机种子"))
    ] = "0,1,2",
    out: Annotated[
        Path,
        typer.Option(help=tr("folder for the runs and tables", "存放训练与表格的文件夹")),
    ] = Path("comparison"),
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help=tr("key=value for all recipes", "用于所有配方的 key=value"),
        ),
    ] = None,
    split: Annotated[
        Literal["val", "test", "test_balanced"],
        typer.Option(help=tr("split to evaluate on", "用于评估的划分")),
    ] = "test",
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Train recipes and compare them."""
    from mineral_recog.comparison.plan import plan_comparison

    # Wrong names and keys are reported before torch is loaded.
    plan = plan_comparison(data, recipes, seeds, with_cache(settings, cache), out, split)

    from mineral_recog.cli.figure_tables import print_comparison
    from mineral_recog.comparison.runner import refuse_failures, run_comparison

    with TerminalProgress() as progress:
        result = run_comparison(
            plan,
            device=device,
            workers=worker_count(workers),
            force=force,
            progress=progress,
        )
    if result.comparison is not None:
        print_comparison(result.comparison)
        print(result.page)
    refuse_failures(result)
