"""The time that is left, as it is told where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mineral_recog import progress
from mineral_recog.progress import Bar

Told = Callable[[Bar, int], str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """What a bar says of `done` steps after a minute."""
    monkeypatch.setattr(progress, "LINE_EVERY", -1.0)  # a line at every step

    def after_a_minute(bar: Bar, done: int) -> str:
        bar.began = time.monotonic() - 60
        capsys.readouterr()
        bar.at(done)
        return capsys.readouterr().err.strip()

    return after_a_minute


def test_the_rest_takes_as_long_a_step(told: Told) -> None:
    with Bar("training", 100) as bar:
        assert told(bar, 25) == "training  25/100  3:00 left"
        assert told(bar, 100) == "training  100/100  0:00 left"


def test_steps_of_an_earlier_run_took_none_of_this_time(told: Told) -> None:
    with Bar("training", 100) as bar:
        bar.start_at(60)
        assert told(bar, 80) == "training  80/100  1:00 left"


def test_a_work_of_no_steps_is_done(told: Told) -> None:
    with Bar("training", 0) as bar:
        assert told(bar, 0) == "training  0/0  0:00 left"
