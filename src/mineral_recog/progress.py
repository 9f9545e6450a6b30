"""Progress that people can read: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mineral_recog.language import tr
from mineral_recog.printable import printable

LINE_EVERY = 20.0  # seconds between two lines where there is no terminal


class Bar:
    """How far a long work is, and how much time is left.

    Progress goes to standard error, so that what a command prints can be piped.

    Args:
        what: of the work, shown before the bar.
        total: steps of the whole work.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        # Of processes that train together one tells what all do.
        self.console = Console(stderr=True, quiet=os.environ.get("RANK", "0") != "0")
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn() if total > 9999 else MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn(tr("left", "剩余")),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task(what, total=total)
        self.began = self.told = time.monotonic()
        self.first = 0  # steps that were done before, by a run that is resumed

    def __enter__(self) -> Bar:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def at(self, done: int, what: str | None = None) -> None:
        """Show that `done` steps are behind, and what is being done."""
        self.done, self.what = done, what or self.what
        self.bar.update(self.task, completed=done, description=self.what)
        now = time.monotonic()
        if not self.console.is_terminal and (now - self.told > LINE_EVERY or done == self.total):
            self.told = now
            left = (now - self.began) / max(done - self.first, 1) * (self.total - done)
            text = tr("left", "剩余")
            self.console.print(
                f"{self.what}  {done}/{self.total}  {clock(left)} {text}",
                highlight=False,
                markup=False,
                emoji=False,
            )

    def of(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are behind, for work whose length is found late."""
        self.total = total
        self.bar.update(self.task, total=total)
        self.at(done)

    def start_at(self, done: int) -> None:
        """Begin with steps that an earlier run did."""
        self.first = done
        self.at(done)

    def step(self, what: str | None = None) -> None:
        """One step more."""
        self.at(self.done + 1, what)

    def say(self, text: str) -> None:
        """A line above the bar."""
        text = printable(text)
        self.console.print(text, highlight=False, markup=False, emoji=False, soft_wrap=True)


def clock(seconds: float) -> str:
    """A time as people read it, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
