"""The OpenAPI document is valid, tells every route, and answers are as it says."""

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


def test_it_is_valid(document: Any) -> None:
    validate(document)


def check(document: Any, schema: str, content: Any) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    Draft202012Validator(whole).validate(content)


def test_answers_are_as_it_says(document: Any, client: TestClient, photo: Path) -> None:
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


def test_every_route_and_method_is_told(document: Any, client: TestClient) -> None:
    methods = {"get", "post", "put", "delete", "patch"}
    told = {(path, one) for path, item in document["paths"].items() for one in methods & set(item)}
    served = {
        (path, one)
        for path in ("/identify", "/minerals", "/health")
        for one in methods
        if client.request(one, path).status_code != 405
    }
    assert told == served


def test_parameters_are_those_that_are_read(document: Any, client: TestClient, photo: Path) -> None:
    values = {"hardness": "5-6", "streak": "white", "lustre": "vitreous", "density": "2.7"}
    values |= {"magnetic": "no", "acid": "no", "coverage": "0.8", "top": "2"}
    values |= {"heat_map": "no", "lang": "zh"}
    told = [one["name"] for one in document["paths"]["/identify"]["post"]["parameters"]]
    assert sorted(told) == sorted(values)
    answered = client.post(
        "/identify",
        params=values,
        content=photo.read_bytes(),
        headers={"content-type": "image/png"},
    )
    assert answered.status_code == 200
    assert len(answered.json()["candidates"]) == 2
    assert answered.json()["set"]["coverage"] == 0.8
