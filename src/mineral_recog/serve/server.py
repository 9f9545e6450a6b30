"""Server of `mineral-recog serve`: runs the application on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import uvicorn

from mineral_recog.errors import UserError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.identify.identifier import load
from mineral_recog.serve.access import LOCAL_ACCESS, Access
from mineral_recog.serve.app import build_app
from mineral_recog.serve.connections import BoundedConnection

MAX_HEADER_BYTES = 16 * 2**10
KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS = 15, 5  # between two requests; for unfinished requests


def serve(
    run: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    access: Access = LOCAL_ACCESS,
    trusted_proxies: Sequence[str] = (),
    access_log: bool = False,
    minerals: Path | str | None = None,
    device: str = "auto",
    on_ready: Callable[[list[str]], None] = lambda addresses: None,
) -> None:
    """Serve a trained model until Ctrl-C, which raises KeyboardInterrupt, or SIGTERM.

    Args:
        run: Run folder or bundle folder.
        host: Address to listen on; `0.0.0.0` for all networks of this machine.
        port: Port; 0 uses a free one.
        access: Who may use the server, and by which addresses.
        trusted_proxies: IP addresses of proxies whose X-Forwarded-For names the client.
        access_log: Write a line for each request to the standard output.
        minerals: The user's table of minerals; see `read_minerals`.
        device: See `choose_device`.
        on_ready: Called with the addresses of the server once requests are accepted.

    Raises:
        UserError: There is no model, or the port is in use.
    """
    identifier = load(run, minerals=minerals, device=device)
    config = uvicorn.Config(
        build_app(identifier, replace(access, hosts=(host, *access.hosts))),
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        log_config=_log_config(access_log),
        access_log=access_log,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        root_path=access.root_path,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    with _listen(host, port) as listener:
        number = listener.getsockname()[1]
        on_ready([f"http://{name}:{number}" for name in reachable_hosts(host)])
        uvicorn.Server(config).run(sockets=[listener])


def _log_config(access_log: bool) -> dict[str, Any]:
    """Return the logging of uvicorn: warnings, and on request a line for each request."""
    config: dict[str, Any] = deepcopy(uvicorn.config.LOGGING_CONFIG)
    line = '%(asctime)s %(client_addr)s "%(request_line)s" %(status_code)s'
    config["formatters"]["access"] |= {"fmt": line, "use_colors": False}
    config["loggers"]["uvicorn"]["level"] = "WARNING"
    config["loggers"]["uvicorn.error"]["level"] = "WARNING"
    config["loggers"]["uvicorn.access"]["level"] = "INFO" if access_log else "WARNING"
    return config


def reachable_hosts(host: str) -> list[str]:
    """Return the addresses under which other machines reach a server that listens on `host`."""
    if host not in ("0.0.0.0", "::"):
        return [f"[{host}]" if ":" in host else host]
    stats = psutil.net_if_stats()
    addresses = [
        address.address
        for name, of_interface in psutil.net_if_addrs().items()
        for address in of_interface
        if address.family == socket.AF_INET and name in stats and stats[name].isup
    ]
    # Addresses of this machine alone, or of a network without a router, are of no use to others.
    useful = [text for text in addresses if not text.startswith(("127.", "169.254."))]
    return useful or ["127.0.0.1"]


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = reason_of(error)
        raise UserError(
            tr(
                f"Cannot listen on {host} port {port} ({reason}): choose another --host or --port.",
                f"无法监听 {host} 的端口 {port}（{reason}）：请另选 --host 或 --port。",
            )
        ) from None
