"""The static page in a real browser: answers without its server, and an update."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from mineral_recog.export.web import site_files
from tests.programs import CHROMIUM, NEEDS_CHROMIUM
from tests.serve.browsing import HEADLINE

pytestmark = NEEDS_CHROMIUM
SECONDS = 60_000  # for networks and WebAssembly, on a busy machine


class _Handler(SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass  # on standard error


@contextmanager
def web_server(folder: Path, port: int = 0) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


@pytest.fixture
def site(exported: Path, tmp_path: Path) -> Path:
    model = {path.name: path.read_bytes() for path in exported.iterdir()}
    for name, content in site_files(model).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_page_answers_without_its_server_and_tells_of_an_update(
    site: Path, page: Page, prepared: Path
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    photos = sorted((prepared / "test").rglob("*.png"))
    with web_server(site) as port:
        address = f"http://127.0.0.1:{port}/"
        page.goto(address)
        _ask(page, photos[0])
        assert page.evaluate("crossOriginIsolated") is False
    page.reload()
    assert page.evaluate("crossOriginIsolated") is True  # headers of the service worker
    _ask(page, photos[-1])
    expect(page.locator("#ranking li")).to_have_count(3)
    page.fill("#field-hardness", "6-7")
    expect(page.locator("#understood")).to_have_text(re.compile("hardness 6 to 7"))
    assert errors == []

    worker = site / "service_worker.js"
    worker.write_text(re.sub('VERSION = "', 'VERSION = "new', worker.read_text(encoding="utf-8")))
    with web_server(site, port):
        page.reload()
        page.get_by_role("button", name="Reload", exact=True).click(timeout=SECONDS)
        expect(page.locator("#new-version")).to_have_count(0, timeout=SECONDS)
        assert len(page.evaluate("caches.keys()")) == 1


def _ask(page: Page, photo: Path) -> None:
    page.set_input_files("#choose", photo)
    expect(page.locator("#status")).to_have_text(HEADLINE, timeout=SECONDS)
