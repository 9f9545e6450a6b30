"""HTTP connections: deadlines for clients, and room for new clients when many are connected.

uvicorn has a deadline between two requests only. A client that sends half of its headers, or reads
its response a byte at a time, would keep a connection for as long as it likes, and some hundreds of
them would keep everybody else out.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mineral_recog.i18n import tr
from mineral_recog.serve.guard import SECURITY_HEADERS

MAX_CONNECTIONS = 256
HEADER_SECONDS = 10.0  # from the first byte of a request to the last one of its headers
REQUEST_SECONDS = 120.0  # from there to the end of the response


class BoundedConnection(H11Protocol):
    """A connection with deadlines, one of at most MAX_CONNECTIONS.

    When there are more, the server closes one that has not sent its request completely: the oldest
    one of the address with most of them. So neither many unfinished requests nor one client with
    many connections keeps new clients out.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request, and make room for this connection."""
        super().connection_made(transport)
        self.opened = self.loop.time()
        self._start_timer(HEADER_SECONDS)
        if len(self.connections) > MAX_CONNECTIONS:
            self._find_superfluous().abort()

    def _find_superfluous(self) -> BoundedConnection:
        """Return the connection to close; this one if all others have sent their requests."""
        others = [
            connection
            for connection in self.connections
            if isinstance(connection, BoundedConnection)
            and connection is not self
            and connection.awaits_request
        ]
        counts = Counter(connection.address for connection in others)
        return min(others, key=lambda other: (-counts[other.address], other.opened), default=self)

    @property
    def awaits_request(self) -> bool:
        """Return whether the server waits for this client to send a request, or the rest of it."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    @property
    def address(self) -> str:
        """Return the address of the client, without its port."""
        return self.client[0] if self.client else ""

    def data_received(self, data: bytes) -> None:
        """Read from the client; the first byte of a request starts the deadline of its headers."""
        if self._timer is None:
            self._start_timer(HEADER_SECONDS)
        super().data_received(data)

    def handle_events(self) -> None:
        """Handle what has arrived; after complete headers the deadline is that of the request."""
        cycle = self.cycle
        super().handle_events()
        if self.cycle is not cycle and not self.cycle.response_complete:
            self._start_timer(REQUEST_SECONDS)

    def on_response_complete(self) -> None:
        """End the deadline of the request; uvicorn waits for the next one."""
        self._stop_timer()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the deadline."""
        self._stop_timer()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection at once; connections that are closing do not count."""
        self.connections.discard(self)
        self.transport.abort()

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP with the headers of every other response, and close."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what the application answers is not sent
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in _refusal():
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _refusal() -> list[h11.Event]:
    text = tr("The request is not valid HTTP.", "请求不是有效的 HTTP。")
    headers = SECURITY_HEADERS | {"content-type": "application/json", "connection": "close"}
    return [
        h11.Response(status_code=400, reason=b"Bad Request", headers=list(headers.items())),
        h11.Data(data=json.dumps({"error": text}).encode("utf-8")),
        h11.EndOfMessage(),
    ]
