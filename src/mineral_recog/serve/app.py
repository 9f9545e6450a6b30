"""The HTTP application: it answers from what a request brings and keeps nothing of it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer, Candidate
from mineral_recog.identify.identifier import Identifier, Seen
from mineral_recog.minerals.facts import WORDS
from mineral_recog.serve.guard import Guard
from mineral_recog.serve.http_errors import RefusedError, told
from mineral_recog.serve.openapi import document
from mineral_recog.serve.request_bodies import Bodies
from mineral_recog.serve.request_schemas import Asked, largest_question, read_asked, read_question
from mineral_recog.serve.uploads import decode
from mineral_recog.serve.work_queue import Turns

PAGE = Path(str(files("mineral_recog.page")))
LARGEST_PHOTO = 20 * 10**6  # bytes
BODIES_TOGETHER = 200 * 10**6  # bytes of all bodies in memory
BODY_SECONDS = 30.0
WAITING = 8  # photos in the line; the last waits a few seconds on a small machine
WAITING_WITHOUT_PHOTO = 32  # an answer without a pass of the network takes milliseconds


class _Service:
    """The routes, for one identifier."""

    def __init__(self, identifier: Identifier, waiting: int) -> None:
        self.identifier = identifier
        self.passes, self.answers = Turns(waiting), Turns(WAITING_WITHOUT_PHOTO)
        self.bodies = Bodies(BODIES_TOGETHER, BODY_SECONDS)
        self.minerals = _json(_known(identifier))
        self.document = _json(document(len(identifier.classes)))

    async def identify(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return await self._from_sightings(request)
        if kind == "application/octet-stream" or kind.startswith("image/"):
            return await self._from_photo(request)
        raise RefusedError(
            415,
            tr(
                "Send a photo with a Content-Type such as image/jpeg, or application/json.",
                "请发送照片，并给出如 image/jpeg 的 Content-Type；或发送 application/json。",
            ),
        )

    async def _from_photo(self, request: Request) -> Response:
        parameters = {k: v for k, v in request.query_params.items() if k != "lang"}
        asked = read_asked(parameters)
        async with self.bodies.read(request, LARGEST_PHOTO) as body:
            return _response(await self.passes.take(lambda: self._look(body, asked)))

    def _look(self, body: bytes, asked: Asked) -> bytes:
        evidence = asked.read()
        photo = decode(body, self.identifier.short_side)
        (seen,) = self.identifier.look([photo])
        answer = self.identifier.answer([seen.sighting], evidence, asked.coverage)
        found = answer.to_json(asked.top) | self._of_photo(seen, answer)
        if asked.heat_map:
            first = answer.candidates[0].name
            values = self.identifier.heat_map(seen, first)
            found["heat_map"] = {"values": values.round(3).tolist(), "class": first}
        return _json(found)

    def _of_photo(self, seen: Seen, answer: Answer) -> dict[str, Any]:
        """What an answer about one photo has besides."""
        sighting = seen.sighting
        names = {one.name: one.names for one in answer.candidates}
        classes = self.identifier.classes
        return {
            "sightings": [
                {"logits": sighting.logits.tolist(), "strangeness": sighting.strangeness}
            ],
            "similar": [
                {
                    "class": classes[one.label],
                    "names": names[classes[one.label]],
                    "photo": one.photo,
                    "similarity": round(one.similarity, 4),
                    "thumbnail": f"data:image/jpeg;base64,{b64encode(one.jpeg).decode()}",
                }
                for one in self.identifier.similar(seen)
            ],
        }

    async def _from_sightings(self, request: Request) -> Response:
        async with self.bodies.read(request, largest_question(len(self.identifier.classes))) as b:
            return _response(await self.answers.take(lambda: self._combine(b)))

    def _combine(self, body: bytes) -> bytes:
        question = read_question(body)
        sightings = question.seen(len(self.identifier.classes))
        evidence = question.evidence.read()
        return _json(
            self.identifier.answer(sightings, evidence, question.coverage).to_json(question.top)
        )

    async def known(self, request: Request) -> Response:
        return _response(self.minerals)

    async def health(self, request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "version": version("mineral-recog"),
                "classes": len(self.identifier.classes),
                "waiting": self.passes.waiting,
            }
        )

    async def openapi(self, request: Request) -> Response:
        return _response(self.document)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        self.passes.close()
        self.answers.close()


def build_app(identifier: Identifier, hosts: Iterable[str] = (), waiting: int = WAITING) -> ASGIApp:
    """The application.

    Args:
        identifier: that answers.
        hosts: names that the server goes by, besides `localhost` and IP addresses.
        waiting: how many photos may wait for the network; one more is told `busy`.
    """
    service = _Service(identifier, waiting)
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/identify", service.identify, methods=["POST"]),
            Route("/minerals", service.known),
            Route("/health", service.health),
            Route("/openapi.json", service.openapi),
            Mount("/static", StaticFiles(directory=PAGE)),
        ],
        exception_handlers=_handlers(),
        lifespan=service.lifespan,
    )
    return Guard(app, hosts)


async def _page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


def _known(identifier: Identifier) -> dict[str, Any]:
    """The classes with their facts, and the words of evidence in both languages."""
    classes = []
    for name, mineral in zip(identifier.classes, identifier.minerals, strict=True):
        names = Candidate(name, 0.0, 0.0, False, mineral).names
        facts = None if mineral is None else mineral.facts()
        classes.append({"class": name, "names": names, "mineral": facts})
    words = {
        column: [{"en": english, "zh": chinese} for english, chinese in WORDS[column].items()]
        for column in ("streak", "lustre")
    }
    return {"classes": classes, "words": words}


def _json(content: Any) -> bytes:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # half a surrogate becomes its escape


def _response(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _handlers() -> dict[Any, Callable[[Request, Any], Awaitable[Response]]]:
    """What becomes of errors; Starlette tries the nearest class."""

    async def user_error(request: Request, error: UserError) -> Response:
        return told(error)

    async def http_error(request: Request, error: HTTPException) -> Response:
        text = {
            404: tr("Nothing is here: see /openapi.json.", "这里没有内容：请参见 /openapi.json。"),
            405: tr("Not by this method: see /openapi.json.", "方法不对：请参见 /openapi.json。"),
        }.get(error.status_code, error.detail)
        return told(RefusedError(error.status_code, text, error.headers))

    async def fault(request: Request, error: Exception) -> Response:
        text = tr("The server failed; it goes on.", "服务器出错；它仍在运行。")
        return told(RefusedError(500, text))

    return {UserError: user_error, HTTPException: http_error, Exception: fault}
