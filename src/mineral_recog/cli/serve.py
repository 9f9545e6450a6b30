"""The command `serve`: serve a web page and an HTTP API that identify minerals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.options import DeviceOption, MineralsOption
from mineral_recog.i18n import tr


def serve(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=tr("run folder", "运行文件夹"))],
    host: Annotated[str, typer.Option(help=tr("address to listen on", "监听地址"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=tr("port", "端口"))] = 8000,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            help=tr(
                "host name by which browsers may access the server",
                "浏览器访问本服务器所用的主机名",
            ),
        ),
    ] = None,
    minerals: MineralsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Serve the page and the API."""
    from mineral_recog.serve.server import serve as serve_run

    def on_ready(address: str) -> None:
        print(tr(f"{address} (Ctrl-C to stop)", f"{address}（按 Ctrl-C 停止）"), flush=True)

    serve_run(
        run,
        host=host,
        port=port,
        hosts=names or (),
        minerals=minerals,
        device=device,
        on_ready=on_ready,
    )
