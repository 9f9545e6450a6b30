"""A queue of limited length for work that runs one piece at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import HttpError

RETRY_AFTER = 2  # seconds until a client may try again


class WorkQueue:
    """A thread that runs one job after another, and the queue of waiting jobs.

    It is always the same thread, since torch keeps buffers for every thread that has called it.

    Args:
        max_waiting: Number of jobs that may wait; further ones raise `busy_error`.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_jobs = max_waiting + 1
        self._jobs: set[Future[bytes]] = set()
        self._thread = ThreadPoolExecutor(1)

    @property
    def waiting(self) -> int:
        """Return the number of waiting jobs."""
        return max(len(self._jobs) - 1, 0)

    async def run(self, work: Callable[[], bytes]) -> bytes:
        """Run a job when its turn comes, in the context (and language) of the caller.

        Raises:
            HttpError: 503, the queue is full.
        """
        if len(self._jobs) >= self._max_jobs:
            raise busy_error()
        job = self._thread.submit(copy_context().run, work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        """Stop the thread after the running job; cancel the waiting ones."""
        self._thread.shutdown(cancel_futures=True)


def busy_error() -> HttpError:
    """Return the error of a server that accepts no further work at the moment."""
    return HttpError(
        503,
        tr(
            f"The server is busy: try again in {RETRY_AFTER} seconds.",
            f"服务器正忙：请在 {RETRY_AFTER} 秒后重试。",
        ),
        {"retry-after": str(RETRY_AFTER)},
    )
