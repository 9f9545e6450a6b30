"""How `mineral-recog serve` holds under load, as a Markdown table.

    python benchmarks/serve_load.py RUN PHOTO... [--clients 32] [--seconds 60]

Each client posts a photo, then what was seen of it with a hardness, again and again; one photo in
four with a heat map, one request in sixteen no photo. Told `busy`, it waits as long as it was asked
to. The answers that are right are computed beforehand with the same model.
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
NEAR = 1e-4  # of a probability: threads add up in another order
BAD, MAPPED = 16, 4  # one request in so many is no photo; one photo with a heat map


@dataclass
class Tally:
    """What came back."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    busy_seconds: list[float] = field(default_factory=list)


def probabilities(answer: Any) -> dict[str, float]:
    """Of each class in an answer."""
    return {one["class"]: one["probability"] for one in answer["candidates"]}


def expected(identifier: Identifier, photo: Path) -> tuple[Any, Any]:
    """The answers about a photo, by itself and with the hardness."""
    (seen,) = identifier.look([identifier.open(photo)])
    evidence = read_evidence(hardness=HARDNESS)
    answers = identifier.answer([seen.sighting]), identifier.answer([seen.sighting], evidence)
    return tuple(probabilities(one.to_json()) for one in answers)  # type: ignore[return-value]


def same(answer: Any, right: dict[str, float]) -> bool:
    """Whether an answer is the right one."""
    found = probabilities(answer)
    return found.keys() == right.keys() and all(
        abs(found[name] - right[name]) <= NEAR for name in right
    )


async def ask(
    client: httpx2.AsyncClient, tally: Tally, path: str = "/identify", **request: Any
) -> httpx2.Response | None:
    """One request; None when the connection broke or the server was busy, which is waited out."""
    start = time.perf_counter()
    try:
        answered = await client.post(path, **request)
    except httpx2.HTTPError:
        tally.counts["broken"] += 1
        return None
    taken = time.perf_counter() - start
    if answered.status_code == 503:
        tally.counts["busy"] += 1
        tally.busy_seconds.append(taken)
        await asyncio.sleep(float(answered.headers["retry-after"]) * random.uniform(0.8, 1.2))
        return None
    tally.seconds.append(taken)
    if answered.status_code >= 500:
        tally.counts["fault"] += 1
        return None
    return answered


async def one_client(
    address: str, photos: list[tuple[bytes, Any, Any]], until: float, tally: Tally, seed: int
) -> None:
    """Ask until the time is over."""
    draw = random.Random(seed)
    as_photo = {"content-type": "application/octet-stream"}
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
        while time.perf_counter() < until:
            if draw.randrange(BAD) == 0:
                answered = await ask(client, tally, content=b"no photo", headers=as_photo)
                if answered is not None:
                    tally.counts["right" if answered.status_code == 415 else "wrong"] += 1
                continue
            body, alone, with_hardness = draw.choice(photos)
            mapped = "yes" if draw.randrange(MAPPED) == 0 else "no"
            path = f"/identify?top=100000&heat_map={mapped}"
            answered = await ask(client, tally, path, content=body, headers=as_photo)
            if answered is None:
                continue
            right = answered.status_code == 200 and same(answered.json(), alone)
            tally.counts["right" if right else "wrong"] += 1
            if right:
                question = {
                    "sightings": answered.json()["sightings"],
                    "evidence": {"hardness": HARDNESS},
                    "top": 100000,
                }
                again = await ask(client, tally, json=question)
                if again is not None:
                    right = again.status_code == 200 and same(again.json(), with_hardness)
                    tally.counts["right" if right else "wrong"] += 1


async def load_server(
    address: str, photos: list[tuple[bytes, Any, Any]], clients: int, seconds: float, server: int
) -> tuple[Tally, list[float]]:
    """All clients at once; what came back, and the server's memory in MB every second."""
    tally, memory = Tally(), []
    process = psutil.Process(server)
    until = time.perf_counter() + seconds
    asking = [
        asyncio.create_task(one_client(address, photos, until, tally, seed))
        for seed in range(clients)
    ]
    while time.perf_counter() < until:
        memory.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(1)
    await asyncio.gather(*asking)
    memory.append(process.memory_info().rss / 1e6)
    return tally, memory


def table(tally: Tally, memory: list[float], clients: int, seconds: float) -> str:
    """The figures in Markdown."""
    ms = sorted(1000 * one for one in tally.seconds)
    busy = statistics.median(tally.busy_seconds) * 1000 if tally.busy_seconds else 0.0
    after = memory[min(10, len(memory) - 1)]
    rows = [
        ("clients, seconds", f"{clients}, {seconds:g}"),
        (
            "right answers",
            f"{tally.counts['right']} ({tally.counts['right'] / seconds:.1f} a second)",
        ),
        ("wrong answers", tally.counts["wrong"]),
        ("told 503 busy", f"{tally.counts['busy']} (in {busy:.0f} ms)"),
        ("other 5xx", tally.counts["fault"]),
        ("broken connections", tally.counts["broken"]),
        ("latency, median", f"{statistics.median(ms):.0f} ms"),
        ("latency, 95 %", f"{ms[int(0.95 * (len(ms) - 1))]:.0f} ms"),
        ("memory at the start", f"{memory[0]:.0f} MB"),
        ("memory after 10 s", f"{after:.0f} MB"),
        ("memory at the end", f"{memory[-1]:.0f} MB"),
        ("memory, most", f"{max(memory):.0f} MB"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> int:
    """Measure; 1 if an answer was wrong, or the server failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    identifier = load(asked.run, device="cpu")
    photos = [(path.read_bytes(), *expected(identifier, path)) for path in asked.photos]
    command = [sys.executable, "-m", "mineral_recog", "serve", str(asked.run)]
    with subprocess.Popen(
        [*command, "--port", "0", "--device", "cpu"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"MINERAL_RECOG_LANG": "en"},
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            measured = load_server(address, photos, asked.clients, asked.seconds, server.pid)
            tally, memory = asyncio.run(measured)
        finally:
            server.terminate()
    print(table(tally, memory, asked.clients, asked.seconds))
    return int(any(tally.counts[one] for one in ("wrong", "fault", "broken")))


if __name__ == "__main__":
    sys.exit(main())
