"""The command `draw`: draw a long-tailed data set of minerals."""

from __future__ import annotations

from typing import Annotated

import typer

from mineral_recog.cli.options import ForceOption, NewFolderArgument, SeedOption
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


def draw(
    data: NewFolderArgument,
    size: Annotated[
        int, typer.Option(min=16, max=2048, help=tr("side length in pixels", "边长（像素）"))
    ] = 64,
    largest: Annotated[
        int,
        typer.Option(min=2, help=tr("training photos of the largest class", "最大类的训练张数")),
    ] = 244,
    imbalance: Annotated[
        float,
        typer.Option(
            min=1, help=tr("ratio of the largest to the smallest class", "最大类与最小类之比")
        ),
    ] = 81.4,
    val: Annotated[
        int, typer.Option(min=1, help=tr("validation photos per class", "每类验证张数"))
    ] = 5,
    test: Annotated[
        int, typer.Option(min=1, help=tr("test photos per class", "每类测试张数"))
    ] = 15,
    seed: SeedOption = 3407,
    force: ForceOption = False,
) -> None:
    """Draw a long-tailed data set."""
    from mineral_recog.synthetic.drawn_set import CONTACT_SHEET, DrawnSet, draw_minerals

    drawn = DrawnSet(size=size, largest=largest, imbalance=imbalance, val=val, test=test)
    with TerminalProgress() as progress:
        draw_minerals(data, drawn, seed=seed, force=force, progress=progress)
    print(data / CONTACT_SHEET)
