"""Command-line entry point: registers the commands and reports errors."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from mineral_recog.cli.audit import audit
from mineral_recog.cli.calibrate import calibrate
from mineral_recog.cli.compare import compare
from mineral_recog.cli.demo import demo
from mineral_recog.cli.draw import draw
from mineral_recog.cli.evaluate import evaluate
from mineral_recog.cli.export import export
from mineral_recog.cli.help_texts import Command, Group, describe_usage_error
from mineral_recog.cli.identify import identify
from mineral_recog.cli.minerals import minerals
from mineral_recog.cli.prepare import prepare
from mineral_recog.cli.serve import serve
from mineral_recog.cli.stop_lines import stop_line
from mineral_recog.cli.train import train
from mineral_recog.errors import UserError, is_out_of_memory, reason_of
from mineral_recog.files import encoding_error
from mineral_recog.i18n import tr
from mineral_recog.installation import training_packages
from mineral_recog.training.signals import Stopped, sigterm_as_exception
from mineral_recog.version import __version__

INTERRUPTED = 130  # exit status after Ctrl-C

app = typer.Typer(
    name="mineral-recog",
    cls=Group,
    help=tr(
        "Identify minerals from photos when some have thousands of photos and others a dozen.",
        "从照片识别矿物：有的矿物有上千张照片，有的只有十几张。",
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


COMMANDS: dict[Callable[..., None], str] = {
    demo: tr(
        "Run all steps on drawn minerals: draw a data set, train the baseline and the method, "
        "and compare them. Takes minutes and needs no download.",
        "用绘制的矿物走完全程：绘制数据集、训练基线与本方法、比较结果。几分钟，无需下载。",
    ),
    draw: tr(
        "Draw a long-tailed data set of 36 minerals, and write it as the prepared folder DATA.",
        "绘制 36 种矿物的长尾数据集，写成已划分的文件夹 DATA。",
    ),
    audit: tr(
        "Find duplicate, damaged, blurred and misplaced photos in SRC, and write a page to "
        "review them. SRC is not changed.",
        "找出 SRC 中重复、损坏、模糊、放错的照片，并生成供您审核的网页。不改动 SRC。",
    ),
    prepare: tr(
        "Split the photos of SRC into train, val and test in DATA.",
        "把 SRC 的照片划分为 DATA 中的 train、val、test。",
    ),
    train: tr(
        "Train a recipe on DATA, and write the model to a run folder.",
        "按配方用 DATA 训练，把模型写入运行文件夹。",
    ),
    evaluate: tr(
        "Evaluate a run on a split, and write metrics, plots and a report.",
        "在一个划分上评估训练结果，写出指标、图与报告。",
    ),
    compare: tr(
        "Train recipes on DATA with several seeds, and report which differences are significant.",
        "用多个种子在 DATA 上训练各配方，并报告哪些差别是显著的。",
    ),
    calibrate: tr(
        "Fit the probabilities and sets of RUN to labelled photos of another place, without "
        "training, and write it as a new model.",
        "用其他场所已标注的照片校准 RUN 的概率与集合，无需训练，并写成新的模型。",
    ),
    export: tr(
        "Write RUN as a model that answers without torch, smaller and faster.",
        "把 RUN 写成无需 torch 即可回答的模型，更小更快。",
    ),
    identify: tr(
        "Identify the minerals in photos, with probabilities and the recommended next test.",
        "识别照片中的矿物，给出概率和建议的下一步测试。",
    ),
    serve: tr(
        "Serve a web page that identifies minerals on phones and computers, and an HTTP API.",
        "提供可用手机或电脑识别矿物的网页，以及 HTTP 接口。",
    ),
}
for _command, _help in COMMANDS.items():
    app.command(help=_help, cls=Command)(_command)
app.add_typer(minerals, name="minerals")


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments of the command line; by default those of the process.

    Returns:
        The exit status: 0 success, 3 success but some inputs cannot be read, 2 the user must
        change something, 1 a bug of this program, 130 Ctrl-C, 143 SIGTERM.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        # Names may have characters that a terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with sigterm_as_exception(), training_packages():
            status = app(args=arguments, prog_name="mineral-recog", standalone_mode=False)
    except typer.TyperException as error:
        return _report(describe_usage_error(error))
    except UserError as error:
        return _report(str(error))
    except Stopped as stopped:
        return _report_stop(stopped.status, arguments)
    except UnicodeEncodeError as error:
        wrong_locale = encoding_error(error.object)
        return _report_bug() if wrong_locale is None else _report(str(wrong_locale))
    except Exception as error:
        message = (
            _file_system_message(error) if isinstance(error, OSError) else _memory_message(error)
        )
        return _report_bug() if message is None else _report(message)
    if status == INTERRUPTED:
        return _report_stop(INTERRUPTED, arguments)
    return status if isinstance(status, int) else 0


def _should_report() -> bool:
    """Return whether this process says why it ends: of those of torchrun, the first to fail."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return True
    from mineral_recog.models.distributed import is_first_to_fail

    return is_first_to_fail()


def _report(message: str) -> int:
    if _should_report():
        print(tr(f"Error: {message}", f"错误：{message}"), file=sys.stderr, flush=True)
    return 2


def _report_stop(status: int, arguments: Sequence[str]) -> int:
    if _should_report():
        print(stop_line(arguments), file=sys.stderr)
    return status


def _report_bug() -> int:
    if not _should_report():
        return 1
    traceback.print_exc()
    text = tr(
        "This is a bug in mineral-recog; please report it with the lines above.",
        "这是 mineral-recog 的缺陷；请附上以上内容反馈。",
    )
    print(text, file=sys.stderr)
    return 1


def _memory_message(error: Exception) -> str | None:
    """Return what the user can do if memory ran out, or None for other errors."""
    if "DataLoader worker" in str(error):
        return tr(
            "A process that reads photos ended unexpectedly, most likely for lack of memory: run "
            "again (train: with --resume) with fewer processes, such as --workers 0.",
            "读取照片的进程意外结束，很可能是内存不足：请用更少的进程重试，例如 --workers 0"
            "（train 可加 --resume）。",
        )
    if is_out_of_memory(error):
        return tr(
            "Memory has run out: run again with smaller batches, such as --set batch_size=16, "
            "smaller photos, such as --set image_size=160, or --workers 0.",
            "内存不足：请减小批量（如 --set batch_size=16）、减小图像（如 --set image_size=160）"
            "或用 --workers 0 后重试。",
        )
    return None


def _file_system_message(error: OSError) -> str | None:
    """Return what the user can do about a file system error, or None if it is a bug."""
    path = error.filename2 or error.filename or tr("the output", "输出位置")
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return tr(
                f"The disk is full ({path}): free some space and run again (train: with --resume).",
                f"磁盘已满（{path}）：请腾出空间后重试（train 可加 --resume）。",
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return tr(
                f"No permission for {path}: choose another place, or change its permissions.",
                f"没有 {path} 的权限：请另选位置，或修改权限。",
            )
        case errno.ENOTDIR | errno.EISDIR | errno.EEXIST | errno.ENAMETOOLONG:
            return tr(
                f"{path}: {os.strerror(error.errno)}; choose another place.",
                f"{path}：{reason_of(error)}；请另选位置。",
            )
        case _:
            return None
