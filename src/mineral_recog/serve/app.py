"""The HTTP application. It is stateless: it stores nothing of a request."""

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
from mineral_recog.identify.answer import class_names
from mineral_recog.identify.identifier import Identifier, Observation
from mineral_recog.minerals.facts import VOCABULARIES
from mineral_recog.serve.guard import Guard
from mineral_recog.serve.http_errors import HttpError, error_response
from mineral_recog.serve.openapi import build_document
from mineral_recog.serve.request_bodies import RequestBodies
from mineral_recog.serve.request_schemas import (
    AnswerParameters,
    max_question_bytes,
    parse_parameters,
    parse_question,
)
from mineral_recog.serve.uploads import decode_photo
from mineral_recog.serve.work_queue import WorkQueue

PAGE = Path(str(files("mineral_recog.page")))
MAX_PHOTO_BYTES = 20 * 10**6
MAX_TOTAL_BODY_BYTES = 200 * 10**6  # of all request bodies in memory
BODY_SECONDS = 30.0
MAX_WAITING_PHOTOS = 8  # the last one waits a few seconds on a small machine
MAX_WAITING_QUESTIONS = 32  # an answer without a pass of the network takes milliseconds


class _Service:
    """The routes, for one identifier."""

    def __init__(self, identifier: Identifier, max_waiting: int) -> None:
        self.identifier, self.model = identifier, identifier.bundle.fingerprint()
        self.photo_queue = WorkQueue(max_waiting)
        self.question_queue = WorkQueue(MAX_WAITING_QUESTIONS)
        self.bodies = RequestBodies(MAX_TOTAL_BODY_BYTES, BODY_SECONDS)

    async def identify(self, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == "application/json":
            return await self._answer_question(request)
        if media_type == "application/octet-stream" or media_type.startswith("image/"):
            return await self._answer_photo(request)
        raise HttpError(
            415,
            tr(
                "Send a photo with a Content-Type such as image/jpeg, or application/json.",
                "请发送照片，并给出如 image/jpeg 的 Content-Type；或发送 application/json。",
            ),
        )

    async def _answer_photo(self, request: Request) -> Response:
        query = {k: v for k, v in request.query_params.items() if k != "lang"}
        parameters = parse_parameters(query)
        async with self.bodies.read(request, MAX_PHOTO_BYTES) as body:
            return _json_response(
                await self.photo_queue.run(lambda: self._identify_photo(body, parameters))
            )

    def _identify_photo(self, body: bytes, parameters: AnswerParameters) -> bytes:
        evidence = parameters.parse()
        photo = decode_photo(body, self.identifier.short_side)
        (observation,) = self.identifier.observe([photo])
        answer = self.identifier.answer([observation.outputs], evidence, parameters.coverage)
        outputs = observation.outputs
        content = answer.to_json(parameters.top) | {
            "sightings": [
                {
                    "logits": outputs.logits.tolist(),
                    "strangeness": outputs.ood_score,
                    "model": self.model,
                }
            ],
            "similar": self._similar_photos(observation),
        }
        if parameters.heat_map:
            first = answer.candidates[0].name
            values = self.identifier.heat_map(observation, first)
            content["heat_map"] = {"values": values.round(3).tolist(), "class": first}
        return _to_json(content)

    def _similar_photos(self, observation: Observation) -> list[dict[str, Any]]:
        classes, minerals = self.identifier.classes, self.identifier.minerals
        return [
            {
                "class": classes[similar.label],
                "names": class_names(classes[similar.label], minerals[similar.label]),
                "photo": similar.path,
                "similarity": round(similar.similarity, 4),
                "thumbnail": f"data:image/jpeg;base64,{b64encode(similar.jpeg).decode()}",
            }
            for similar in self.identifier.similar(observation)
        ]

    async def _answer_question(self, request: Request) -> Response:
        async with self.bodies.read(
            request, max_question_bytes(len(self.identifier.classes))
        ) as body:
            return _json_response(await self.question_queue.run(lambda: self._combine(body)))

    def _combine(self, body: bytes) -> bytes:
        question = parse_question(body)
        outputs = question.to_outputs(self.model, len(self.identifier.classes))
        evidence = question.evidence.parse()
        return _to_json(
            self.identifier.answer(outputs, evidence, question.coverage).to_json(question.top)
        )

    async def health(self, request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "version": version("mineral-recog"),
                "model": self.model,
                "classes": len(self.identifier.classes),
                "waiting": self.photo_queue.waiting,
            }
        )

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        self.photo_queue.close()
        self.question_queue.close()


def build_app(
    identifier: Identifier, hosts: Iterable[str] = (), max_waiting: int = MAX_WAITING_PHOTOS
) -> ASGIApp:
    """Build the application.

    Args:
        identifier: The model that answers.
        hosts: Host names of the server besides `localhost` and IP addresses.
        max_waiting: Number of photos that may wait for the network; further ones get status 503.
    """
    service = _Service(identifier, max_waiting)
    # Two responses that never change; a response is an application that can run many times.
    minerals = _json_response(_to_json(_describe_classes(identifier, service.model)))
    document = _json_response(_to_json(build_document(len(identifier.classes))))
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/identify", service.identify, methods=["POST"]),
            Route("/minerals", minerals, methods=["GET"]),
            Route("/health", service.health),
            Route("/openapi.json", document, methods=["GET"]),
            Mount("/static", StaticFiles(directory=PAGE)),
        ],
        exception_handlers=_handlers(),
        lifespan=service.lifespan,
    )
    return Guard(app, hosts)


async def _page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


def _describe_classes(identifier: Identifier, model: str) -> dict[str, Any]:
    """Return the classes with their facts, and the words for evidence in both languages."""
    classes = [
        {
            "class": name,
            "names": class_names(name, mineral),
            "mineral": None if mineral is None else mineral.facts(),
        }
        for name, mineral in zip(identifier.classes, identifier.minerals, strict=True)
    ]
    words = {
        column: [
            {"en": english, "zh": chinese} for english, chinese in VOCABULARIES[column].items()
        ]
        for column in ("streak", "lustre")
    }
    return {"model": model, "classes": classes, "words": words}


def _to_json(content: Any) -> bytes:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # escapes lone surrogates


def _json_response(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _handlers() -> dict[Any, Callable[[Request, Any], Awaitable[Response]]]:
    """Return the error handlers; Starlette uses the one of the most specific class."""

    async def user_error(request: Request, error: UserError) -> Response:
        return error_response(error)

    async def http_error(request: Request, error: HTTPException) -> Response:
        text = {
            404: tr(
                "This address does not exist: see /openapi.json.",
                "地址不存在：请参见 /openapi.json。",
            ),
            405: tr(
                "This address does not support the method: see /openapi.json.",
                "该地址不支持此方法：请参见 /openapi.json。",
            ),
        }.get(error.status_code, error.detail)
        return error_response(HttpError(error.status_code, text, error.headers))

    async def internal_error(request: Request, error: Exception) -> Response:
        text = tr(
            "An internal error occurred; the server is still running: try again, or report it.",
            "服务器内部出错，但仍在运行：请重试或反馈此问题。",
        )
        return error_response(HttpError(500, text))

    return {UserError: user_error, HTTPException: http_error, Exception: internal_error}
