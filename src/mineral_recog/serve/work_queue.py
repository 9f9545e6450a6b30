"""Work one at a time, with a short line in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import RefusedError

Result = TypeVar("Result")
RETRY_AFTER = 2  # seconds that a client is asked to wait


class Turns:
    """A thread that does one piece of work after another, and the line of those that wait.

    It is always the same thread: torch keeps buffers for every thread that has called it.

    Args:
        waiting: how many may wait; one more is told `busy`.
    """

    def __init__(self, waiting: int) -> None:
        self._most = waiting + 1
        self._jobs: set[Future[object]] = set()
        self._thread = ThreadPoolExecutor(1)

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for their turn now."""
        return max(len(self._jobs) - 1, 0)

    async def take(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work when its turn comes, for the same reader.

        Raises:
            RefusedError: 503, the line is full.
        """
        if len(self._jobs) >= self._most:
            raise busy()
        job = self._thread.submit(copy_context().run, work)
        self._jobs.add(job)  # type: ignore[arg-type]  # a set of futures of any result
        job.add_done_callback(self._jobs.discard)
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        """End the thread after the work in hand; what waits is not done."""
        self._thread.shutdown(cancel_futures=True)


def busy() -> RefusedError:
    """The server has as much to do as it takes on."""
    return RefusedError(
        503,
        tr(
            f"The server is busy: try again in {RETRY_AFTER} seconds.",
            f"服务器正忙：请在 {RETRY_AFTER} 秒后重试。",
        ),
        {"retry-after": str(RETRY_AFTER)},
    )
