"""The application with a small model that is trained once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.testclient import TestClient

from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.torch_engine import TorchEngine
from mineral_recog.serve.access import Access
from mineral_recog.serve.app import build_app
from tests.programs import CHROMIUM
from tests.serve.browsing import running_server


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


@pytest.fixture(scope="package")
def address(identifier: Identifier) -> Iterator[str]:
    """A server on a free port."""
    with running_server(build_app(identifier)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        # No sandbox, since tests in containers run as root.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page in English on a desktop; scripts must not log errors or contact other hosts."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    foreign_requests: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type in ("error", "warning")
            and "Failed to load resource" not in message.text
            else None
        ),
    )
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "blob:", "data:"))
            else foreign_requests.append(request.url)
        ),
    )
    page.goto(address)
    expect(page.get_by_text("This model knows 3 minerals.")).to_be_visible()
    yield page
    context.close()
    assert errors == []
    assert foreign_requests == []
