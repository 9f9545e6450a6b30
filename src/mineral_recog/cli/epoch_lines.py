"""The log of a run while it trains: a line per epoch, and TensorBoard on request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr


def format_epoch(record: dict[str, Any]) -> str:
    """Format a record of the log as one line of text."""
    parts = [f"{record['stage']:>4} {record['epoch']:>4}", f"lr {record['lr']:.2e}"]
    other_keys = ("stage", "epoch", "lr", "seconds", "memory", "val_accuracy", "val_mean_accuracy")
    parts += [f"{key} {value:.4f}" for key, value in record.items() if key not in other_keys]
    parts.append(tr("val mean accuracy", "验证平均准确率") + f" {record['val_mean_accuracy']:.2%}")
    return "  ".join(parts)


@contextmanager
def epoch_logger(folder: Path, tensorboard: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that writes a record of the log to standard error and to TensorBoard.

    Args:
        folder: Run folder.
        tensorboard: Whether to write to TensorBoard too.

    Raises:
        UserError: TensorBoard is requested and not installed.
    """
    if not tensorboard:
        yield lambda record: print(format_epoch(record), file=sys.stderr)
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            tr(
                "TensorBoard is not installed: run pip install tensorboard.",
                "没有安装 TensorBoard：请运行 pip install tensorboard。",
            )
        ) from None
    writer = None

    def log(record: dict[str, Any]) -> None:
        nonlocal writer
        # Opened at the first record: the run folder must not exist before the run has been checked.
        writer = writer or SummaryWriter(str(folder / "tensorboard"))
        for key, value in record.items():
            if isinstance(value, float):
                writer.add_scalar(key, value, record["epoch"])
        print(format_epoch(record), file=sys.stderr)

    try:
        yield log
    finally:
        if writer is not None:
            writer.close()
