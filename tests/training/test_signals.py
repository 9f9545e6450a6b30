"""Signals to stop, in the main thread and in others."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_recog.training.signals import SIGNALS, StopRequest, catch_signals


def request_stop() -> StopRequest:
    with catch_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        return stop


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM to catch")
def test_signal_is_recorded_and_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    assert request_stop().signal == signal.SIGTERM
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_handlers_do_not_change_outside_the_main_thread() -> None:
    def handlers() -> list[object]:
        with catch_signals() as stop:
            assert stop.signal == 0
            return [signal.getsignal(number) for number in SIGNALS]

    before = [signal.getsignal(number) for number in SIGNALS]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handlers).result() == before
