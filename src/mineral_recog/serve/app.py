"""The HTTP application. It is stateless: it stores nothing of a request."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
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

from mineral_recog.cores import decoding_threads
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.identifier import Identifier
from mineral_recog.identify.known_minerals import known_minerals
from mineral_recog.identify.observation import Observation, View
from mineral_recog.identify.region import Region
from mineral_recog.identify.taxon import class_names
from mineral_recog.serve.access import LOCAL_ACCESS, Access
from mineral_recog.serve.guard import Guard
from mineral_recog.serve.http_errors import HttpError, error_response
from mineral_recog.serve.openapi import build_document
from mineral_recog.serve.request_bodies import RequestBodies, client_address, refuse_longer
from mineral_recog.serve.request_forms import parse_form
from mineral_recog.serve.request_schemas import (
    AnswerParameters,
    check_query,
    max_question_bytes,
    parse_parameters,
    parse_photos_query,
    parse_question,
    refuse_parameters,
)
from mineral_recog.serve.uploads import decode_photo
from mineral_recog.serve.work_queue import WorkQueue
from mineral_recog.version import __version__

PAGE = Path(str(files("mineral_recog.page")))
MAX_PHOTO_BYTES = 20 * 10**6
MAX_FORM_BYTES = 60 * 10**6
MAX_TOTAL_BODY_BYTES = 200 * 10**6  # of all request bodies in memory
BODY_SECONDS = 30.0
MAX_EXAMPLES = 8  # training photos of a class
MAX_WAITING_UPLOADS = 64  # their memory is limited by MAX_TOTAL_BODY_BYTES
MAX_WAITING_PHOTOS = 8  # the last one waits a few seconds on a small machine
MAX_WAITING_QUESTIONS = 32  # an answer without a pass of the network takes milliseconds


class _Service:
    """The routes, for one identifier."""

    def __init__(self, identifier: Identifier, max_waiting: int) -> None:
        self.identifier, self.model = identifier, identifier.model.fingerprint
        self.decode_queue = WorkQueue(MAX_WAITING_UPLOADS, decoding_threads())
        self.photo_queue = WorkQueue(max_waiting)
        self.question_queue = WorkQueue(MAX_WAITING_QUESTIONS)
        self.bodies = RequestBodies(MAX_TOTAL_BODY_BYTES, BODY_SECONDS)

    async def identify(self, request: Request) -> Response:
        query = check_query(request.query_params.multi_items())
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        max_question = max_question_bytes(len(self.identifier.classes))
        limits = {"application/json": max_question, "multipart/form-data": MAX_FORM_BYTES}
        async with self.bodies.read(request, limits.get(media_type, MAX_PHOTO_BYTES)) as body:
            # Programs such as curl send JSON and photos as application/x-www-form-urlencoded.
            if media_type == "application/json" or body[:100].lstrip()[:1] == b"{":
                refuse_parameters(query)
                refuse_longer(body, max_question)
                return await self._answer_question(request, body)
            photos: list[bytes] = [body]
            fields: list[tuple[str, str]] = []
            if media_type == "multipart/form-data":
                photos, fields = parse_form(request.headers["content-type"], body)
            parameters = parse_parameters([*query, *fields])
            return await self._answer_photos(request, photos, parameters)

    async def _answer_photos(
        self, request: Request, photos: Sequence[bytes], parameters: AnswerParameters
    ) -> Response:
        """Answer about photos of one specimen."""
        evidence, region = parameters.parse(), parameters.region()
        client = client_address(request)
        views = await self.decode_queue.run(lambda: self._decode(photos, region), client)
        return _json_response(
            await self.photo_queue.run(
                lambda: self._identify_photos(views, evidence, parameters), client
            )
        )

    def _decode(self, photos: Sequence[bytes], region: Region | None) -> list[View]:
        """Decode photos and reduce them to what the model sees, so that little memory waits."""
        return [self.identifier.look(partial(decode_photo, photo), region) for photo in photos]

    def _identify_photos(
        self, views: Sequence[View], evidence: Evidence, parameters: AnswerParameters
    ) -> bytes:
        observations = list(self.identifier.observe_views(views))
        outputs = [observation.outputs for observation in observations]
        answer = self.identifier.answer(outputs, evidence, parameters.coverage, parameters.level)
        content = answer.to_dict(parameters.top) | {
            "sightings": [
                {
                    "logits": output.logits.tolist(),
                    "strangeness": output.ood_score,
                    "no_mineral": output.gate_score,
                    "problems": dict(output.problems),
                    "model": self.model,
                    "crop": output.region and output.region.rounded(),
                }
                for output in outputs
            ],
            "similar": self._similar_photos(observations[0]),
        }
        first = answer.candidates[0].name
        if name := parameters.heat_map_class(self.identifier.classes, first):
            values = self.identifier.heat_map(observations[0], name)
            region = self.identifier.heat_map_region(observations[0])
            content["heat_map"] = {
                "values": values.round(3).tolist(),
                "class": name,
                "center_share": round(max(region.width, region.height), 4),
                "crop": region.rounded(),
            }
        return _to_json(content)

    def _similar_photos(self, observation: Observation) -> list[dict[str, Any]]:
        classes, taxa = self.identifier.classes, self.identifier.taxa
        return [
            {
                "class": classes[similar.label],
                "names": class_names(classes[similar.label], taxa[similar.label]),
                "photo": similar.path,
                "similarity": round(similar.similarity, 4),
                "thumbnail": _data_url(similar.jpeg),
            }
            for similar in self.identifier.similar(observation)
        ]

    async def _answer_question(self, request: Request, body: bytes) -> Response:
        return _json_response(
            await self.question_queue.run(lambda: self._combine(body), client_address(request))
        )

    def _combine(self, body: bytes) -> bytes:
        question = parse_question(body)
        outputs = question.to_outputs(self.model, len(self.identifier.classes))
        evidence = question.evidence.parse()
        answer = self.identifier.answer(outputs, evidence, question.coverage, question.level)
        return _to_json(answer.to_dict(question.top))

    async def photos(self, request: Request) -> Response:
        """Return training photos of a class."""
        query = check_query(request.query_params.multi_items())
        name = parse_photos_query(query, self.identifier.classes)
        photos = [
            {"photo": path, "thumbnail": _data_url(jpeg)}
            for path, jpeg in self.identifier.examples(name, MAX_EXAMPLES)
        ]
        return _json_response(_to_json({"class": name, "photos": photos}))

    async def health(self, request: Request) -> Response:
        refuse_parameters(check_query(request.query_params.multi_items()))
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "model": self.model,
                "classes": len(self.identifier.classes),
                "waiting": self.decode_queue.waiting + self.photo_queue.waiting,
            }
        )

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        for queue in (self.decode_queue, self.photo_queue, self.question_queue):
            queue.close()


def build_app(
    identifier: Identifier, access: Access = LOCAL_ACCESS, max_waiting: int = MAX_WAITING_PHOTOS
) -> ASGIApp:
    """Build the application.

    Args:
        identifier: The model that answers.
        access: Who may use the server, and by which addresses.
        max_waiting: Number of photos that may wait for the network; further ones get status 503.
    """
    service = _Service(identifier, max_waiting)
    known = known_minerals(service.model, identifier.classes, identifier.taxa, identifier.minerals)
    minerals = known | {"center_share": identifier.center_share}
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/identify", service.identify, methods=["POST"]),
            Route("/minerals", _fixed(minerals)),
            Route("/photos", service.photos),
            Route("/health", service.health),
            Route("/openapi.json", _fixed(build_document(len(identifier.classes), access))),
            Mount("/static", StaticFiles(directory=PAGE)),
        ],
        exception_handlers=_handlers(),
        lifespan=service.lifespan,
    )
    return Guard(app, access)


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


async def _page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


def _fixed(content: Any) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that always answers the same."""
    response = _json_response(_to_json(content))

    async def endpoint(request: Request) -> Response:
        refuse_parameters(check_query(request.query_params.multi_items()))
        return response

    return endpoint


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
