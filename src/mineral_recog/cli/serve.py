"""The command `serve`: serve a web page and an HTTP API that identify minerals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from mineral_recog.cli.options import DeviceOption, MineralsOption
from mineral_recog.cores import decoding_threads, thread_count
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
    origins: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            help=tr(
                "other site whose pages may use the API, such as https://museum.example",
                "其页面可以使用 API 的其他网站，例如 https://museum.example",
            ),
        ),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            envvar="MINERAL_RECOG_TOKEN",
            help=tr("secret that users of the API must send", "使用 API 须提供的令牌"),
        ),
    ] = "",
    root_path: Annotated[
        str,
        typer.Option(
            help=tr(
                "path under which a proxy shows the server, such as /minerals",
                "代理发布本服务器所用的路径，例如 /minerals",
            ),
        ),
    ] = "",
    trusted_proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-proxy",
            help=tr(
                "IP address of a proxy whose X-Forwarded-For names the client",
                "代理的 IP 地址；以其 X-Forwarded-For 识别客户端",
            ),
        ),
    ] = None,
    access_log: Annotated[
        bool,
        typer.Option("--access-log", help=tr("print a line for each request", "每个请求打印一行")),
    ] = False,
    minerals: MineralsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Serve the page and the API."""
    import segno

    from mineral_recog.serve.access import Access
    from mineral_recog.serve.server import serve as serve_run

    root_path = f"/{root_path.strip('/')}" if root_path.strip("/") else ""

    threads = tr(
        f"threads: network up to {thread_count()}, decoding up to {decoding_threads()}",
        f"线程数上限：网络 {thread_count()}，解码 {decoding_threads()}",
    )

    def on_ready(addresses: list[str]) -> None:
        fragment = f"/#token={quote(token, safe='')}" if token else ""
        for address in addresses:
            print(f"{address}{fragment}", end=" ")
            print(tr(f"(Ctrl-C to stop; {threads})", f"（按 Ctrl-C 停止；{threads}）"), flush=True)
        if host not in ("127.0.0.1", "localhost", "::1") and sys.stdout.isatty():
            print(tr("On a phone in the same network:", "用同一网络里的手机扫码："))
            segno.make(f"{addresses[0]}{fragment}").terminal(compact=True)

    serve_run(
        run,
        host=host,
        port=port,
        access=Access(tuple(names or ()), tuple(origins or ()), root_path, token),
        trusted_proxies=trusted_proxies or (),
        access_log=access_log,
        minerals=minerals,
        device=device,
        on_ready=on_ready,
    )
