"""Command-line entry point: registers the commands and reports errors."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from importlib import metadata
from typing import Annotated

import typer

from mineral_recog.cli.audit import audit
from mineral_recog.cli.compare import compare
from mineral_recog.cli.demo import demo
from mineral_recog.cli.draw import draw
from mineral_recog.cli.evaluate import evaluate
from mineral_recog.cli.identify import identify
from mineral_recog.cli.pack import pack
from mineral_recog.cli.prepare import prepare
from mineral_recog.cli.serve import serve
from mineral_recog.cli.train import train
from mineral_recog.errors import UserError, is_out_of_memory
from mineral_recog.i18n import tr
from mineral_recog.training.signals import Stopped, ending_by_exception

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


@app.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help=tr("show the version", "显示版本"))
    ] = False,
) -> None:
    if version:
        print(f"mineral-recog {metadata.version('mineral-recog')}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


app.command(
    help=tr(
        "Everything on drawn minerals: draw a set, train baseline and method, compare. Minutes, "
        "no download.",
        "用绘制的矿物走完全程：绘图、训练基线与本方法、比较。几分钟，无需下载。",
    )
)(demo)
app.command(
    help=tr(
        "Draw a long-tailed set of 36 minerals as a prepared folder DATA.",
        "绘制 36 种矿物的长尾数据集，写成已划分的文件夹 DATA。",
    )
)(draw)
app.command(
    help=tr(
        "Find copies, broken, blurred and misplaced photos in SRC, with a page to decide on them. "
        "Nothing in SRC is changed.",
        "找出 SRC 里重复、损坏、模糊、放错的照片，并生成供您决定的网页。不改动 SRC。",
    )
)(audit)
app.command(
    help=tr(
        "Split the photos of SRC into DATA with train, val and test.",
        "把 SRC 的照片划分为 DATA 里的 train、val、test。",
    )
)(prepare)
app.command(
    help=tr(
        "Write DATA as tar shards OUT, which every command reads like DATA: few large files in "
        "place of many small ones.",
        "把 DATA 写成 tar 分片 OUT，各命令可像 DATA 一样使用：以少量大文件代替大量小文件。",
    )
)(pack)
app.command(
    help=tr(
        "Train on DATA by a recipe and leave a model in a run folder.",
        "按配方用 DATA 训练，把模型写入运行文件夹。",
    )
)(train)
app.command(
    help=tr(
        "Measure a run on a split and write figures, plots and a report.",
        "在一个划分上评估训练结果，写出指标、图与报告。",
    )
)(evaluate)
app.command(
    help=tr(
        "Train recipes on DATA with several seeds, and tell which differences are more than luck.",
        "用多个种子在 DATA 上训练各配方，并指出哪些差别不只是运气。",
    )
)(compare)
app.command(
    help=tr(
        "Say what the minerals on photos are, how surely, and what to test next.",
        "识别照片上的矿物：是什么、有多大把握、下一步该测什么。",
    )
)(identify)
app.command(
    help=tr(
        "Open a page to identify minerals on, with a phone or at a desk; also an HTTP API.",
        "打开一个用手机或电脑识别矿物的网页，并提供 HTTP 接口。",
    )
)(serve)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; gives the exit status: 0 done, 2 the user must change something, 1 a fault.

    Ctrl-C gives 130, SIGTERM 143.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        with ending_by_exception():
            status = app(args=arguments, prog_name="mineral-recog", standalone_mode=False)
    except typer.TyperException as error:
        return _told(f"{error.format_message()} {tr('See --help.', '请看 --help。')}")
    except UserError as error:
        return _told(str(error))
    except OSError as error:
        reason = _mendable(error)
        return _fault() if reason is None else _told(reason)
    except Stopped as stopped:
        return _stopped(stopped.status)
    except Exception as error:
        reason = _exhausted(error)
        return _fault() if reason is None else _told(reason)
    if status == INTERRUPTED:
        return _stopped(INTERRUPTED)
    return status if isinstance(status, int) else 0


def _told(reason: str) -> int:
    print(tr(f"Error: {reason}", f"错误：{reason}"), file=sys.stderr)
    return 2


def _stopped(status: int) -> int:
    text = tr(
        "Stopped. A training run goes on with `mineral-recog train DATA --out RUN --resume`, a "
        "comparison with the same command.",
        "已停止。训练可用 `mineral-recog train DATA --out RUN --resume` 继续，比较可用原命令继续。",
    )
    print(text, file=sys.stderr)
    return status


def _fault() -> int:
    traceback.print_exc()
    text = tr(
        "This is a fault of mineral-recog; please report it with the lines above.",
        "这是 mineral-recog 的错误；请附上以上内容反馈。",
    )
    print(text, file=sys.stderr)
    return 1


def _exhausted(error: Exception) -> str | None:
    """What a user can do where memory ran out, or None if it did not."""
    if "DataLoader worker" in str(error):
        return tr(
            "A process that reads photos has ended, most likely for want of memory: run again "
            "(train: with --resume) with fewer of them, as --workers 0.",
            "读取照片的进程意外结束，多半因内存不足：请用更少的进程重试，例如 --workers 0"
            "（train 可加 --resume）。",
        )
    if is_out_of_memory(error):
        return tr(
            "Memory has run out: run again with smaller batches, as --set batch_size=16, smaller "
            "photos, as --set image_size=160, or --workers 0.",
            "内存不足：请减小批量（如 --set batch_size=16）、减小图像（如 --set image_size=160）"
            "或用 --workers 0 后重试。",
        )
    return None


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
