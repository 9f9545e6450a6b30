"""Throughput, latency and memory of `mineral-recog serve` under load, as a Markdown table.

    python benchmarks/serve_load.py RUN PHOTO... [--clients 32] [--seconds 60]

Each client repeatedly posts a photo, then the outputs for it with a hardness; one photo in four
with a heat map, one request in sixteen without a photo. If the server answers `busy`, the client
waits as long as requested. The expected answers are computed beforehand with the same model.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from mineral_recog.identify.evidence import read_evidence
from mineral_recog.identify.identifier import Identifier, load

HARDNESS = "5-6"
TOLERANCE = 1e-4  # of a probability: threads sum in another order
NO_PHOTO, HEAT_MAP = 16, 4  # one request in so many has no photo; one photo with a heat map


@dataclass
class Tally:
    """Counts and times of the responses."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    busy_seconds: list[float] = field(default_factory=list)


def probabilities(answer: Any) -> dict[str, float]:
    """Return the probability of each class in an answer."""
    return {candidate["class"]: candidate["probability"] for candidate in answer["candidates"]}


def expected(identifier: Identifier, photo: Path) -> tuple[Any, Any]:
    """Return the answers about a photo, without and with the hardness."""
    (seen,) = identifier.observe([identifier.open(photo)])
    evidence = read_evidence(hardness=HARDNESS)
    answers = identifier.answer([seen.outputs]), identifier.answer([seen.outputs], evidence)
    return tuple(probabilities(answer.to_dict()) for answer in answers)  # type: ignore[return-value]


def matches(answer: Any, expected_answer: dict[str, float]) -> bool:
    """Return whether an answer has the expected probabilities."""
    actual = probabilities(answer)
    return actual.keys() == expected_answer.keys() and all(
        abs(actual[name] - expected_answer[name]) <= TOLERANCE for name in expected_answer
    )


async def send(
    client: httpx2.AsyncClient, tally: Tally, path: str = "/identify", **request: Any
) -> httpx2.Response | None:
    """Send a request; None if the connection broke, or the server was busy, after the wait."""
    start = time.perf_counter()
    try:
        response = await client.post(path, **request)
    except httpx2.HTTPError:
        tally.counts["broken"] += 1
        return None
    elapsed = time.perf_counter() - start
    if response.status_code == 503:
        tally.counts["busy"] += 1
        tally.busy_seconds.append(elapsed)
        await asyncio.sleep(float(response.headers["retry-after"]) * random.uniform(0.8, 1.2))
        return None
    tally.seconds.append(elapsed)
    if response.status_code >= 500:
        tally.counts["fault"] += 1
        return None
    return response


async def run_client(
    address: str, photos: list[tuple[bytes, Any, Any]], until: float, tally: Tally, seed: int
) -> None:
    """Send requests until the time is over."""
    rng = random.Random(seed)
    photo_headers = {"content-type": "application/octet-stream"}
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
        while time.perf_counter() < until:
            if rng.randrange(NO_PHOTO) == 0:
                response = await send(client, tally, content=b"no photo", headers=photo_headers)
                if response is not None:
                    tally.counts["right" if response.status_code == 415 else "wrong"] += 1
                continue
            body, without_hardness, with_hardness = rng.choice(photos)
            heat_map = "yes" if rng.randrange(HEAT_MAP) == 0 else "no"
            path = f"/identify?top=100000&heat_map={heat_map}"
            response = await send(client, tally, path, content=body, headers=photo_headers)
            if response is None:
                continue
            right = response.status_code == 200 and matches(response.json(), without_hardness)
            tally.counts["right" if right else "wrong"] += 1
            if right:
                question = {
                    "sightings": response.json()["sightings"],
                    "evidence": {"hardness": HARDNESS},
                    "top": 100000,
                }
                response = await send(client, tally, json=question)
                if response is not None:
                    right = response.status_code == 200 and matches(response.json(), with_hardness)
                    tally.counts["right" if right else "wrong"] += 1


async def load_server(
    address: str, photos: list[tuple[bytes, Any, Any]], clients: int, seconds: float, server: int
) -> tuple[Tally, list[float]]:
    """Run all clients at once; return the tally, and the server's memory in MB every second."""
    tally, memory = Tally(), []
    process = psutil.Process(server)
    until = time.perf_counter() + seconds
    tasks = [
        asyncio.create_task(run_client(address, photos, until, tally, seed))
        for seed in range(clients)
    ]
    while time.perf_counter() < until:
        memory.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(1)
    await asyncio.gather(*tasks)
    memory.append(process.memory_info().rss / 1e6)
    return tally, memory


def table(tally: Tally, memory: list[float], clients: int, seconds: float) -> str:
    """Return the figures in Markdown."""
    ms = sorted(1000 * seconds_taken for seconds_taken in tally.seconds)
    busy = statistics.median(tally.busy_seconds) * 1000 if tally.busy_seconds else 0.0
    after = memory[min(10, len(memory) - 1)]
    rows = [
        ("clients, seconds", f"{clients}, {seconds:g}"),
        (
            "right answers",
            f"{tally.counts['right']} ({tally.counts['right'] / seconds:.1f} per second)",
        ),
        ("wrong answers", tally.counts["wrong"]),
        ("refused with 503 busy", f"{tally.counts['busy']} (in {busy:.0f} ms)"),
        ("other 5xx", tally.counts["fault"]),
        ("broken connections", tally.counts["broken"]),
        ("latency, median", f"{statistics.median(ms):.0f} ms"),
        ("latency, 95 %", f"{ms[int(0.95 * (len(ms) - 1))]:.0f} ms"),
        ("memory at the start", f"{memory[0]:.0f} MB"),
        ("memory after 10 s", f"{after:.0f} MB"),
        ("memory at the end", f"{memory[-1]:.0f} MB"),
        ("memory, peak", f"{max(memory):.0f} MB"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> int:
    """Measure and print the table; return 1 if an answer was wrong or the server failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    identifier = load(options.run, device="cpu")
    photos = [(path.read_bytes(), *expected(identifier, path)) for path in options.photos]
    command = [sys.executable, "-m", "mineral_recog", "serve", str(options.run)]
    with subprocess.Popen(
        [*command, "--port", "0", "--device", "cpu"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"MINERAL_RECOG_LANG": "en"},
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            measured = load_server(address, photos, options.clients, options.seconds, server.pid)
            tally, memory = asyncio.run(measured)
        finally:
            server.terminate()
    print(table(tally, memory, options.clients, options.seconds))
    return int(any(tally.counts[kind] for kind in ("wrong", "fault", "broken")))


if __name__ == "__main__":
    sys.exit(main())
