"""The time that is left, as it is told where there is no terminal."""

from __future__ import annotations

import time

import pytest

from mineral_recog import progress
from mineral_recog.progress import Bar


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    monkeypatch.setattr(progress, "LINE_EVERY", -1.0)  # a line at every step
    return Told(capsys)


class Told:
    """What a bar says after a minute."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def after_a_minute(self, bar: Bar, done: int) -> str:
        bar.began = time.monotonic() - 60
        self.capsys.readouterr()
        bar.at(done)
        return self.capsys.readouterr().err.strip()


def test_even_steps_take_even_times(told: Told) -> None:
    with Bar("training", 100) as bar:
        assert told.after_a_minute(bar, 25) == "training  25/100  3:00 left"
        assert told.after_a_minute(bar, 100) == "training  100/100  0:00 left"


def test_steps_that_take_longer_later_are_counted_so(told: Told) -> None:
    with Bar("training", 100, lambda done: (done / 100) ** 2) as bar:
        assert told.after_a_minute(bar, 50) == "training  50/100  3:00 left"


def test_steps_of_an_earlier_run_took_none_of_this_time(told: Told) -> None:
    with Bar("training", 100, lambda done: (done / 100) ** 2) as bar:
        bar.start_at(60)
        assert told.after_a_minute(bar, 80) == "training  80/100  1:17 left"  # 0.36 of 0.28


def test_a_work_of_no_steps_is_done(told: Told) -> None:
    with Bar("training", 0) as bar:
        assert told.after_a_minute(bar, 0) == "training  0/0  0:00 left"
