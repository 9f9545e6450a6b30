"""Checks and headers of every request: hosts, other sites, the token, and a language.

A page of another site could reach a server on this machine in two ways: with a host name of that
site that resolves to this machine (DNS rebinding), which the Host header shows, and with a form or
a fetch, which the Sec-Fetch-Site and Origin headers show.
"""

from __future__ import annotations

from ipaddress import ip_address
from secrets import compare_digest
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mineral_recog.i18n import Language, tr, use_language
from mineral_recog.serve.access import Access
from mineral_recog.serve.http_errors import HttpError, error_response

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PROTECTED_PATHS = (
    "/identify",
    "/minerals",
    "/photos",
)  # need the token, if there is one; the page has no secrets
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), display-capture=(), geolocation=(self), microphone=(), "
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
        access: Who may use the server. DNS rebinding is caught since its requests carry a host
            name that is not listed.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.hosts = {"localhost", *(host.lower() for host in access.hosts)}
        self.origins = {origin.rstrip("/").lower() for origin in access.origins}
        self.token = access.token
        if self.origins:
            self.app = CORSMiddleware(
                app,
                allow_origins=sorted(self.origins),
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type"],
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; pass other events to the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                varies = headers.get("vary", "")
                headers.update(SECURITY_HEADERS)
                if varies:  # by Origin, if pages of other sites may use the API
                    headers.add_vary_header(varies)
            await send(message)

        with use_language(_language(scope)):
            refusal = self._refuse(scope, Headers(scope=scope))
            response = self.app if refusal is None else error_response(refusal)
            await response(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope, headers: Headers) -> HttpError | None:
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
        if scope["method"] not in SAFE_METHODS and self._is_foreign(host, headers):
            return HttpError(
                403,
                tr(
                    "Requests from pages of other sites are refused: open the page of this server. "
                    "Behind a proxy, let it pass the Host header; for a page of your own, start "
                    "the server with --origin.",
                    "不接受其他网站页面发来的请求：请打开本服务器的页面。经由代理时，请让代理传递 "
                    "Host 头；自己的页面请用 --origin 允许。",
                ),
            )
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self.token and path in PROTECTED_PATHS and scope["method"] != "OPTIONS":
            sent = headers.get("authorization", "").encode("latin-1")
            if not compare_digest(sent, f"Bearer {self.token}".encode()):
                return HttpError(
                    401,
                    tr(
                        "The token is missing or wrong: open the address that the server printed, "
                        "or send it as Authorization: Bearer TOKEN.",
                        "缺少令牌或令牌不对：请打开服务器启动时显示的地址，"
                        "或以 Authorization: Bearer TOKEN 发送。",
                    ),
                    {"www-authenticate": "Bearer"},
                )
        return None

    def _is_foreign(self, host: str, headers: Headers) -> bool:
        """Return whether a page of another site sends the request; programs send no Origin.

        Browsers compare the addresses of page and request themselves and report the result, in
        contexts that they trust (HTTPS or localhost); in others, Origin and Host have to agree.
        """
        origin = headers.get("origin", "")
        if origin.lower() in self.origins:
            return False
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        try:
            return bool(origin) and urlsplit(origin).netloc != host
        except ValueError:  # not an address
            return True

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
