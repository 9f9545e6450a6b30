"""The commands: parse, call, print.

Everything heavy is imported inside the commands, so that `--help` answers at once and a wrong
option is told before torch is loaded.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog import __version__
from mineral_recog.errors import UserError
from mineral_recog.language import tr

INTERRUPTED = 130  # exit status after Ctrl-C

app = typer.Typer(
    name="mineral-recog",
    help=tr(
        "Identify minerals from photos when some have thousands of photos and others a dozen.",
        "从照片识别矿物：有的矿物有上千张照片，有的只有十几张。",
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Options that several commands share.
DeviceOption = Annotated[
    str,
    typer.Option(help=tr("auto, cpu, cuda, cuda:1 or mps", "auto、cpu、cuda、cuda:1 或 mps")),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0, help=tr("processes that read photos; one a core", "读取照片的进程数；默认每核一个")
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help=tr("replace what is there", "替换已有的结果"))
]
SeedOption = Annotated[int, typer.Option(min=0, help=tr("of the draw", "随机种子"))]


@app.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help=tr("show the version", "显示版本"))
    ] = False,
) -> None:
    if version:
        print(f"mineral-recog {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command(
    help=tr(
        "Everything on drawn minerals: draw a set, train baseline and method, compare. Minutes, "
        "no download.",
        "用绘制的矿物走完全程：绘图、训练基线与本方法、比较。几分钟，无需下载。",
    )
)
def demo(
    out: Annotated[Path, typer.Option(help=tr("folder for all of it", "存放全部结果的文件夹"))] = (
        Path("demo")
    ),
    seed: SeedOption = 3407,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Draw, train, evaluate and compare."""
    from mineral_recog.data.loading import default_workers
    from mineral_recog.demo import run_demo

    run_demo(
        out,
        seed=seed,
        device=device,
        workers=default_workers() if workers is None else workers,
        force=force,
    )


@app.command(
    help=tr(
        "Draw a long-tailed set of 36 minerals as a prepared folder DATA.",
        "绘制 36 种矿物的长尾数据集，写成已划分的文件夹 DATA。",
    )
)
def draw(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help=tr("folder to make", "要生成的文件夹"))
    ],
    size: Annotated[int, typer.Option(min=16, max=2048, help=tr("pixels a side", "边长像素"))] = 64,
    largest: Annotated[
        int,
        typer.Option(min=2, help=tr("training photos of the largest class", "最大类的训练张数")),
    ] = 244,
    imbalance: Annotated[
        float, typer.Option(min=1, help=tr("largest over smallest class", "最大类与最小类之比"))
    ] = 81.4,
    val: Annotated[
        int, typer.Option(min=1, help=tr("validation photos a class", "每类验证张数"))
    ] = 5,
    test: Annotated[int, typer.Option(min=1, help=tr("test photos a class", "每类测试张数"))] = 15,
    seed: SeedOption = 3407,
    force: ForceOption = False,
) -> None:
    """Draw a long-tailed set."""
    from mineral_recog.demo import DrawnSet, draw_minerals

    drawn = DrawnSet(size=size, largest=largest, imbalance=imbalance, val=val, test=test)
    draw_minerals(data, drawn, seed=seed, force=force)


@app.command(
    help=tr(
        "Split folders of photos SRC (a folder a class) into DATA with train, val and test.",
        "把照片文件夹 SRC（一类一个子文件夹）划分为 DATA 里的 train、val、test。",
    )
)
def prepare(
    source: Annotated[
        Path,
        typer.Argument(metavar="SRC", help=tr("photos, a folder a class", "照片，一类一个文件夹")),
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help=tr("folder to make", "要生成的文件夹"))
    ],
    split: Annotated[
        str, typer.Option(help=tr("shares of train/val/test", "train/val/test 的比例"))
    ] = "80/10/10",
    imbalance: Annotated[
        float | None,
        typer.Option(
            help=tr(
                "cut the training photos to a long tail with this factor",
                "把训练照片裁成此不平衡系数的长尾",
            )
        ),
    ] = None,
    seed: SeedOption = 0,
    place: Annotated[
        Literal["hardlink", "copy", "symlink"],
        typer.Option(help=tr("how photos come to DATA", "照片放入 DATA 的方式")),
    ] = "hardlink",
    force: ForceOption = False,
) -> None:
    """Split folders of photos."""
    from mineral_recog.preparing import prepare_and_show

    prepare_and_show(
        source, data, split=split, imbalance=imbalance, seed=seed, place=place, force=force
    )


