"""What a command says after Ctrl-C or SIGTERM: what is left, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.i18n import tr


def stop_line(arguments: Sequence[str]) -> str:
    """Return the line for a command that was stopped.

    Args:
        arguments: Arguments of the command line, the name of the command first.
    """
    match next((argument for argument in arguments if not argument.startswith("-")), ""):
        case "train":
            rest = tr(
                "Continue the training with `mineral-recog train DATA --out RUN --resume`.",
                "可用 `mineral-recog train DATA --out RUN --resume` 继续训练。",
            )
        case "compare":
            rest = tr(
                "The same command without --force continues the comparison.",
                "用同一命令（不带 --force）可继续比较。",
            )
        case "identify" if any(argument.split("=")[0] == "--csv" for argument in arguments):
            rest = tr(
                "The answers so far are in the CSV file; the same command continues it.",
                "已得到的答案在 CSV 文件中；用同一命令可继续。",
            )
        case "identify":
            rest = tr(
                "With --csv FILE, the same command could continue.",
                "若使用 --csv FILE，则可用同一命令继续。",
            )
        case "demo":
            rest = tr(
                "Start again with the same command and --force.",
                "请用同一命令加 --force 重新开始。",
            )
        case "audit" | "prepare" | "draw" | "evaluate" | "calibrate" | "export":
            rest = tr("Nothing was written.", "没有写入任何内容。")
        case _:
            rest = ""
    return f"{tr('Stopped.', '已停止。')} {rest}".strip()
