"""Ctrl-C and SIGTERM: incomplete files are removed; training completes its step and saves it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """The process received a signal to stop.

    Attributes:
        status: Exit status of the process, 128 plus the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


@contextmanager
def sigterm_as_exception() -> Iterator[None]:
    """Make SIGTERM raise `Stopped`, as Ctrl-C raises KeyboardInterrupt, so that cleanup runs."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handling((signal.SIGTERM,), stop):
        yield


class StopRequest:
    """A request to stop, made by a signal.

    Attributes:
        signal: Number of the signal; 0 before one arrives.
    """

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Record a signal; the next one ends the process immediately."""
        self.signal = number
        for signal_number in SIGNALS:
            signal.signal(signal_number, signal.SIG_DFL)


@contextmanager
def catch_signals() -> Iterator[StopRequest]:
    """Record signals to stop instead of ending the process immediately."""
    stop = StopRequest()
    with _handling(SIGNALS, stop):
        yield stop


@contextmanager
def _handling(
    numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Install a handler inside the context, in the main thread only: others receive no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous_handler in previous.items():
            signal.signal(number, previous_handler)
