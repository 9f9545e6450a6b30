"""The log of a run while it trains: a line per epoch, and TensorBoard on request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.training.epoch_log import EpochLog


def format_epoch(line: EpochLog) -> str:
    """Format a line of the log as text."""
    parts = [f"{line.stage:>4} {line.epoch:>4}", f"lr {line.lr:.2e}"]
    parts += [f"{name} {value:.4f}" for name, value in line.losses.items()]
    parts.append(tr("val mean accuracy", "验证平均准确率") + f" {line.val_mean_accuracy:.2%}")
    if line.skipped:
        count = line.skipped
        epochs = "epoch" if count == 1 else "epochs"
        parts.append(tr(f"ends {count} {epochs} early", f"提前 {count} 轮结束"))
    return "  ".join(parts)


@contextmanager
def epoch_logger(folder: Path, tensorboard: bool) -> Iterator[Callable[[EpochLog], None]]:
    """Yield a function that writes a line of the log to standard error and to TensorBoard.

    Args:
        folder: Run folder.
        tensorboard: Whether to write to TensorBoard too.

    Raises:
        UserError: TensorBoard is requested and not installed.
    """
    if not tensorboard:
        yield lambda line: print(format_epoch(line), file=sys.stderr)
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

    def log(line: EpochLog) -> None:
        nonlocal writer
        # Opened at the first line: the run folder must not exist before the run has been checked.
        writer = writer or SummaryWriter(str(folder / "tensorboard"))
        for key, value in line.to_json().items():
            if isinstance(value, float):
                writer.add_scalar(key, value, line.epoch)
        print(format_epoch(line), file=sys.stderr)

    try:
        yield log
    finally:
        if writer is not None:
            writer.close()
