"""Progress for users: a bar on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import os
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from mineral_recog.i18n import tr
from mineral_recog.progress import Progress
from mineral_recog.text import format_duration, printable

LINE_EVERY = 20.0  # seconds between lines, without a terminal


def is_first_process() -> bool:
    """Return whether this process prints results: of those that torchrun started, the first."""
    return os.environ.get("RANK", "0") == "0"


class TerminalProgress(Progress):
    """Shows progress and notices on standard error, so that the output of a command can be piped.

    Use it as a context manager, which ends the bar.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True, quiet=not is_first_process())
        self.bar: Bar | None = None
        self.task = ""

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def update(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Show the progress of a task; the first call of a task opens its bar."""
        if task != self.task:
            self._begin(task, done, total)
        if self.bar is not None:
            self.bar.update(self.task_id, completed=done, total=total, description=detail or task)
        elif done == total or time.monotonic() - self.last_line > LINE_EVERY:
            self._line(detail or task, done, total)
        if done == total:
            self._end()

    def notice(self, message: str) -> None:
        """Show a message above the bar."""
        self.console.print(
            printable(message), highlight=False, markup=False, emoji=False, soft_wrap=True
        )

    def _begin(self, task: str, done: int, total: int) -> None:
        self._end()
        self.task, self.first_done = task, done
        self.began = self.last_line = time.monotonic()
        if not self.console.is_terminal:
            return
        self.bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn() if total > 9999 else MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn(tr("left", "剩余")),
            TimeRemainingColumn(),
            console=self.console,
        )
        self.task_id = self.bar.add_task(task, total=total, completed=done)
        self.bar.start()

    def _end(self) -> None:
        if self.bar is not None:
            self.bar.stop()
        self.bar, self.task = None, ""

    def _line(self, text: str, done: int, total: int) -> None:
        """Print progress as a line, with the time left at the average pace of the task."""
        now = self.last_line = time.monotonic()
        left = (now - self.began) / max(done - self.first_done, 1) * (total - done)
        self.notice(f"{text}  {done}/{total}  {format_duration(left)} {tr('left', '剩余')}")
