"""Reading what clients send: not too much, not too slowly, and not too much of all together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.requests import ClientDisconnect, Request

from mineral_recog.language import tr
from mineral_recog.serve.refusal import Refusal
from mineral_recog.serve.turns import busy


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
            Refusal: 400 empty or broken off, 408 too slow, 413 too large, 503 no room.
        """
        chunks: list[bytes] = []
        try:
            await self._fill(chunks, request, largest)
            if not any(chunks):
                raise Refusal(400, tr("Nothing was sent: send a photo.", "没有内容：请发送照片。"))
            yield b"".join(chunks)
        finally:
            self._left += sum(map(len, chunks))

    async def _fill(self, chunks: list[bytes], request: Request, largest: int) -> None:
        told = request.headers.get("content-length", "0")
        if told.isdecimal() and int(told) > largest:
            raise _too_large(largest)
        size = 0
        try:
            with anyio.fail_after(self._seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > largest:
                        raise _too_large(largest)
                    if len(chunk) > self._left:
                        raise busy()
                    self._left -= len(chunk)
                    chunks.append(chunk)
        except TimeoutError:
            raise Refusal(
                408,
                tr(
                    f"The photo did not arrive within {self._seconds:g} seconds: send a smaller "
                    "one.",
                    f"照片未在 {self._seconds:g} 秒内传完：请发送更小的照片。",
                ),
                {"connection": "close"},
            ) from None
        except ClientDisconnect:
            raise Refusal(400, tr("The photo broke off.", "照片传输中断。")) from None


def _too_large(largest: int) -> Refusal:
    size = f"{largest / 10**6:.3g} MB"
    return Refusal(
        413,
        tr(f"That is more than {size}: send less.", f"超过 {size}：请减小后再发送。"),
        {"connection": "close"},
    )
