"""The application with a small model that is trained once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.torch_engine import TorchEngine
from mineral_recog.serve.access import Access
from mineral_recog.serve.app import build_app


@pytest.fixture(scope="package")
def identifier(trained: Path) -> Identifier:
    return load(trained, device="cpu")


@pytest.fixture(scope="package")
def other_identifier(trained: Path) -> Identifier:
    """A model with as many classes that answers otherwise."""
    identifier = load(trained, device="cpu")
    engine = identifier.model.engine
    assert isinstance(engine, TorchEngine)
    for weights in engine.network.classifier.parameters():
        weights.data = weights.data.roll(1, dims=0)
    identifier.model = replace(identifier.model, fingerprint="0" * 64)
    return identifier


@pytest.fixture(scope="package")
def client(identifier: Identifier) -> Iterator[TestClient]:
    app = build_app(identifier, Access(hosts=("minerals.example",)))
    with TestClient(app, "http://localhost", headers={"accept-language": "en"}) as client:
        yield client


@pytest.fixture(scope="package")
def photo(prepared: Path) -> Path:
    return prepared / "test" / "beryl" / "0.png"
