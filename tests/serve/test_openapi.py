"""The OpenAPI document is valid and complete; responses match it and the models it is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from mineral_recog.serve.request_schemas import ApiModel
from mineral_recog.serve.response_schemas import Answer, ClassPhotos, Error, Health, Minerals


@pytest.fixture(scope="module")
def document(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_document_is_valid(document: Any) -> None:
    validate(document)


def check_schema(document: Any, schema: str, content: Any) -> None:
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    Draft202012Validator(root).validate(content)


def test_responses_match_the_models_and_their_schemas(
    document: Any, client: TestClient, photo: Path
) -> None:
    photo_answer = client.post(
        "/identify", content=photo.read_bytes(), headers={"content-type": "image/png"}
    )
    question = {"sightings": photo_answer.json()["sightings"], "evidence": {"density": "2.7"}}
    check_schema(document, "Question", question)
    responses: list[tuple[type[ApiModel], Response]] = [
        (Answer, photo_answer),
        (Answer, client.post("/identify", json=question)),
        (Minerals, client.get("/minerals")),
        (ClassPhotos, client.get("/photos?class=beryl")),
        (Health, client.get("/health")),
        (Error, client.post("/identify")),
        (Error, client.post("/identify", json=question | {"evidence": {"density": "heavy"}})),
    ]
    for model, response in responses:
        validated = model.model_validate_json(response.content, strict=True)
        assert validated.model_dump(by_alias=True, exclude_unset=True) == response.json()
        check_schema(document, model.__name__, response.json())


def test_keys_of_an_answer_are_required_except_those_about_one_photo(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Answer", "Candidate", "Minerals", "Health", "Error"):
        optional = {
            "Answer": {"sightings", "heat_map", "similar"},
            "Error": {"field"},
        }.get(name, set())
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"]) - optional
        assert schemas[name]["additionalProperties"] is False


def test_every_route_and_method_is_documented(document: Any, client: TestClient) -> None:
    methods = {"get", "post", "put", "delete", "patch"}
    documented = {
        (path, method) for path, item in document["paths"].items() for method in methods & set(item)
    }
    served = {
        (path, method)
        for path in ("/identify", "/minerals", "/photos", "/health")
        for method in methods
        if client.request(method, path).status_code != 405
    }
    assert documented == served


def test_documented_parameters_are_accepted(document: Any, client: TestClient, photo: Path) -> None:
    values = {"hardness": "5-6", "streak": "white", "lustre": "vitreous", "density": "2.7"}
    values |= {"magnetic": "no", "acid": "no", "coverage": "0.8", "top": "2", "level": "class"}
    values |= {"heat_map": "yes", "heat_map_of": "beryl", "lang": "zh", "crop": "0,0,0.5,0.5"}
    values |= {"colours": "green, brown", "transparency": "opaque", "habit": "needles"}
    values |= {"cleavage": "perfect, 3", "cleavage_directions": "3", "fracture": "uneven"}
    values |= {"tenacity": "brittle", "fluorescence_long": "green", "fluorescence_short": "none"}
    parameters = document["paths"]["/identify"]["post"]["parameters"]
    assert sorted(parameter["name"] for parameter in parameters) == sorted(values)
    response = client.post(
        "/identify",
        params=values,
        content=photo.read_bytes(),
        headers={"content-type": "image/png"},
    )
    assert response.status_code == 200
    assert len(response.json()["candidates"]) == 2
    assert response.json()["set"]["coverage"] == 0.8
    assert response.json()["rolled_up"]["level"] == "class"
