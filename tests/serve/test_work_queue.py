"""The work queue and its limit, and request bodies that are slow or too large together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

JPEG = {"content-type": "image/jpeg"}


def test_full_queue_answers_busy_and_others_are_answered(
    identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, resume = threading.Event(), threading.Event()
    observe = Identifier.observe

    def slow(self: Identifier, photos: Any, batch_size: int = 32) -> Any:
        started.set()
        assert resume.wait(60)
        return observe(self, photos, batch_size)

    monkeypatch.setattr(Identifier, "observe", slow)
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


def request_of(receive: Callable[[], Any]) -> Request:
    return Request({"type": "http", "method": "POST", "headers": []}, receive)


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

    async def read() -> None:
        bodies = RequestBodies(100, 1.0)
        for _ in range(3):
            async with bodies.read(request_of(complete), 100) as body:
                assert len(body) == 60
                with pytest.raises(HttpError) as caught:
                    async with bodies.read(request_of(complete), 100):
                        pass
                assert caught.value.status == 503

    asyncio.run(read())


def test_body_that_breaks_off_is_reported() -> None:
    async def disconnect() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def read() -> None:
        async with RequestBodies(100, 1.0).read(request_of(disconnect), 100):
            pass

    with pytest.raises(UserError, match="broke off"):
        asyncio.run(read())
