"""OpenAPI 3.1 document of the API; its schemas are those of the pydantic models."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from mineral_recog.serve.access import Access
from mineral_recog.serve.request_schemas import (
    MAX_SIGHTINGS,
    AnswerParameters,
    ApiModel,
    Question,
)
from mineral_recog.serve.response_schemas import Answer, ClassPhotos, Error, Health, Minerals
from mineral_recog.serve.uploads import (
    FORMATS,
    MAX_HEIC_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_OTHER_PIXELS,
)
from mineral_recog.version import __version__

Schema = dict[str, Any]
_MODELS = (Question, Answer, Minerals, ClassPhotos, Health, Error)
_REFERENCE = "#/components/schemas/{model}"
_LANG: Schema = {
    "name": "lang",
    "in": "query",
    "schema": {"enum": ["en", "zh"]},
    "description": "language of errors",
}
_CLASS: Schema = {
    "name": "class",
    "in": "query",
    "required": True,
    "schema": {"type": "string"},
    "description": "name of a class",
}
_ERRORS = {
    "400": "The body is empty, incomplete or not JSON, or the Host is not allowed.",
    "401": "The token is missing or wrong.",
    "403": "The request comes from a page of another site.",
    "408": "The body took too long to arrive.",
    "409": "The sightings are from another model: send the photos again.",
    "413": "The body has too many bytes or pixels.",
    "415": "The body is neither JSON nor a photo in a supported format.",
    "422": "The photo is damaged, or a value is invalid.",
    "503": "The server is busy: try again after the seconds in Retry-After.",
}


def build_document(class_count: int, access: Access) -> Schema:
    """Build the OpenAPI document.

    Args:
        class_count: Number of classes of the model.
        access: Who may use the server.
    """
    _, schemas = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template=_REFERENCE
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mineral-recog",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": f"Identifies minerals from photos; this model knows {class_count} "
            "classes. The server stores nothing between requests. Errors are in English or "
            "Chinese, chosen by ?lang= or the header Accept-Language.",
        },
        "servers": [{"url": access.root_path or "/"}],
        "paths": {
            "/identify": {"post": _identify_operation()},
            "/minerals": {
                "get": {
                    "operationId": "minerals",
                    "summary": "List the classes that the model knows, with facts about them.",
                    "parameters": [_LANG],
                    "responses": _responses(Minerals, "400", "401", "422"),
                }
            },
            "/photos": {
                "get": {
                    "operationId": "photos",
                    "summary": "Show some training photos of a class.",
                    "parameters": [_CLASS, _LANG],
                    "responses": _responses(ClassPhotos, "400", "401", "422"),
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Report that the server runs, and how many photos are waiting.",
                    "parameters": [_LANG],
                    "security": [],
                    "responses": _responses(Health, "400", "422"),
                }
            },
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}] if access.token else [],
    }


def _identify_operation() -> Schema:
    photo = {"schema": {"type": "string", "contentMediaType": "image/*"}}
    return {
        "operationId": "identify",
        "summary": "Identify the mineral in a photo, or in several photos of one specimen.",
        "description": "Send a photo as the body, or a form with several photos of one specimen; "
        "the answer contains `sightings`. For other evidence, send the sightings unchanged as "
        "JSON, without query parameters, which does not run the network again. Heat map and "
        f"similar photos are those of the first photo. Photos: {', '.join(FORMATS)}, and "
        "HEIC where the server has its decoder; a JPEG of at most "
        f"{MAX_JPEG_PIXELS / 10**6:g}, HEIC of at most {MAX_HEIC_PIXELS / 10**6:g}, others of at "
        f"most {MAX_OTHER_PIXELS / 10**6:g} million pixels.",
        "parameters": [*_parameters(), _LANG],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": photo,
                "application/octet-stream": photo,
                "multipart/form-data": {"schema": _form_schema()},
                **_json_content(Question),
            },
        },
        "responses": _responses(
            Answer, "400", "401", "403", "408", "409", "413", "415", "422", "503"
        ),
    }


def _form_schema() -> Schema:
    """Return the schema of a form: photos, under any name, and parameters."""
    photos = {
        "type": "array",
        "items": {"type": "string", "contentMediaType": "image/*"},
        "minItems": 1,
        "maxItems": MAX_SIGHTINGS,
        "description": "photos of one specimen; the name of the field does not matter",
    }
    parameters = AnswerParameters.model_json_schema()["properties"]
    return {
        "type": "object",
        "properties": {"image": photos, **parameters},
        "required": ["image"],
        "additionalProperties": False,
    }


def _parameters() -> list[Schema]:
    """Return the query parameters of a request with a photo."""
    schemas = AnswerParameters.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "description": schema.pop("description"), "schema": schema}
        for name, schema in schemas.items()
    ]


def _responses(answer: type[ApiModel], *errors: str) -> Schema:
    """Return the responses of an operation: its answer, and errors with these statuses."""
    return {"200": {"description": "The answer.", "content": _json_content(answer)}} | {
        status: {"description": _ERRORS[status], "content": _json_content(Error)}
        for status in errors
    }


def _json_content(model: type[ApiModel]) -> Schema:
    reference = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"application/json": {"schema": reference}}
