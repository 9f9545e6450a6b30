"""Reading what clients send: not too much, not too slowly, and not too much of all together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import RefusedError
from mineral_recog.serve.work_queue import busy


class Bodies:
    """The bodies of requests in hand.

    Args:
        together: bytes of all bodies in memory at most; beyond, clients are told `busy`.
        seconds: in which a body must have arrived.
    """

    def __init__(self, together: int, seconds: float) -> None:
        self._left, self._seconds = together, seconds

    @asynccontextmanager
    async def read(self, request: Request, largest: int) -> AsyncIterator[bytes]:
        """The body of a request, of at most `largest` bytes; its room is free again at the end.

        Raises:
            RefusedError: 400 empty or broken off, 408 too slow, 413 too large, 503 no room.
        """
        body = bytearray()
        try:
            await self._receive(body, request, largest)
            if not body:
                raise RefusedError(400, tr("Nothing was sent.", "没有内容。"))
            yield bytes(body)
        finally:
            self._left += len(body)

    async def _receive(self, body: bytearray, request: Request, largest: int) -> None:
        told = request.headers.get("content-length", "0")
        if told.isdecimal() and int(told) > largest:
            raise _too_large(largest)
        try:
            await asyncio.wait_for(self._fill(body, request, largest), self._seconds)
        except asyncio.TimeoutError:
            raise RefusedError(
                408,
                tr(
                    f"It did not arrive within {self._seconds:g} seconds: send less.",
                    f"未在 {self._seconds:g} 秒内传完：请减小后再发送。",
                ),
                {"connection": "close"},
            ) from None
        except ClientDisconnect:
            raise RefusedError(400, tr("It broke off.", "传输中断。")) from None

    async def _fill(self, body: bytearray, request: Request, largest: int) -> None:
        async for chunk in request.stream():
            if len(body) + len(chunk) > largest:
                raise _too_large(largest)
            if len(chunk) > self._left:
                raise busy()
            self._left -= len(chunk)
            body += chunk


def _too_large(largest: int) -> RefusedError:
    size = f"{largest / 10**6:.3g} MB"
    return RefusedError(
        413,
        tr(f"That is more than {size}: send less.", f"超过 {size}：请减小后再发送。"),
        {"connection": "close"},
    )
