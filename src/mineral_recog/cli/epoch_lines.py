"""The log of a run as it happens, for people: a line an epoch, and TensorBoard on request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr


def told(line: dict[str, Any]) -> str:
    """One epoch of the log in one line of text."""
    parts = [f"{line['stage']:>4} {line['epoch']:>4}", f"lr {line['lr']:.2e}"]
    known = ("stage", "epoch", "lr", "seconds", "memory", "val_accuracy", "val_mean_accuracy")
    parts += [f"{key} {value:.4f}" for key, value in line.items() if key not in known]
    parts.append(tr("val mean accuracy", "验证平均准确率") + f" {line['val_mean_accuracy']:.2%}")
    return "  ".join(parts)


@contextmanager
def epoch_logger(folder: Path, tensorboard: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that shows a line of the log on standard error and, if asked, in TensorBoard.

    Raises:
        UserError: TensorBoard is asked for and not installed.
    """
    if not tensorboard:
        yield lambda line: print(told(line), file=sys.stderr)
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            tr(
                "TensorBoard is not installed: pip install tensorboard.",
                "没有安装 TensorBoard：pip install tensorboard。",
            )
        ) from None
    writer = None

    def log(line: dict[str, Any]) -> None:
        nonlocal writer
        # Opened late, since a run folder must not exist before the run is found to be sound.
        writer = writer or SummaryWriter(str(folder / "tensorboard"))
        for key, value in line.items():
            if isinstance(value, float):
                writer.add_scalar(key, value, line["epoch"])
        print(told(line), file=sys.stderr)

    try:
        yield log
    finally:
        if writer is not None:
            writer.close()
