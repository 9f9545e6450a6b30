"""`mineral-recog serve`: the application on a port of this machine."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import uvicorn

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.identifier import load
from mineral_recog.serve.app import build_app

CONNECTIONS = 256  # at once; uvicorn tells further ones 503
LARGEST_HEADERS = 16 * 2**10  # bytes
IDLE_SECONDS, LAST_SECONDS = 15, 5  # between two requests; for the requests in hand at the end


def serve(
    run: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    hosts: Iterable[str] = (),
    minerals: Path | str | None = None,
    device: str = "auto",
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve a trained model until Ctrl-C.

    Args:
        run: run folder, or a bundle folder.
        host: address to listen on; `0.0.0.0` for every network of this machine.
        port: 0 takes a free one.
        hosts: further names that browsers may know this machine by.
        minerals: a table of your own; see `read_minerals`.
        device: see `choose_device`.
        on_ready: called with the address once requests are accepted.

    Raises:
        UserError: no model there, or the port is taken.
    """
    identifier = load(run, minerals=minerals, device=device)
    config = uvicorn.Config(
        build_app(identifier, (host, *hosts)),
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
    )
    with _listen(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        on_ready(address)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UserError(
            tr(
                f"Cannot listen on {host} port {port} ({error}): choose another --host or --port.",
                f"无法监听 {host} 的端口 {port}（{error}）：请另选 --host 或 --port。",
            )
        ) from None
