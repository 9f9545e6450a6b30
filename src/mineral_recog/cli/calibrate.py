"""The command `calibrate`: fit a model's probabilities and sets to photos of another place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from mineral_recog.cli.identify import SOME_UNREADABLE
from mineral_recog.cli.options import (
    AliasesOption,
    ClassLevelOption,
    ColumnsOption,
    DeviceOption,
    ForceOption,
    RootOption,
    source_options,
)
from mineral_recog.cli.tables import add_class_rows, first_of, new_console, new_table, print_lines
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr
from mineral_recog.text import encodable

if TYPE_CHECKING:
    from mineral_recog.evaluation.recalibration import Recalibration

_MAX_LINES = 10  # about photos that cannot be read


def calibrate(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help=tr("run folder, or an export", "运行文件夹或导出的模型")
        ),
    ],
    photos: Annotated[
        Path,
        typer.Option(
            help=tr(
                "labelled photos of the place: one folder per class, or a file that lists photos; "
                "at least 20, best 10 or more of each class",
                "该场所已标注的照片（至少 20 张，最好每类 10 张以上）：每类一个文件夹，或列表",
            )
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help=tr(
                "folder to write the calibrated model to; RUN is not changed",
                "校准后模型的输出文件夹；RUN 不变",
            )
        ),
    ],
    aliases: AliasesOption = None,
    class_level: ClassLevelOption = None,
    columns: ColumnsOption = None,
    root: RootOption = None,
    device: DeviceOption = "auto",
    force: ForceOption = False,
) -> None:
    """Calibrate a model for another place."""
    from mineral_recog.evaluation.recalibration import calibrate as calibrate_model

    options = source_options(class_level, columns, root)
    with TerminalProgress() as progress:
        made = calibrate_model(
            run,
            photos,
            out,
            aliases=aliases or (),
            options=options,
            device=device,
            force=force,
            progress=progress,
        )
    _print(made)
    print(made.folder)
    if made.unreadable:
        raise typer.Exit(SOME_UNREADABLE)


def _print(made: Recalibration) -> None:
    """Print which photos were used, and the metrics before and after."""
    console = new_console()
    print_lines(console, made.notes)
    based_on = {
        "own": tr("its own photos", "自己的照片"),
        "group": tr("classes of its group with too few", "同组中照片过少的类别"),
        "all": tr("classes of other groups too", "也用其他组的类别"),
    }
    table = new_table(
        tr("class", "类别"), tr("sets rest on", "集合依据"), tr("photos", "照片"), numbers_from=2
    )
    rows = zip(made.classes, made.bases, made.counts, strict=True)
    add_class_rows(table, [(Text(encodable(n)), based_on[b], f"{count:,}") for n, b, count in rows])
    console.print(table)
    console.print(_metric_table(made))
    print_lines(console, _remarks(made))


def _metric_table(made: Recalibration) -> Table:
    """Return the metrics of the old and of the new calibration."""
    table = new_table(
        tr(f"on these {sum(made.counts):,} photos", f"在这 {sum(made.counts):,} 张照片上"),
        tr("before", "校准前"),
        tr("after (cross-validation)", "校准后（交叉验证）"),
        numbers_from=1,
    )
    names = {
        "ece_after": tr("Expected calibration error (ECE)", "期望校准误差（ECE）"),
        "coverage": tr("Coverage of sets (target 90%)", "集合的覆盖率（目标 90%）"),
        "set_size": tr("Minerals per set", "集合中的矿物数"),
        "kept": tr('Not called "none of these"', "未被判为“都不是”"),
    }
    for key, name in names.items():
        table.add_row(name, *(_shown(key, values[key]) for values in (made.before, made.after)))
    table.add_row(tr("Temperature", "温度"), *(f"{value:.2f}" for value in made.temperatures))
    return table


def _shown(key: str, value: float) -> str:
    if key == "ece_after":
        return f"{value:.3f}"
    return f"{value:.2f}" if key == "set_size" else f"{100 * value:.1f}%"


def _remarks(made: Recalibration) -> list[str]:
    """Return lines about classes without photos, photos that were not used, and what was gained."""
    lines = []
    missing = [name for name, count in zip(made.classes, made.counts, strict=True) if not count]
    if missing:
        names = first_of(map(encodable, missing), 10)
        lines.append(
            tr(
                f"Without photos: {names}. Their sets rest on the photos of other classes, since "
                "old photos say little about this place; their own coverage is not known.",
                f"没有照片的类别：{names}。旧照片不足以说明该场所，其集合因此依据其他类别的照片；"
                "这些类别自身的覆盖率未知。",
            )
        )
    if made.left_out:
        names = first_of((f"{encodable(n)} ({count:,})" for n, count in made.left_out.items()), 10)
        lines.append(
            tr(
                f"Not used, since the model has no such class: {names}. If only the names differ, "
                "rename the folders, or name a table by --aliases.",
                f"未使用（模型没有这些类别）：{names}。若只是名称不同，请重命名文件夹，"
                "或用 --aliases 指定名称表。",
            )
        )
    lines += made.unreadable[:_MAX_LINES]
    if len(made.unreadable) > _MAX_LINES:
        lines.append(f"... (+{len(made.unreadable) - _MAX_LINES})")
    if not made.helps:
        lines.append(
            tr(
                "The old calibration suits these photos as well as the new one: keep it, or give "
                "more photos.",
                "旧的校准在这些照片上并不比新的差：可继续使用旧的，或提供更多照片。",
            )
        )
    return lines
