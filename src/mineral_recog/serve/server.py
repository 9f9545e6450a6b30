"""Server of `mineral-recog serve`: runs the application on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import uvicorn

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.identifier import load
from mineral_recog.serve.app import build_app

MAX_CONNECTIONS = 256  # uvicorn answers further ones with 503
MAX_HEADER_BYTES = 16 * 2**10
KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS = 15, 5  # between two requests; for unfinished requests


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
    """Serve a trained model until Ctrl-C, which raises KeyboardInterrupt, or SIGTERM.

    Args:
        run: Run folder or bundle folder.
        host: Address to listen on; `0.0.0.0` for all networks of this machine.
        port: Port; 0 uses a free one.
        hosts: Further host names of this machine that browsers may use.
        minerals: The user's table of minerals; see `read_minerals`.
        device: See `choose_device`.
        on_ready: Called with the address once requests are accepted.

    Raises:
        UserError: There is no model, or the port is in use.
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
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    with _listen(host, port) as listener:
        url_host = f"[{host}]" if ":" in host else host
        address = f"http://{url_host}:{listener.getsockname()[1]}"
        on_ready(address)
        uvicorn.Server(config).run(sockets=[listener])


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
