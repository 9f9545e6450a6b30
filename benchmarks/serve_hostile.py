"""Answers of `mineral-recog serve` to an honest client beside hostile ones, as a Markdown table.

    python benchmarks/serve_hostile.py RUN PHOTO [--seconds 20]

The honest client posts a photo four times a second. Beside it, in turn: nobody; 300 connections
with unfinished headers, opened again when the server closes them; 300 with unfinished bodies; 12
clients that send a small file of 49 megapixels; 12 that send the largest that is accepted. All use
one address, the worst case for a server that treats addresses fairly; the last crowd has another
address (on Linux).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psutil
from PIL import Image

UNFINISHED_HEADERS = b"POST /identify HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
UNFINISHED_BODY = b"POST /identify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
Hostile = Callable[[str, float], Awaitable[None]]


def flat_webp(side: int) -> bytes:
    """Return a lossless WebP of one colour: a file of 2 kB that takes long to decode."""
    file = BytesIO()
    Image.new("RGB", (side, side), (90, 120, 130)).save(file, "WEBP", lossless=True)
    return file.getvalue()


def hold(start: bytes) -> Hostile:
    """Return a client that sends the start of a request and keeps the connection open."""

    async def client(address: str, until: float) -> None:
        url = urlsplit(address)
        while time.perf_counter() < until:
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
                writer.write(start)
                left = until - time.perf_counter()
                await asyncio.wait_for(reader.read(1), max(left, 0))
                writer.close()
            await asyncio.sleep(0.2)

    return client


def post(body: bytes, local_address: str = "127.0.0.1") -> Hostile:
    """Return a client that posts a body as often as the server lets it."""

    async def client(address: str, until: float) -> None:
        transport = httpx2.AsyncHTTPTransport(local_address=local_address)
        async with httpx2.AsyncClient(base_url=address, timeout=60, transport=transport) as session:
            while time.perf_counter() < until:
                with contextlib.suppress(httpx2.HTTPError):
                    await session.post("/identify", content=body)

    return client


async def measure(
    address: str, photo: bytes, hostile: Hostile | None, clients: int, seconds: float
) -> tuple[list[float], Counter[str]]:
    """Return the seconds of the honest client's answers, and how many had which status."""
    until = time.perf_counter() + seconds
    tasks = [asyncio.ensure_future(hostile(address, until)) for _ in range(clients) if hostile]
    await asyncio.sleep(2)  # until the hostile clients are connected
    taken, statuses = [], Counter[str]()
    while (began := time.perf_counter()) < until:
        try:
            async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
                response = await client.post("/identify?heat_map=no", content=photo)
                statuses[str(response.status_code)] += 1
                health = await client.get("/health")
                statuses[f"health {health.status_code}"] += 1
        except httpx2.HTTPError as error:
            statuses[type(error).__name__] += 1
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.25 - taken[-1], 0))
    await asyncio.gather(*tasks)
    await asyncio.sleep(10)  # until the server has forgotten what the address has used
    return taken, statuses


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    photo = options.photo.read_bytes()
    crowds: list[tuple[str, Hostile | None, int]] = [
        ("nobody", None, 0),
        ("300 unfinished headers", hold(UNFINISHED_HEADERS), 300),
        ("300 unfinished bodies", hold(UNFINISHED_BODY), 300),
        ("12 with 49 megapixels", post(flat_webp(7000)), 12),
        ("12 with 16 megapixels", post(flat_webp(4000)), 12),
        ("the same, other address", post(flat_webp(4000), "127.0.0.2"), 12),
    ]
    command = [sys.executable, "-m", "mineral_recog", "serve", str(options.run), "--port", "0"]
    with subprocess.Popen(
        [*command, "--device", "cpu"], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            print("| beside | answers | median | 95 % | slowest | statuses | memory |")
            print("|---|---|---|---|---|---|---|")
            for name, hostile, clients in crowds:
                measured = measure(address, photo, hostile, clients, options.seconds)
                taken, statuses = asyncio.run(measured)
                ranked = sorted(taken)
                counted = ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items()))
                memory = psutil.Process(server.pid).memory_info().rss / 1e6
                print(
                    f"| {name} | {len(taken)} | {statistics.median(taken):.2f} s "
                    f"| {ranked[int(0.95 * (len(ranked) - 1))]:.2f} s | {ranked[-1]:.2f} s "
                    f"| {counted} | {memory:.0f} MB |",
                    flush=True,
                )
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