@app.command(
    help=tr(
        "Train on DATA by a recipe and leave a model in a run folder.",
        "按配方用 DATA 训练，把模型写入运行文件夹。",
    )
)
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
            help=tr("key=value, as stages.fea.epochs=5", "key=value，如 stages.fea.epochs=5"),
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help=tr("go on after an interruption", "中断后继续"))
    ] = False,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help=tr("also log for TensorBoard", "同时写 TensorBoard 日志")
        ),
    ] = False,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Train by a recipe."""
    from mineral_recog.recipe_file import read_recipe

    name = recipe or "multi_stage"
    folder = out or Path("runs", Path(name).stem)
    if resume and (recipe or settings or force):
        raise UserError(
            tr(
                "--resume goes on with the run as it is: leave out --recipe, --set and --force.",
                "--resume 按原样继续训练：请去掉 --recipe、--set 与 --force。",
            )
        )
    chosen = read_recipe(name, settings or [])  # wrong keys are told before torch is loaded

    from mineral_recog import training
    from mineral_recog.data.loading import default_workers
    from mineral_recog.epoch_log import epoch_logger

    processes = default_workers() if workers is None else workers
    with epoch_logger(folder, tensorboard) as on_epoch:
        if resume:
            training.resume(data, folder, device=device, workers=processes, on_epoch=on_epoch)
        else:
            training.train(
                data,
                chosen,
                folder,
                device=device,
                workers=processes,
                force=force,
                on_epoch=on_epoch,
            )
    print(
        tr(
            f"{folder / 'model'}  Next: mineral-recog evaluate {folder}",
            f"{folder / 'model'}  下一步：mineral-recog evaluate {folder}",
        )
    )


@app.command(
    help=tr(
        "Measure a run on a split and write figures, plots and a report.",
        "在一个划分上评估训练结果，写出指标、图与报告。",
    )
)
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
        device=device,
        workers=default_workers() if workers is None else workers,
        force=force,
    )
    print_figures(evaluation, other)
    print(folder / "report.html")


@app.command(
    help=tr(
        "Train recipes on DATA with several seeds, and tell which differences are more than luck.",
        "用多个种子在 DATA 上训练各配方，并指出哪些差别不只是运气。",
    )
)
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
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Train recipes and compare them."""
    from mineral_recog.planning import plan_comparison

    # Wrong names and keys are told before torch is loaded.
    plan = plan_comparison(data, recipes, seeds, settings or [], out, split)

    from mineral_recog.comparing import run_comparison
    from mineral_recog.data.loading import default_workers

    processes = default_workers() if workers is None else workers
    run_comparison(plan, device=device, workers=processes, force=force)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; gives the exit status: 0 done, 2 the user must change something, 1 a fault.

    Ctrl-C gives 130.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(args=arguments, prog_name="mineral-recog", standalone_mode=False)
    except typer.TyperException as error:
        return _told(f"{error.format_message()} {tr('See --help.', '请看 --help。')}")
    except UserError as error:
        return _told(str(error))
    except OSError as error:
        reason = _mendable(error)
        return _fault() if reason is None else _told(reason)
    except Exception:
        return _fault()
    if status == INTERRUPTED:
        return _stopped()
    return status if isinstance(status, int) else 0


def _told(reason: str) -> int:
    print(tr(f"Error: {reason}", f"错误：{reason}"), file=sys.stderr)
    return 2


def _stopped() -> int:
    text = tr(
        "Stopped. A training run goes on with `mineral-recog train DATA --out RUN --resume`, a "
        "comparison with the same command.",
        "已停止。训练可用 `mineral-recog train DATA --out RUN --resume` 继续，比较可用原命令继续。",
    )
    print(text, file=sys.stderr)
    return INTERRUPTED


def _fault() -> int:
    traceback.print_exc()
    text = tr(
        "This is a fault of mineral-recog; please report it with the lines above.",
        "这是 mineral-recog 的错误；请附上以上内容反馈。",
    )
    print(text, file=sys.stderr)
    return 1


def _mendable(error: OSError) -> str | None:
    """What a user can do about an error of the file system, or None if it is none of theirs."""
    where = error.filename2 or error.filename or tr("the output", "输出位置")
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return tr(
                f"The disk is full ({where}): make room, then run again (train: with --resume).",
                f"磁盘已满（{where}）：请腾出空间后重试（train 可加 --resume）。",
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return tr(
                f"No permission for {where}: choose another place, or change its permissions.",
                f"没有 {where} 的权限：请另选位置，或修改权限。",
            )
        case errno.ENOTDIR | errno.EISDIR | errno.EEXIST | errno.ENAMETOOLONG:
            return tr(
                f"{where}: {os.strerror(error.errno)}; choose another place.",
                f"{where}：{os.strerror(error.errno)}；请另选位置。",
            )
        case _:
            return None
