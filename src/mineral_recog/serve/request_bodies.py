"""Reading request bodies, with limits for size, time and the memory of all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import HttpError
from mineral_recog.serve.work_queue import busy_error


def client_address(request: Request) -> str:
    """Return the address of the client, or that which a trusted proxy names."""
    return request.client.host if request.client else ""


class RequestBodies:
    """The bodies of all requests in progress.

    Args:
        max_total_bytes: Memory for all bodies, of which one client may use half; requests beyond
            it get status 503.
        seconds: Time in which a body must arrive.
    """

    def __init__(self, max_total_bytes: int, seconds: float) -> None:
        self._max_bytes, self._seconds = max_total_bytes, seconds
        self._used: Counter[str] = Counter()  # bytes of each client

    @asynccontextmanager
    async def read(self, request: Request, max_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body of a request; the context manager frees its memory at the end.

        Args:
            request: The request.
            max_bytes: Largest size of the body.

        Raises:
            HttpError: 400 empty or incomplete, 408 too slow, 413 too large, 503 no memory left.
        """
        body, client = bytearray(), client_address(request)
        try:
            await self._receive(body, request, max_bytes)
            if not body:
                raise HttpError(
                    400,
                    tr(
                        "The request is empty: send a photo or JSON.",
                        "请求内容为空：请发送照片或 JSON。",
                    ),
                )
            yield bytes(body)
        finally:
            self._used[client] -= len(body)
            if not self._used[client]:
                del self._used[client]

    async def _receive(self, body: bytearray, request: Request, max_bytes: int) -> None:
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > max_bytes:
            raise _too_large_error(max_bytes)
        try:
            await asyncio.wait_for(self._fill(body, request, max_bytes), self._seconds)
        except asyncio.TimeoutError:
            raise HttpError(
                408,
                tr(
                    f"The request did not arrive within {self._seconds:g} seconds: send less data.",
                    f"请求未在 {self._seconds:g} 秒内传完：请减少数据后重试。",
                ),
                {"connection": "close"},
            ) from None
        except ClientDisconnect:
            raise HttpError(
                400, tr("The transfer broke off: send the request again.", "传输中断：请重新发送。")
            ) from None

    async def _fill(self, body: bytearray, request: Request, max_bytes: int) -> None:
        client = client_address(request)
        async for chunk in request.stream():
            if len(body) + len(chunk) > max_bytes:
                raise _too_large_error(max_bytes)
            total, own = self._used.total() + len(chunk), self._used[client] + len(chunk)
            if total > self._max_bytes or own > self._max_bytes / 2:
                raise busy_error()
            self._used[client] += len(chunk)
            body += chunk


def refuse_longer(body: bytes, max_bytes: int) -> None:
    """Refuse a body whose kind is only known once it is there.

    Raises:
        HttpError: 413, the body is too large.
    """
    if len(body) > max_bytes:
        raise _too_large_error(max_bytes)


def _too_large_error(max_bytes: int) -> HttpError:
    size = f"{max_bytes / 10**6:.3g} MB"
    return HttpError(
        413,
        tr(
            f"The request is larger than {size}: send less data.",
            f"请求超过 {size}：请减少数据后重试。",
        ),
        {"connection": "close"},
    )
