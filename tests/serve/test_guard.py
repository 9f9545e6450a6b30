"""Checks of every request: hosts, other sites, headers, languages; and the page's files."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from mineral_recog.identify.identifier import Identifier
from mineral_recog.serve.access import Access
from mineral_recog.serve.app import PAGE, build_app
from mineral_recog.serve.guard import SECURITY_HEADERS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/static/page.js", 200),
        ("GET", "/health", 200),
        ("POST", "/identify", 400),
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
    ("headers", "refused"),
    [
        ({"origin": "http://localhost"}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        # Behind a proxy that does not pass Host, the browser knows that it is the same site.
        ({"sec-fetch-site": "same-origin", "origin": "https://minerals.example"}, False),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "http://localhost:9999"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://["}, True),
        ({"origin": "http://[::1"}, True),
        ({"origin": "//"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "\x80"}, True),
    ],
)
def test_requests_from_pages_of_other_sites_are_refused(
    client: TestClient, headers: dict[str, str], refused: bool
) -> None:
    """Status 400 means that the origin was accepted: the request is empty."""
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = client.post("/identify", headers=encoded)
    assert response.status_code == (403 if refused else 400)
    assert set(SECURITY_HEADERS) <= set(response.headers)


def test_listed_sites_may_use_the_api(identifier: Identifier) -> None:
    access = Access(origins=("https://Museum.example/",))
    with TestClient(build_app(identifier, access), "http://localhost") as client:
        for origin, allowed in (("https://museum.example", True), ("https://evil.example", False)):
            headers = {"origin": origin, "sec-fetch-site": "cross-site"}
            asked = {**headers, "access-control-request-method": "POST"}
            preflight = client.options("/identify", headers=asked)
            answer = client.post("/identify", headers=headers)
            for response in (preflight, answer):
                granted = response.headers.get("access-control-allow-origin")
                assert granted == (origin if allowed else None)
                assert "Accept-Language" in response.headers["vary"]
            assert answer.status_code == (400 if allowed else 403)


def test_token_is_needed_for_answers(identifier: Identifier) -> None:
    app = build_app(identifier, Access(token="secret ü"))
    with TestClient(app, "http://localhost") as client:
        for path in ("/", "/static/page.js", "/health", "/openapi.json"):
            assert client.get(path).status_code == 200
        for sent in (None, "Bearer", "Bearer secret", "Basic secret ü"):
            headers = {} if sent is None else {"authorization": sent.encode()}
            response = client.get("/minerals", headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert client.post("/identify", headers=headers).status_code == 401
        headers = {"authorization": "Bearer secret ü".encode()}
        assert client.get("/minerals", headers=headers).status_code == 200
        assert client.post("/identify", headers=headers).status_code == 400


def test_server_answers_below_a_path(identifier: Identifier) -> None:
    """uvicorn adds the path that the proxy has removed."""
    app = build_app(identifier, Access(root_path="/minerals", token="secret"))
    with TestClient(app, "http://localhost", root_path="/minerals") as client:
        for path in ("", *re.findall(r'(?:src|href)="([^"]+)"', client.get("/minerals/").text)):
            assert client.get(f"/minerals/{path}").status_code == 200
        assert client.get("/minerals/minerals").status_code == 401
        document = client.get("/minerals/openapi.json").json()
        assert document["servers"] == [{"url": "/minerals"}]


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


NAMED_HOSTS = {
    "icon.svg": ("http://www.w3.org/2000/svg",),  # the name space
    # Of links that only the user opens.
    "facts.js": ("https://www.mindat.org/", "https://${language}.wikipedia.org/"),
}


def test_page_loads_only_its_own_files(
    client: TestClient,
) -> None:
    page = client.get("/").text
    names = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert names
    for name in names:
        assert client.get(name).status_code == 200
    texts = [file for file in PAGE.rglob("*") if file.suffix in (".html", ".css", ".js", ".svg")]
    for file in texts:  # not onnxruntime-web, which names hosts in its messages
        text = file.read_text(encoding="utf-8")
        for host in NAMED_HOSTS.get(file.name, ()):
            assert host in text
            text = text.replace(host, "")
        assert "//" not in re.sub(r"(?m)(^|\s)//.*$", "", text), f"{file.name} names a host"
    assert not re.search(r"<script(?![^>]*src)|\son\w+=|\sstyle=|<style", page)


def test_both_languages_have_the_same_keys() -> None:
    keys: set[str] = set()
    for file in ("texts.js", "book_texts.js"):
        english, chinese = (PAGE / file).read_text(encoding="utf-8").split("\n  zh: {")
        key = re.compile(r"^    (\w+):", re.MULTILINE)
        assert key.findall(english.split("\n  en: {")[1]) == key.findall(chinese)
        assert not keys & set(key.findall(chinese))
        keys |= set(key.findall(chinese))
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-text="(\w+)"', page)) <= keys
