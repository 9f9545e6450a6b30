"""Real connections: deadlines, room for new clients, and bytes that are not HTTP."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx2
import pytest
import uvicorn

from mineral_recog.identify.identifier import Identifier
from mineral_recog.serve import connections
from mineral_recog.serve.app import build_app
from mineral_recog.serve.connections import BoundedConnection
from mineral_recog.serve.guard import SECURITY_HEADERS


@pytest.fixture(scope="module")
def port(identifier: Identifier) -> Iterator[int]:
    config = uvicorn.Config(
        build_app(identifier), http=BoundedConnection, ws="none", log_config=None, lifespan="on"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def send(port: int, request: bytes) -> bytes:
    """Send bytes and return what the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(2**16):
                answer += part
        return answer


START, HOST = b"GET /health HTTP/1.1\r\n", b"Host: localhost\r\nConnection: close\r\n"
MALFORMED_REQUESTS = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    START + b"\r\n",  # no Host
    START + HOST + b"Host: other\r\n\r\n",
    START + HOST + b"no colon\r\n\r\n",
    START + HOST + b": no name\r\n\r\n",
    START + HOST + b"\xff: x\r\n\r\n",
    START + HOST + b"X: \x00\r\n\r\n",
    START + HOST + b"Content-Length: -1\r\n\r\n",
    START + HOST + b"Content-Length: 1e3\r\n\r\n",
    START + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    START + HOST + b"Transfer-Encoding: unknown\r\n\r\n",
    START + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    START + HOST + b"X: " + b"x" * 400_000 + b"\r\n\r\n",
    START + b"Host: [\r\nConnection: close\r\n\r\n",
    START + b"Host: [::1\r\nConnection: close\r\n\r\n",
    START + b"Host: ]\r\nConnection: close\r\n\r\n",
    START + b"Host: \xe2\x84\x80\r\nConnection: close\r\n\r\n",
    START + b"Host: localhost:port\r\nHost:\r\n\r\n",
    b"POST /identify HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nnot a size\r\n",
    b"POST /identify HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    b"GET /%zz%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /health?%zz&lang=\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /health?lang=%ff HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /static/%2e%2e/%2e%2e HTTP/1.1\r\n" + HOST + b"\r\n",
    b"PATCH /identify HTTP/1.1\r\n" + HOST + b"Sec-Fetch-Site: \xff\r\n\r\n",
]
ODD_HEADERS = [  # of a request without a body
    b"Origin: http://[", b"Origin: \xff\xfe", b"Origin: //[::1]:x", b"Origin: http://localhost:99999",
    b"Sec-Fetch-Site: \xff", b"Sec-Fetch-Site: cross-site, same-origin", b"Content-Type: ",
    b"Content-Type: \xff/\xff; =", b"Content-Type: multipart/form-data",
    b"Content-Type: multipart/form-data; boundary=",
    b"Content-Type: multipart/form-data; boundary*=x",
    b"Content-Type: application/json; charset=\xff", b"Content-Length: 0",
    b"Accept-Language: \xff;q=a,,,;", b"Accept-Language: " + b"a," * 5000, b"Cookie: \xff=\xff",
    b"Authorization: \xff", b"Range: bytes=9-1", b"X-Forwarded-For: [, \xff",
    b"X-Forwarded-Proto: \xff", b"Upgrade: websocket\r\nConnection: Upgrade", b"Expect: \xff",
    b"If-Modified-Since: never", b"Host-: x",
]  # fmt: skip


@pytest.mark.parametrize(
    "request_bytes",
    [
        *MALFORMED_REQUESTS,
        *(b"POST /identify HTTP/1.1\r\n" + HOST + odd + b"\r\n\r\n" for odd in ODD_HEADERS),
    ],
    ids=lambda value: repr(value[:70]),
)
def test_malformed_requests_are_refused_with_the_headers_of_every_response(
    port: int, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = send(port, request_bytes)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    assert 400 <= int(lines[0].split()[1]) < 500, answer
    for name, value in SECURITY_HEADERS.items():
        assert any(line.startswith(f"{name}: {value.lower()}") for line in lines), name
    assert b"error" in body
    assert not [record for record in caplog.records if record.exc_info]


def test_unfinished_connections_do_not_keep_others_out(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    starts = (
        b"GET /hea",
        b"",
        b"POST /identify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
    )
    with ExitStack() as stack, httpx2.Client(base_url=f"http://127.0.0.1:{port}") as honest:
        assert honest.get("/health").status_code == 200
        for number in range(60):
            hostile = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            hostile.sendall(starts[number % 3])
            if number % 10 == 9:
                assert httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200
        assert honest.get("/health").status_code == 200


def test_headers_have_a_deadline(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    began = time.monotonic()
    assert send(port, b"") == send(port, b"GET /") == b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in connection.recv(2**16)
        connection.sendall(b"GET /")
        with suppress(ConnectionResetError):
            while connection.recv(2**16):  # what was left of the first answer
                pass
    assert time.monotonic() - began < 4  # of uvicorn's 5 seconds between two requests


def test_request_has_a_deadline(
    port: int, identifier: Identifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.2)
    began = time.monotonic()
    sent = b"POST /identify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"
    assert send(port, sent) == b""
    assert time.monotonic() - began < 5
