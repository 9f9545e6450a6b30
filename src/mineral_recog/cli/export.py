"""The command `export`: write a run as a model that answers without torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mineral_recog.cli.tables import new_console, new_table, print_lines
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

if TYPE_CHECKING:
    from mineral_recog.export.int8_comparison import Int8Comparison


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=tr("run folder", "运行文件夹"))],
    out: Annotated[Path, typer.Option(help=tr("folder to write to", "输出文件夹"))],
    to: Annotated[
        Literal["onnx", "safetensors", "web"],
        typer.Option(
            help=tr(
                "onnx answers without torch; safetensors is the bundle without the gallery; web "
                "is a page that answers in the browser",
                "onnx 无需 torch 即可回答；safetensors 是不含图库的模型包；"
                "web 是在浏览器中直接回答的网页",
            )
        ),
    ] = "onnx",
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help=tr(
                "compute with 8-bit integers: smaller and faster, measured on validation photos",
                "用 8 位整数计算：更小更快，并在验证照片上评估",
            ),
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "prepared folder with the photos for int8; default: the one used for training",
                "int8 所用照片的数据文件夹；默认为训练所用的文件夹",
            )
        ),
    ] = None,
    gallery: Annotated[
        bool,
        typer.Option(
            "--gallery",
            help=tr(
                "web: bring thumbnails of the training photos, for everyone who opens the page",
                "web：附上训练照片的缩略图，打开网页的人都能看到",
            ),
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help=tr(
                "replace an existing export, and write int8 whose loss of accuracy is certain",
                "替换已有的导出；即使 int8 的准确率损失是确定的也写出",
            ),
        ),
    ] = False,
) -> None:
    """Export a run."""
    from mineral_recog.export.exporter import export_bundle, export_onnx

    if int8 and to == "safetensors":
        raise DataError(tr("--int8 needs --to onnx or web.", "--int8 需要 --to onnx 或 web。"))
    if gallery and to != "web":
        raise DataError(tr("--gallery needs --to web.", "--gallery 需要 --to web。"))
    if data is not None and not int8:
        raise DataError(tr("--data needs --int8.", "--data 需要 --int8。"))
    if to == "safetensors":
        export_bundle(run, out, force=force)
    else:
        with TerminalProgress() as progress:
            if to == "web":
                from mineral_recog.export.web import export_web

                write = partial(export_web, gallery=gallery)
            else:
                write = partial(export_onnx)
            made = write(run, out, int8=int8, data=data, force=force, progress=progress)
        if made is not None:
            _print_comparison(made)
    print(out)


def _print_comparison(made: Int8Comparison) -> None:
    """Print int8 beside float32, and what is certain about the change."""
    console = new_console()
    figure, change = tr("validation photos", "验证照片"), tr("change (95 %)", "变化（95%）")
    table = new_table(f"{made.photos} {figure}", "float32", "int8", change, numbers_from=1)
    names = {
        "mean_accuracy": tr("mean accuracy", "平均准确率"),
        "mean_accuracy_tail": tr("mean accuracy, tail", "平均准确率，尾部"),
    }
    for key, interval in made.changes.items():
        values = [f"{100 * f.accuracies[key]:.1f}" for f in (made.float32, made.int8)]
        low, high = 100 * interval.low, 100 * interval.high
        table.add_row(
            names[key], *values, f"{100 * interval.change:+.1f} ({low:+.1f}, {high:+.1f})"
        )
    sizes = [f.size / 1e6 for f in (made.float32, made.int8)]
    times = [f.milliseconds for f in (made.float32, made.int8)]
    size, time = tr("size (MB)", "大小（MB）"), tr("ms a photo, one thread", "每张毫秒，单线程")
    table.add_row(size, *(f"{value:.1f}" for value in sizes), f"x {sizes[1] / sizes[0]:.2f}")
    table.add_row(time, *(f"{value:.1f}" for value in times), f"x {times[1] / times[0]:.2f}")
    console.print(table)
    kept = made.layers - made.left_out
    print_lines(
        console,
        [
            tr(
                f"{kept} of {made.layers} layers are int8; the others would change the answers "
                "too much.",
                f"{made.layers} 层中有 {kept} 层为 int8；其余各层若用 int8 会使答案变化过大。",
            )
            if made.left_out
            else tr(f"All {made.layers} layers are int8.", f"全部 {made.layers} 层均为 int8。")
        ],
    )
