"""Checks of every request: hosts, other sites, headers, languages; and the page's files."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from mineral_recog.serve.app import PAGE
from mineral_recog.serve.guard import SECURITY_HEADERS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/static/page.js", 200),
        ("GET", "/health", 200),
        ("POST", "/identify", 415),
        ("GET", "/identify", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
    ],
)
def test_security_headers_are_on_every_response(
    client: TestClient, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("192.168.1.20:8000", 200),
        ("[::1]:8000", 200),
        ("Minerals.Example", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("[::1", 400),
        ("", 400),
    ],
)
def test_only_allowed_hosts_are_answered(client: TestClient, host: str, status: int) -> None:
    response = client.get("/health", headers={"host": host})
    assert response.status_code == status
    if status == 400:
        assert set(SECURITY_HEADERS) <= set(response.headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost"}, 415),
        ({"sec-fetch-site": "same-origin"}, 415),
        ({"sec-fetch-site": "none"}, 415),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_requests_from_pages_of_other_sites_are_refused(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    """Status 415 means that the origin was accepted: the request has no Content-Type."""
    assert client.post("/identify", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("query", "accepted", "chinese"),
    [
        ("", "zh-CN,zh;q=0.9,en;q=0.8", True),
        ("", "fr,en-GB;q=0.9,zh;q=0.1", False),
        ("?lang=zh", "en", True),
        ("?lang=en", "zh", False),
        ("?lang=fr", "zh", True),
        ("", "fr", False),  # the language of the process
    ],
)
def test_errors_are_in_the_language_of_the_client(
    client: TestClient, query: str, accepted: str, chinese: bool
) -> None:
    response = client.get(f"/nowhere{query}", headers={"accept-language": accepted})
    assert ("地址不存在" in response.json()["error"]) == chinese


def test_page_loads_only_its_own_files(
    client: TestClient,
) -> None:
    page = client.get("/").text
    names = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert names
    for name in names:
        assert client.get(name).status_code == 200
    for file in PAGE.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(?m)(^|\s)//.*$", "", text), f"{file.name} names a host"
    assert not re.search(r"<script(?![^>]*src)|\son\w+=|\sstyle=|<style", page)


def test_both_languages_have_the_same_keys() -> None:
    source = (PAGE / "texts.js").read_text(encoding="utf-8")
    english, chinese = source.split("\n  zh: {")
    key = re.compile(r"^    (\w+):", re.MULTILINE)
    assert key.findall(english.split("\n  en: {")[1]) == key.findall(chinese)
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-text="(\w+)"', page)) <= set(key.findall(chinese))
