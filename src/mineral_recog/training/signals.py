"""Ctrl-C and SIGTERM: what is half made is removed; a training finishes its step and keeps it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """The process was asked to stop.

    Attributes:
        status: exit status of the process, 128 and the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


@contextmanager
def ending_by_exception() -> Iterator[None]:
    """SIGTERM raises `Stopped` inside, as Ctrl-C does KeyboardInterrupt: what is open is closed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handling((signal.SIGTERM,), stop):
        yield


class StopRequest:
    """Whether the process was asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note a signal; the next one ends the process at once."""
        self.signal = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)


@contextmanager
def catch_signals() -> Iterator[StopRequest]:
    """Note signals to stop instead of ending at once."""
    stop = StopRequest()
    with _handling(SIGNALS, stop):
        yield stop


@contextmanager
def _handling(
    numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Handle signals inside; outside the main thread, where none arrive, leave them as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)
