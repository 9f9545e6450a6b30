"""The description of the API, as OpenAPI 3.1 has it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from mineral_recog.serve.request_schemas import Asked, Question
from mineral_recog.serve.uploads import FORMATS, MOST_PIXELS

Schema = dict[str, Any]


def document(classes: int) -> Schema:
    """The OpenAPI document of a server whose model knows so many classes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mineral-recog",
            "version": version("mineral-recog"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": f"Identifies minerals from photos; this model knows {classes} classes. "
            "Nothing is kept between requests. Errors come in English or Chinese, by ?lang= or "
            "the header Accept-Language.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/identify": {"post": _identify()},
            "/minerals": {
                "get": {
                    "operationId": "minerals",
                    "summary": "The classes that the model knows, with their facts.",
                    "parameters": [_LANG],
                    "responses": {"200": _answered("Minerals")} | _errors("400"),
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether the server is there, and how many photos wait.",
                    "parameters": [_LANG],
                    "responses": {"200": _answered("Health")} | _errors("400"),
                }
            },
        },
        "components": {"schemas": _requests() | _RESPONSES},
    }


def _identify() -> Schema:
    photo = {"schema": {"type": "string", "contentMediaType": "image/*"}}
    return {
        "operationId": "identify",
        "summary": "What the mineral in a photo is, or in several photos of one specimen.",
        "description": "Send a photo as the body: its answer has `sightings`. For several photos "
        "of one specimen, or other evidence, send their sightings as JSON; that runs no network. "
        f"Photos: {', '.join(FORMATS)}, at most {MOST_PIXELS / 10**6:g} million pixels.",
        "parameters": [*_parameters(), _LANG],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": photo,
                "application/octet-stream": photo,
                "application/json": {"schema": _ref("Question")},
            },
        },
        "responses": {"200": _answered("Answer")}
        | _errors("400", "403", "408", "413", "415", "422", "503"),
    }


def _parameters() -> list[Schema]:
    """Those of a request with a photo, by the schema that reads them."""
    found = []
    for name, schema in Asked.model_json_schema()["properties"].items():
        told = {key: value for key, value in schema.items() if key != "description"}
        found.append(
            {"name": name, "in": "query", "schema": told, "description": schema["description"]}
        )
    return found


def _requests() -> dict[str, Schema]:
    schema = Question.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Schema] = schema.pop("$defs")
    return {"Question": schema} | parts


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answered(name: str) -> Schema:
    content = {"application/json": {"schema": _ref(name)}}
    return {"description": "The answer.", "content": content}


def _errors(*statuses: str) -> dict[str, Schema]:
    content = {"application/json": {"schema": _ref("Error")}}
    return {one: {"description": _WHY[one], "content": content} for one in statuses}


def _object(optional: dict[str, Schema] | None = None, **properties: Schema) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_WHY = {
    "400": "Empty, broken off, not JSON, or an unknown Host.",
    "403": "Asked by a page of another site.",
    "408": "The body came too slowly.",
    "413": "Too many bytes or pixels.",
    "415": "Not a photo of a known format.",
    "422": "A damaged photo, or a value that is not understood.",
    "503": "Busy: try again after the seconds in Retry-After.",
}
_LANG: Schema = {
    "name": "lang",
    "in": "query",
    "schema": {"enum": ["en", "zh"]},
    "description": "language of errors",
}
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_BOTH = _object(en=_TEXT, zh=_TEXT)
_BOTH_OR_NULL: Schema = {"anyOf": [_BOTH, {"type": "null"}]}
_FACTS: Schema = {
    "type": ["object", "null"],
    "description": "facts of the mineral; null for a class that the table does not know",
}
_RESPONSES: dict[str, Schema] = {
    "Error": _object(error=_TEXT),
    "Health": _object(status={"const": "ok"}, version=_TEXT, classes=_COUNT, waiting=_COUNT),
    "Minerals": _object(
        classes=_list(_object(**{"class": _TEXT, "names": _BOTH, "mineral": _FACTS})),
        words=_object(streak=_list(_BOTH), lustre=_list(_BOTH)),
    ),
    "Candidate": _object(
        **{
            "class": _TEXT,
            "names": _BOTH,
            "probability": _SHARE,
            "by_photo": _SHARE,
            "in_set": {"type": "boolean"},
            "mineral": _FACTS,
        }
    ),
    "Answer": _object(
        photos=_COUNT,
        none_of_these=_object(**{"is": {"type": "boolean"}, "strangeness": _NUMBER,
                                 "limit": _NUMBER}),
        candidates=_list(_ref("Candidate")),
        set=_object(coverage=_SHARE, classes=_list(_TEXT)),
        evidence={"type": "object", "description": "as it was understood"},
        unknown_to_table=_list(_TEXT),
        tests=_list(_object(key=_TEXT, bits=_NUMBER, text=_BOTH)),
        lookalikes=_list(
            _object(**{"class": _TEXT, "names": _BOTH, "text": _BOTH_OR_NULL})
        ),
        optional={
            "sightings": _list(_object(logits=_list(_NUMBER), strangeness=_NUMBER)),
            "heat_map": _object(**{"values": _list(_list(_SHARE)), "class": _TEXT}),
            "similar": _list(
                _object(
                    **{
                        "class": _TEXT,
                        "names": _BOTH,
                        "photo": _TEXT,
                        "similarity": _NUMBER,
                        "thumbnail": _TEXT,
                    }
                )
            ),
        },
    ),
}  # fmt: skip
