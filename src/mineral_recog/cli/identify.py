"""The command `identify`: identify the minerals in photos."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mineral_recog.cli.options import DeviceOption, MineralsOption
from mineral_recog.cli.terminal_progress import TerminalProgress, is_first_process
from mineral_recog.i18n import tr

if TYPE_CHECKING:
    from mineral_recog.models.distributed import DistributedContext

SOME_UNREADABLE = 3  # exit status


def identify(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO...",
            help=tr(
                "photos, folders or patterns; @FILE for a file with a path per line, - for such "
                "lines from standard input; listed paths are relative to the current folder",
                "照片、文件夹或通配模式；@FILE 为每行一个路径的文件，- 表示从标准输入读取这样的行；"
                "列表中的路径相对于当前文件夹",
            ),
        ),
    ],
    model: Annotated[Path, typer.Option(help=tr("run or model folder", "运行或模型文件夹"))],
    hardness: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "6.5, 3.5-5.5, >5.5, or text such as 'scratches glass' or 'scratched by knife'",
                "6.5、3.5-5.5、>5.5，或“能划玻璃”“被小刀划动”等文字",
            )
        ),
    ] = None,
    streak: Annotated[str | None, typer.Option(help=tr("colour of the streak", "条痕颜色"))] = None,
    lustre: Annotated[str | None, typer.Option(help=tr("such as metallic", "如 金属光泽"))] = None,
    density: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "g/cm3, such as 5.0 or 4.8-5.2, or the weights in air and water, such as 'dry 52.3 "
                "wet 33.1'",
                "g/cm3，如 5.0 或 4.8-5.2，或在空气和水中的重量，如“干重 52.3 水中 33.1”",
            )
        ),
    ] = None,
    magnetic: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "attracted by a magnet: yes, no, or weak (only by a strong one)",
                "被磁铁吸引：是、否或弱（仅被强磁铁吸引）",
            )
        ),
    ] = None,
    acid: Annotated[
        str | None,
        typer.Option(help=tr("fizzes in dilute acid: yes or no", "遇稀酸起泡：是或否")),
    ] = None,
    colours: Annotated[
        str | None,
        typer.Option(help=tr("colours as seen, such as green, brown", "看到的颜色，如 绿色、褐色")),
    ] = None,
    transparency: Annotated[
        str | None,
        typer.Option(help=tr("transparent, translucent or opaque", "透明、半透明或不透明")),
    ] = None,
    habit: Annotated[
        str | None, typer.Option(help=tr("form, such as fibrous", "形态，如 纤维状"))
    ] = None,
    cleavage: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "none, poor, good or perfect, also with the number of directions: perfect, 3",
                "无、不完全、中等或完全，也可加上组数：完全，3 组",
            )
        ),
    ] = None,
    cleavage_directions: Annotated[
        str | None, typer.Option(help=tr("number, 0 to 6", "解理组数，0 到 6"))
    ] = None,
    fracture: Annotated[
        str | None, typer.Option(help=tr("such as conchoidal", "如 贝壳状断口"))
    ] = None,
    tenacity: Annotated[str | None, typer.Option(help=tr("such as brittle", "如 脆性"))] = None,
    fluorescence_long: Annotated[
        str | None,
        typer.Option(
            help=tr("colour of its glow in long-wave UV, or none", "长波紫外灯下的荧光颜色，或 无")
        ),
    ] = None,
    fluorescence_short: Annotated[
        str | None,
        typer.Option(
            help=tr("colour of its glow in short-wave UV, or none", "短波紫外灯下的荧光颜色，或 无")
        ),
    ] = None,
    specimen: Annotated[
        bool,
        typer.Option("--specimen", help=tr("all photos show one specimen", "所有照片是同一块标本")),
    ] = False,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            help=tr(
                "where the specimen is in each photo: left, top, width and height as fractions of "
                "the upright photo, such as 0.5,0.25,0.2,0.3; by default, it is looked for",
                "标本在每张照片中的位置：左、上、宽、高，为正放照片宽高的比例，如 "
                "0.5,0.25,0.2,0.3；默认自动寻找",
            ),
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option(min=1, help=tr("number of candidates to show or write", "显示或写入的候选数")),
    ] = 5,
    coverage: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.999,
            help=tr(
                "probability that the set contains the right mineral", "集合包含正确矿物的概率"
            ),
        ),
    ] = 0.9,
    level: Annotated[
        Literal["species", "group", "class"] | None,
        typer.Option(
            help=tr(
                "finest level of the answer: species (ruby is corundum), group (almandine is a "
                "garnet) or class (one of the silicates); default: as fine as the model",
                "答案最细到哪一级：species（种，红宝石归入刚玉）、group（族，铁铝榴石归入石榴石）"
                "或 class（大类，如硅酸盐）；默认与模型的类别一样细",
            )
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help=tr("print one line of JSON per answer", "每个答案输出一行 JSON")
        ),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "append one row per photo (with --specimen: one row) to this file; photos with "
                "an answer in it are skipped",
                "向此文件为每张照片写一行（用 --specimen 时只写一行）；其中已有答案的照片会跳过",
            )
        ),
    ] = None,
    heat_maps: Annotated[
        Path | None,
        typer.Option(help=tr("folder for heat maps", "存放热力图的文件夹")),
    ] = None,
    minerals: MineralsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Identify minerals in photos."""
    from mineral_recog.identify.evidence import read_evidence
    from mineral_recog.identify.photo_arguments import find_photos
    from mineral_recog.identify.region import parse_region

    region = None if crop is None else parse_region(crop)
    evidence = read_evidence(
        hardness, streak, lustre, density, magnetic, acid, colours, transparency, habit, cleavage,
        cleavage_directions, fracture, tenacity, fluorescence_long, fluorescence_short,
    )  # fmt: skip
    with _processes(model, device) as (context, device):
        find = partial(find_photos, photos, lambda size: sys.stdin.buffer.read(size))
        if context is None:
            paths = find()
        else:  # all read the same standard input
            paths = [Path(path) for path in context.value_of_main(lambda: list(map(str, find())))]

        from mineral_recog.cli.identify_output import (
            AnswerOptions,
            identify_each,
            identify_specimen,
        )
        from mineral_recog.identify.identifier import load

        options = AnswerOptions(
            evidence, coverage, level, top, as_json, csv, heat_maps, specimen, region
        )
        identifier = load(model, minerals=minerals, device=device)
        with TerminalProgress() as progress:
            if not (specimen or (len(paths) == 1 and csv is None)):
                unreadable = identify_each(identifier, paths, options, progress, context)
            elif is_first_process():  # a few photos: one process does it all
                unreadable = identify_specimen(identifier, paths, options, progress)
            else:
                unreadable = 0
    if unreadable:
        raise typer.Exit(SOME_UNREADABLE)


@contextmanager
def _processes(model: Path, device: str) -> Iterator[tuple[DistributedContext | None, str]]:
    """Join the processes of torchrun, and return the device of this one; None without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield None, device
        return
    from mineral_recog.models.device import choose_device
    from mineral_recog.models.distributed import process_group
    from mineral_recog.models.onnx_engine import is_export

    with process_group(choose_device("cpu" if is_export(model) else device)) as (context, own):
        yield context, device if is_export(model) else str(own)
