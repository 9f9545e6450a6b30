"""Checks and headers of every request: allowed hosts, no cross-site requests, and a language.

A page of another site could reach a server on this machine in two ways: with a host name of that
site that resolves to this machine (DNS rebinding), which the Host header shows, and with a form or
a fetch, which the Origin and Sec-Fetch-Site headers show.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mineral_recog.i18n import Language, tr, use_language
from mineral_recog.serve.http_errors import HttpError, error_response

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "vary": "Accept-Language",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Middleware that checks every request and adds headers to every response.

    Args:
        app: The guarded application.
        hosts: Host names of the server besides `localhost` and any IP address. DNS rebinding is
            caught since its requests carry another name.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; pass other events to the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        with use_language(_language(scope)):
            refusal = self._refuse(scope["method"], Headers(scope=scope))
            response = self.app if refusal is None else error_response(refusal)
            await response(scope, receive, send_with_headers)

    def _refuse(self, method: str, headers: Headers) -> HttpError | None:
        host = headers.get("host", "")
        if not self._is_allowed(host):
            return HttpError(
                400,
                tr(
                    f"The host name {host[:100]!r} is not allowed: use the IP address, or allow "
                    "the name with --name.",
                    f"不接受主机名 {host[:100]!r}：请使用 IP 地址，或用 --name 允许该名称。",
                ),
            )
        origin = headers.get("origin")
        is_foreign = origin is not None and urlsplit(origin).netloc != host
        site = headers.get("sec-fetch-site", "none")
        if method not in SAFE_METHODS and (is_foreign or site not in ("same-origin", "none")):
            return HttpError(
                403,
                tr(
                    "Requests from pages of other sites are refused: open the page of this server.",
                    "不接受其他网站页面发来的请求：请打开本服务器的页面。",
                ),
            )
        return None

    def _is_allowed(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name not in self.hosts:
                ip_address(name)  # raises ValueError unless the name is an address
        except ValueError:
            return False
        return True


def _language(scope: Scope) -> Language | None:
    """Return the language of `?lang=`, or the first supported one in Accept-Language."""
    requested = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [])
    accepted = Headers(scope=scope).get("accept-language", "").split(",")
    for text in (*requested, *accepted):
        match text.strip()[:2].lower():
            case "en":
                return "en"
            case "zh":
                return "zh"
    return None
