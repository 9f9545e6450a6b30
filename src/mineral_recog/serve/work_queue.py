"""Queues of limited length for work on photos, fair to the clients that wait in them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import HttpError

RETRY_AFTER = 2  # seconds until a client may try again
FORGET_SECONDS = 10.0  # the time that a client has used counts half after this

Result = TypeVar("Result")


@dataclass(eq=False)
class _Job:
    """A piece of work, the client that waits for it, and the context that it runs in."""

    client: str
    work: Callable[[], Any]
    context: Context
    result: asyncio.Future[Any]


class WorkQueue:
    """Threads that do one job after another, and the queue of waiting jobs.

    The next job is that of the client which has used the least time of the threads lately; jobs of
    one client run in their order. When the queue is full, a client that has more jobs in it than
    another one loses its last job to a new job of the other.

    A queue for torch has one thread, always the same, since torch keeps buffers for every thread
    that has called it.

    Args:
        max_waiting: Number of jobs that may wait; further ones raise `busy_error`.
        threads: Number of threads.
    """

    def __init__(self, max_waiting: int, threads: int = 1) -> None:
        self._max_waiting, self._free_threads = max_waiting, threads
        self._waiting: list[_Job] = []
        self._used = _TimeUsed()
        self._threads = ThreadPoolExecutor(threads)

    @property
    def waiting(self) -> int:
        """Return the number of waiting jobs."""
        return len(self._waiting)

    async def run(self, work: Callable[[], Result], client: str = "") -> Result:
        """Run a job when its turn comes, in the context (and language) of the caller.

        Args:
            work: The job.
            client: Address of the client.

        Raises:
            HttpError: 503, the queue is full.
        """
        if len(self._waiting) >= self._max_waiting and not self._free_threads:
            self._make_room(client)
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(client, work, copy_context(), result))
        self._start_jobs()
        return await result

    def _make_room(self, client: str) -> None:
        """Refuse the last job of the client with most jobs, or a new job of `client`."""
        counts = Counter(job.client for job in self._waiting)
        greediest = max(counts, key=lambda name: counts[name], default=client)
        if counts[greediest] <= counts[client] + 1:
            raise busy_error()
        last = next(job for job in reversed(self._waiting) if job.client == greediest)
        self._waiting.remove(last)
        if not last.result.done():
            last.result.set_exception(busy_error())

    def _start_jobs(self) -> None:
        """Start waiting jobs while a thread is free."""
        self._waiting = [job for job in self._waiting if not job.result.done()]  # clients that left
        while self._waiting and self._free_threads:
            clients = dict.fromkeys(waiting.client for waiting in self._waiting)
            next_client = min(clients, key=self._used.__getitem__)
            job = next(waiting for waiting in self._waiting if waiting.client == next_client)
            self._waiting.remove(job)
            self._free_threads -= 1
            future = self._threads.submit(job.context.run, job.work)
            future.add_done_callback(partial(self._hand_over, job, time.monotonic()))

    def _hand_over(self, job: _Job, began: float, done: Future[Any]) -> None:
        """Take a result from its thread to the event loop."""
        seconds = time.monotonic() - began
        job.result.get_loop().call_soon_threadsafe(self._finish, job, done, seconds)

    def _finish(self, job: _Job, done: Future[Any], seconds: float) -> None:
        """Hand over the result of a job, and start the next one."""
        self._free_threads += 1
        self._used.add(job.client, seconds)
        if not job.result.done():
            if error := done.exception():
                job.result.set_exception(error)
            else:
                job.result.set_result(done.result())
        self._start_jobs()

    def close(self) -> None:
        """Stop the threads after the running jobs."""
        self._threads.shutdown(cancel_futures=True)


class _TimeUsed:
    """Seconds of work of each client, of which older ones count less."""

    def __init__(self) -> None:
        self._seconds: dict[str, tuple[float, float]] = {}  # with the time of the last addition

    def __getitem__(self, client: str) -> float:
        seconds, at = self._seconds.get(client, (0.0, 0.0))
        return float(seconds * 0.5 ** ((time.monotonic() - at) / FORGET_SECONDS))

    def add(self, client: str, seconds: float) -> None:
        """Add the time of a job; clients whose time hardly counts are forgotten."""
        self._seconds[client] = (self[client] + seconds, time.monotonic())
        if len(self._seconds) > 1000:
            latest = sorted(self._seconds, key=lambda name: self._seconds[name][1])[500:]
            self._seconds = {name: self._seconds[name] for name in latest}


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
