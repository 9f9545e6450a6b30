"""Progress as a bar on a terminal, and as lines of text elsewhere."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from mineral_recog.cli import terminal_progress
from mineral_recog.cli.terminal_progress import TerminalProgress

Line = Callable[[int, int, int], str]


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    """Return the line printed at `done` for a task that began a minute ago at `first`."""
    monkeypatch.setattr(terminal_progress, "LINE_EVERY", -1.0)  # a line at every step

    def after_a_minute(first: int, done: int, total: int) -> str:
        with TerminalProgress() as progress:
            progress.update("training", first, total)
            if first < total:
                progress.began = time.monotonic() - 60
                capsys.readouterr()
                progress.update("training", done, total)
        return capsys.readouterr().err.strip()

    return after_a_minute


def test_time_left_follows_the_pace(line: Line) -> None:
    assert line(0, 25, 100) == "training  25/100  3:00 left"
    assert line(0, 100, 100) == "training  100/100  0:00 left"


def test_steps_of_an_earlier_run_do_not_count_for_the_pace(line: Line) -> None:
    assert line(60, 80, 100) == "training  80/100  1:00 left"


def test_task_without_steps_is_done(line: Line) -> None:
    assert line(0, 0, 0) == "training  0/0  0:00 left"


def test_few_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress() as progress:
        task = progress.start("reading", 100)
        for _ in range(100):
            task.step()
        progress.notice("kept \x1b[31m")
    assert capsys.readouterr().err == "reading  100/100  0:00 left\nkept \\x1b[31m\n"


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = TerminalProgress()
    console = Console(force_terminal=True, width=100, record=True, file=io.StringIO())
    monkeypatch.setattr(progress, "console", console)
    with progress:
        progress.update("training", 0, 4)
        bar = progress.bar
        assert bar is not None
        progress.update("training", 3, 4, "fea  epoch 3/4")
        assert (bar.tasks[0].completed, bar.tasks[0].description) == (3, "fea  epoch 3/4")
        progress.update("calibrating", 0, 2)
        assert bar.finished is False
        assert progress.bar is not bar
    assert progress.bar is None
