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
    attribute_test: Annotated[
        int,
        typer.Option(
            min=0,
            help=tr(
                "photos per variety in another test split, test_balanced; 0: no such split",
                "另一测试集 test_balanced 中每个变种的张数；0 表示不绘制",
            ),
        ),
    ] = 0,
    seed: SeedOption = 3407,
    force: ForceOption = False,
) -> None:
    """Draw a long-tailed data set."""
    from mineral_recog.synthetic.drawn_set import CONTACT_SHEET, DrawnSet, draw_minerals

    drawn = DrawnSet(size, largest, imbalance, val, test, attribute_test)
    with TerminalProgress() as progress:
        draw_minerals(data, drawn, seed=seed, force=force, progress=progress)
    print(data / CONTACT_SHEET)
