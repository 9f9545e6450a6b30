"""What the tests of the page in a browser share: a server, and what a person does and sees."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Locator, Page
from starlette.types import ASGIApp

HEADLINE = re.compile("ost likely|robably none|does not look like")


@contextmanager
def running_server(app: ASGIApp, port: int = 0) -> Iterator[int]:
    """Run an application on a port, by default a free one, and yield the port."""
    config = uvicorn.Config(app, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


def choose(page: Page, *photos: Path) -> None:
    page.get_by_label(re.compile("Choose photos|Add photos|选择照片|添加照片")).set_input_files(
        photos
    )


def ranking(page: Page) -> Locator:
    return page.locator("#ranking summary")


def shares(page: Page) -> dict[str, float]:
    """Return the per cent of each class as shown by the bars."""
    rows: list[Any] = page.locator("#ranking > li").evaluate_all(
        "rows => rows.map(row => [row.dataset.class, row.querySelector('.bar > span').style.width])"
    )
    return {name: float(width.rstrip("%")) for name, width in rows}
