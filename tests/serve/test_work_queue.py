"""One at a time, a bounded line, bodies that are slow or many."""

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
from mineral_recog.serve.http_errors import RefusedError
from mineral_recog.serve.request_bodies import Bodies

JPEG = {"content-type": "image/jpeg"}


def test_a_full_line_is_told_busy_and_the_others_are_answered(
    identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, go_on = threading.Event(), threading.Event()
    look = Identifier.look

    def slow(self: Identifier, photos: Any, at_once: int = 32) -> Any:
        looking.set()
        assert go_on.wait(60)
        return look(self, photos, at_once)

    monkeypatch.setattr(Identifier, "look", slow)
    body = photo.read_bytes()
    with (
        TestClient(build_app(identifier, waiting=2), "http://localhost") as client,
        ThreadPoolExecutor(3) as pool,
    ):
        asked = [
            pool.submit(client.post, "/identify", content=body, headers=JPEG) for _ in range(3)
        ]
        assert looking.wait(60)
        while client.get("/health").json()["waiting"] < 2:
            pass
        refused = client.post("/identify", content=body, headers=JPEG)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "busy" in refused.json()["error"]
        # What needs no network is answered meanwhile.
        question = {"sightings": [{"logits": [0.0] * 3, "strangeness": 0.0}]}
        assert client.post("/identify", json=question).status_code == 200
        go_on.set()
        answers = [one.result() for one in asked]
        assert [one.status_code for one in answers] == [200] * 3
        assert len({one.text for one in answers}) == 1
        assert client.post("/identify", content=body, headers=JPEG).status_code == 200


def request_of(receive: Callable[[], Any]) -> Request:
    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_body_that_trickles_is_given_up() -> None:
    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read() -> None:
        async with Bodies(1000, 0.05).read(request_of(trickle), 1000):
            raise AssertionError("it never ends")

    with pytest.raises(RefusedError, match="did not arrive") as told:
        asyncio.run(read())
    assert told.value.status == 408


def test_bodies_that_are_too_much_together_are_told_busy_and_leave_their_room() -> None:
    async def whole() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(60), "more_body": False}

    async def read() -> None:
        bodies = Bodies(100, 1.0)
        for _ in range(3):
            async with bodies.read(request_of(whole), 100) as body:
                assert len(body) == 60
                with pytest.raises(RefusedError) as told:
                    async with bodies.read(request_of(whole), 100):
                        pass
                assert told.value.status == 503

    asyncio.run(read())


def test_a_body_that_breaks_off_is_an_error_of_the_client() -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def read() -> None:
        async with Bodies(100, 1.0).read(request_of(gone), 100):
            pass

    with pytest.raises(UserError, match="broke off"):
        asyncio.run(read())
