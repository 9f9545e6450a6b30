"""The OpenAPI document is valid and complete, and responses match it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def document(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_document_is_valid(document: Any) -> None:
    validate(document)


def check(document: Any, schema: str, content: Any) -> None:
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    Draft202012Validator(root).validate(content)


def test_responses_match_the_schemas(document: Any, client: TestClient, photo: Path) -> None:
    answer = client.post(
        "/identify", content=photo.read_bytes(), headers={"content-type": "image/png"}
    ).json()
    check(document, "Answer", answer)
    question = {"sightings": answer["sightings"], "evidence": {"density": "2.7"}}
    check(document, "Question", question)
    check(document, "Answer", client.post("/identify", json=question).json())
    check(document, "Minerals", client.get("/minerals").json())
    check(document, "Health", client.get("/health").json())
    check(document, "Error", client.post("/identify").json())


def test_every_route_and_method_is_documented(document: Any, client: TestClient) -> None:
    methods = {"get", "post", "put", "delete", "patch"}
    documented = {
        (path, method) for path, item in document["paths"].items() for method in methods & set(item)
    }
    served = {
        (path, method)
        for path in ("/identify", "/minerals", "/health")
        for method in methods
        if client.request(method, path).status_code != 405
    }
    assert documented == served


def test_documented_parameters_are_accepted(document: Any, client: TestClient, photo: Path) -> None:
    values = {"hardness": "5-6", "streak": "white", "lustre": "vitreous", "density": "2.7"}
    values |= {"magnetic": "no", "acid": "no", "coverage": "0.8", "top": "2"}
    values |= {"heat_map": "no", "lang": "zh"}
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
