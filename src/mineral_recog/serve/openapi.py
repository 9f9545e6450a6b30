"""OpenAPI 3.1 document of the API."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from mineral_recog.serve.request_schemas import AnswerParameters, Question
from mineral_recog.serve.uploads import FORMATS, MAX_PIXELS

Schema = dict[str, Any]


def build_document(class_count: int) -> Schema:
    """Build the OpenAPI document for a model with `class_count` classes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mineral-recog",
            "version": version("mineral-recog"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": f"Identifies minerals from photos; this model knows {class_count} "
            "classes. The server stores nothing between requests. Errors are in English or "
            "Chinese, chosen by ?lang= or the header Accept-Language.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/identify": {"post": _identify_operation()},
            "/minerals": {
                "get": {
                    "operationId": "minerals",
                    "summary": "List the classes that the model knows, with facts about them.",
                    "parameters": [_LANG],
                    "responses": {"200": _success("Minerals")} | _error_responses("400"),
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Report that the server runs, and how many photos are waiting.",
                    "parameters": [_LANG],
                    "responses": {"200": _success("Health")} | _error_responses("400"),
                }
            },
        },
        "components": {"schemas": _request_schemas() | _RESPONSE_SCHEMAS},
    }


def _identify_operation() -> Schema:
    photo = {"schema": {"type": "string", "contentMediaType": "image/*"}}
    return {
        "operationId": "identify",
        "summary": "Identify the mineral in a photo, or in several photos of one specimen.",
        "description": "Send a photo as the body; the answer contains `sightings`. For several "
        "photos of one specimen, or other evidence, send their sightings as JSON, which does not "
        "run the network again. "
        f"Photos: {', '.join(FORMATS)}, at most {MAX_PIXELS / 10**6:g} million pixels.",
        "parameters": [*_parameters(), _LANG],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": photo,
                "application/octet-stream": photo,
                "application/json": {"schema": _ref("Question")},
            },
        },
        "responses": {"200": _success("Answer")}
        | _error_responses("400", "403", "408", "413", "415", "422", "503"),
    }


def _parameters() -> list[Schema]:
    """Return the query parameters of a request with a photo."""
    parameters = []
    for name, schema in AnswerParameters.model_json_schema()["properties"].items():
        rest = {key: value for key, value in schema.items() if key != "description"}
        parameters.append(
            {"name": name, "in": "query", "schema": rest, "description": schema["description"]}
        )
    return parameters


def _request_schemas() -> dict[str, Schema]:
    schema = Question.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions: dict[str, Schema] = schema.pop("$defs")
    return {"Question": schema} | definitions


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _success(name: str) -> Schema:
    content = {"application/json": {"schema": _ref(name)}}
    return {"description": "The answer.", "content": content}


def _error_responses(*statuses: str) -> dict[str, Schema]:
    content = {"application/json": {"schema": _ref("Error")}}
    return {
        status: {"description": _ERROR_DESCRIPTIONS[status], "content": content}
        for status in statuses
    }


def _object(optional: dict[str, Schema] | None = None, **properties: Schema) -> Schema:
    """Return the schema of an object with these keys and no others."""
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_ERROR_DESCRIPTIONS = {
    "400": "The body is empty, incomplete or not JSON, or the Host is not allowed.",
    "403": "The request comes from a page of another site.",
    "408": "The body took too long to arrive.",
    "413": "The body has too many bytes or pixels.",
    "415": "The body is not a photo in a supported format.",
    "422": "The photo is damaged, or a value is invalid.",
    "503": "The server is busy: try again after the seconds in Retry-After.",
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
_BILINGUAL = _object(en=_TEXT, zh=_TEXT)
_BILINGUAL_OR_NULL: Schema = {"anyOf": [_BILINGUAL, {"type": "null"}]}
_FACTS: Schema = {
    "type": ["object", "null"],
    "description": "facts about the mineral; null for a class that is not in the table of minerals",
}
_RESPONSE_SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=_TEXT),
    "Health": _object(status={"const": "ok"}, version=_TEXT, classes=_COUNT, waiting=_COUNT),
    "Minerals": _object(
        classes=_list(_object(**{"class": _TEXT, "names": _BILINGUAL, "mineral": _FACTS})),
        words=_object(streak=_list(_BILINGUAL), lustre=_list(_BILINGUAL)),
    ),
    "Candidate": _object(
        **{
            "class": _TEXT,
            "names": _BILINGUAL,
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
        evidence={"type": "object", "description": "the evidence as parsed"},
        unknown_to_table=_list(_TEXT),
        tests=_list(_object(key=_TEXT, bits=_NUMBER, text=_BILINGUAL)),
        lookalikes=_list(
            _object(**{"class": _TEXT, "names": _BILINGUAL, "text": _BILINGUAL_OR_NULL})
        ),
        optional={
            "sightings": _list(_object(logits=_list(_NUMBER), strangeness=_NUMBER)),
            "heat_map": _object(**{"values": _list(_list(_SHARE)), "class": _TEXT}),
            "similar": _list(
                _object(
                    **{
                        "class": _TEXT,
                        "names": _BILINGUAL,
                        "photo": _TEXT,
                        "similarity": _NUMBER,
                        "thumbnail": _TEXT,
                    }
                )
            ),
        },
    ),
}  # fmt: skip
