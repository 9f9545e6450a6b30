"""The work queue and its limit, and request bodies that are slow or too large together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from mineral_recog.errors import UserError
from mineral_recog.identify.identifier import Identifier
from mineral_recog.serve.app import build_app
from mineral_recog.serve.http_errors import HttpError
from mineral_recog.serve.request_bodies import RequestBodies
from mineral_recog.serve.work_queue import WorkQueue

JPEG = {"content-type": "image/jpeg"}


def test_full_queue_answers_busy_and_others_are_answered(
    identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, resume = threading.Event(), threading.Event()
    observe = Identifier.observe_views

    def slow(self: Identifier, views: Any) -> Any:
        started.set()
        assert resume.wait(60)
        return observe(self, views)

    monkeypatch.setattr(Identifier, "observe_views", slow)
    body = photo.read_bytes()
    with (
        TestClient(build_app(identifier, max_waiting=2), "http://localhost") as client,
        ThreadPoolExecutor(3) as pool,
    ):
        responses = [
            pool.submit(client.post, "/identify", content=body, headers=JPEG) for _ in range(3)
        ]
        assert started.wait(60)
        while client.get("/health").json()["waiting"] < 2:
            pass
        refused = client.post("/identify", content=body, headers=JPEG)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "busy" in refused.json()["error"]
        # Requests that need no network are answered meanwhile.
        model = client.get("/health").json()["model"]
        sighting = {"logits": [0.0] * 3, "strangeness": 0.0, "model": model}
        question = {"sightings": [sighting]}
        assert client.post("/identify", json=question).status_code == 200
        resume.set()
        answers = [response.result() for response in responses]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.text for answer in answers}) == 1
        assert client.post("/identify", content=body, headers=JPEG).status_code == 200


def test_client_that_has_used_little_time_comes_first_and_greedy_ones_make_room() -> None:
    order: list[str] = []

    async def run() -> None:
        queue, resume = WorkQueue(4), threading.Event()

        def job(name: str) -> None:
            order.append(name)

        first = asyncio.create_task(queue.run(lambda: resume.wait(10), "greedy"))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(queue.run(partial(job, f"greedy {number}"), "greedy"))
                   for number in range(4)]  # fmt: skip
        await asyncio.sleep(0)
        with pytest.raises(HttpError):  # the queue is full
            await queue.run(lambda: None, "greedy")
        honest = asyncio.create_task(queue.run(partial(job, "honest"), "honest"))
        await asyncio.sleep(0.01)
        resume.set()
        await asyncio.gather(first, honest, *waiting[:3])
        with pytest.raises(HttpError):  # the last one of the greedy client made room
            await waiting[3]
        queue.close()

    asyncio.run(run())
    assert order == ["honest", "greedy 0", "greedy 1", "greedy 2"]


def test_errors_and_clients_that_leave_do_not_stop_the_queue() -> None:
    async def run() -> int:
        queue = WorkQueue(4)
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
        slow = asyncio.create_task(queue.run(lambda: time.sleep(0.05)))
        left = asyncio.create_task(queue.run(lambda: 1 // 0))
        await asyncio.sleep(0)
        left.cancel()
        await slow
        result = await queue.run(lambda: 7)
        assert queue.waiting == 0
        queue.close()
        return result

    assert asyncio.run(run()) == 7


def request_of(receive: Callable[[], Any], client: str = "a") -> Request:
    scope = {"type": "http", "method": "POST", "headers": [], "client": (client, 1)}
    return Request(scope, receive)


def test_slow_body_is_refused() -> None:
    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read() -> None:
        async with RequestBodies(1000, 0.05).read(request_of(trickle), 1000):
            raise AssertionError("the body never ends")

    with pytest.raises(HttpError, match="did not arrive") as caught:
        asyncio.run(read())
    assert caught.value.status == 408


def test_bodies_beyond_the_total_limit_are_refused_and_their_memory_is_freed() -> None:
    async def complete() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(60), "more_body": False}

    async def refused(bodies: RequestBodies, client: str) -> bool:
        try:
            async with bodies.read(request_of(complete, client), 100):
                return False
        except HttpError as error:
            return error.status == 503

    async def read() -> None:
        bodies = RequestBodies(150, 1.0)
        for _ in range(3):
            async with bodies.read(request_of(complete, "a"), 100) as body:
                assert len(body) == 60
                assert await refused(bodies, "a")  # a client may use half
                async with bodies.read(request_of(complete, "b"), 100):
                    assert await refused(bodies, "c")

    asyncio.run(read())


def test_body_that_breaks_off_is_reported() -> None:
    async def disconnect() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def read() -> None:
        async with RequestBodies(100, 1.0).read(request_of(disconnect), 100):
            pass

    with pytest.raises(UserError, match="broke off"):
        asyncio.run(read())
