"""What holds for every request: known hosts, no other site's page, strict headers, a language.

A page of another site could reach a server on this machine in two ways: by a name of its own that
it lets point here (DNS rebinding), which the Host header tells, and by sending a form or fetching,
which the Origin and Sec-Fetch-Site headers tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mineral_recog.i18n import Language, reading, tr
from mineral_recog.serve.http_errors import RefusedError, told

SAFE = ("GET", "HEAD", "OPTIONS")
STRICT = {
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
    """An application around the server's own.

    Args:
        app: the server's own.
        hosts: names that the server goes by, besides `localhost` and any IP address; a page that
            rebinds a name of its own sends that name.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand on what is no request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(STRICT)
            await send(message)

        with reading(_language(scope)):
            refused = self._refuse(scope["method"], Headers(scope=scope))
            answer = self.app if refused is None else told(refused)
            await answer(scope, receive, send_strictly)

    def _refuse(self, method: str, headers: Headers) -> RefusedError | None:
        host = headers.get("host", "")
        if not self._known(host):
            return RefusedError(
                400,
                tr(
                    f"This server does not go by the name {host[:100]!r}: use its address.",
                    f"本服务器没有 {host[:100]!r} 这个名称：请使用它的地址。",
                ),
            )
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        site = headers.get("sec-fetch-site", "none")
        if method not in SAFE and (foreign or site not in ("same-origin", "none")):
            return RefusedError(
                403,
                tr("Pages of other sites may not ask here.", "不接受其他网站的页面发来的请求。"),
            )
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.hosts or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _language(scope: Scope) -> Language | None:
    """By `?lang=`, then by the first of the two in Accept-Language."""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [])
    accepted = Headers(scope=scope).get("accept-language", "").split(",")
    for text in (*asked, *accepted):
        match text.strip()[:2].lower():
            case "en":
                return "en"
            case "zh":
                return "zh"
    return None
