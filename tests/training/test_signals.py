"""Being stop to stop, in the main thread and in others."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_recog.training.signals import StopRequest, catch_signals


def ask() -> StopRequest:
    with catch_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        return stop


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM to catch")
def test_a_signal_is_noted_and_handled_as_before_afterwards() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert ask().signal == signal.SIGTERM
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_outside_of_the_main_thread_signals_are_left_alone() -> None:
    def handlers() -> list[object]:
        with catch_signals() as stop:
            assert stop.signal == 0
            return [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handlers).result() == before
