"""Feed mutated photos to everything that reads photos and print a Markdown table.

    python faults/photos.py [--photos 10000] [--seed 0] [--out FOLDER]

Photos in every supported format are cut, overwritten, given the headers of other formats, sizes of
billions of pixels, EXIF tables with invalid offsets, other files inside them, and names that a
page, a table or a terminal might interpret. They are passed to

- the decoder for training, in a separate process; the longest time for a photo is reported;
- `audit`, `train` (which refuses with the list of unreadable photos), an epoch of a loader on the
  readable ones, and `identify`;
- the web server, each photo in one request.

No process may crash or fail without a message, no photo may take over 10 s, no process may use more
than 3 GB, and every unreadable photo must be named. FOLDER keeps the photos.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from mineral_recog.errors import UserError
from mineral_recog.text import printable

MAX_SECONDS, MAX_MEMORY = 10.0, 3e9
TINY = ("backbone=test_resnet", "pretrained=false", "image_size=32", "batch_size=32")
DECODE = """
import json, sys, time, warnings
from pathlib import Path
from mineral_recog.data.images import open_photo
warnings.simplefilter("ignore")
for line in sys.stdin:
    path, began, reason = Path(json.loads(line)), time.perf_counter(), None
    try:
        open_photo(path, short_side=32)
    except OSError as error:
        reason = str(error)
    except MemoryError:
        reason = "memory"
    print(json.dumps([reason, time.perf_counter() - began]), flush=True)
"""
EPOCH = """
import json, sys
from pathlib import Path
import numpy as np
from mineral_recog.data.dataset import read_split
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.recipes.recipe import Crop
dataset = read_split(Path(sys.argv[1]), "train")
loaders = TrainingLoader(dataset, 32, Crop(scale=0.08), 0, 2), EvaluationLoader(dataset, 32, 32, 2)
drawn = np.array_split(np.arange(len(dataset)), 32)
batches = loaders[0].batches(0, drawn), loaders[1]
print(*(sum(len(batch.inputs) for batch in some) for some in batches))
"""


@dataclass
class Row:
    """A row of the table: one reader and its results."""

    name: str
    photos: int
    refused: int
    seconds: float
    memory: float
    slowest: float | None = None

    def line(self) -> str:
        """Return the line of the table."""
        slowest = "" if self.slowest is None else f"{self.slowest:.1f} s"
        cells = (self.name, self.photos, self.refused, f"{self.seconds:.0f} s", slowest,
                 f"{self.memory / 1e6:.0f} MB")  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


class WrongError(Exception):
    """A broken guarantee."""


class MemoryWatch(threading.Thread):
    """Peak memory of a process and its children, measured every 20 ms."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.stopped = psutil.Process(process), 0.0, False

    def run(self) -> None:
        """Measure until stopped."""
        while not self.stopped:
            for process in self._processes():
                try:
                    self.peak = max(self.peak, process.memory_info().rss)
                except psutil.Error:
                    continue
            time.sleep(0.02)

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self.process, *self.process.children(recursive=True)]
        except psutil.Error:
            return []


def command(*arguments: str, allowed: tuple[int, ...] = (0,)) -> tuple[str, str, float, float]:
    """Run a command; return its stdout, its stderr, its time and its peak memory.

    Raises:
        WrongError: The exit status is not in `allowed`, or there is a traceback.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        env=os.environ | {"MINERAL_RECOG_LANG": "en"},
    )
    watch = MemoryWatch(process.pid)
    watch.start()
    stdout, stderr = process.communicate()
    watch.stopped = True
    if process.returncode not in allowed or "Traceback" in stderr:
        raise WrongError(f"{arguments[:4]} ended with {process.returncode}: {stderr[-3000:]}")
    return stdout, stderr, time.perf_counter() - began, watch.peak


def decode(paths: list[Path]) -> tuple[Row, dict[Path, str]]:
    """Decode each photo; a process that takes too long for one is killed."""
    began, slowest, unreadable = time.perf_counter(), 0.0, {}
    process = subprocess.Popen(
        [sys.executable, "-c", DECODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    watch = MemoryWatch(process.pid)
    watch.start()
    for path in paths:
        process.stdin.write(json.dumps(str(path)) + "\n")
        process.stdin.flush()
        timer = threading.Timer(60, process.kill)
        timer.start()
        answer = process.stdout.readline()
        timer.cancel()
        if not answer:
            raise WrongError(f"the reader ended with {process.wait()} at {path!a}")
        reason, seconds = json.loads(answer)
        slowest = max(slowest, seconds)
        if reason is not None:
            unreadable[path] = reason
        if seconds > MAX_SECONDS:
            raise WrongError(f"{path!a} took {seconds:.1f} s")
    process.stdin.close()
    process.wait()
    watch.stopped = True
    seconds = time.perf_counter() - began
    return Row("decoding", len(paths), len(unreadable), seconds, watch.peak, slowest), unreadable


def audit(source: Path, out: Path, unreadable: dict[Path, str]) -> Row:
    """Run `audit`: all unreadable photos must be among its findings."""
    _, _, seconds, memory = command("-m", "mineral_recog", "audit", str(source), "--out", str(out))
    kinds = ("unreadable", "cut_short", "other_content", "too_large")
    with (out / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        named = {row["photo"] for row in csv.DictReader(file) if row["kind"] in kinds}
    missing = [path for path in unreadable if _as_cell(path, source) not in named]
    if missing:
        raise WrongError(
            f"audit does not name {len(missing)} photos, for example {missing[0]!a}: "
            f"{unreadable[missing[0]]}"
        )
    for line in (out / "findings.csv").read_text("utf-8-sig").splitlines():
        if any(cell.lstrip('"').startswith(("=", "@", "\t")) for cell in line.split(",")):
            raise WrongError(f"findings.csv has a formula: {line!a}")
    return Row("`audit`", len(list(source.glob("*/*"))), len(named), seconds, memory)


def _as_cell(path: Path, source: Path) -> str:
    return printable(str(path.relative_to(source)))


def train(data: Path, out: Path, unreadable: dict[Path, str]) -> Row:
    """Run `train`: it must refuse and give the number of unreadable photos."""
    settings = [part for setting in TINY for part in ("--set", setting)]
    arguments = ("-m", "mineral_recog", "train", str(data), "--out", str(out), *settings)
    _, stderr, seconds, memory = command(*arguments, "--cache", "off", allowed=(2,))
    *_, last_line = stderr.splitlines()
    count = len(unreadable)
    if not last_line.startswith(f"Error: {count} photos in "):
        raise WrongError(f"train does not refuse {count} photos: {last_line[:300]}")
    photos = len(list(data.glob("train/*/*")))
    return Row("`train`, which refuses", photos, count, seconds, memory)


def epoch(data: Path, readable: int) -> Row:
    """Run an epoch of a loader on readable photos: none may fail."""
    stdout, _, seconds, memory = command("-c", EPOCH, str(data))
    if stdout.split() != [str(readable)] * 2:
        raise WrongError(f"the loaders gave {stdout} of {readable} photos")
    return Row("loaders, an epoch of the readable ones", readable, 0, seconds, memory)


def identify(model: Path, source: Path, out: Path, unreadable: dict[Path, str]) -> Row:
    """Run `identify`: it must answer about readable photos and name the others."""
    arguments = ("-m", "mineral_recog", "identify", str(source), "--model", str(model))
    status = 3 if unreadable else 0
    _, stderr, seconds, memory = command(*arguments, "--csv", str(out), allowed=(status,))
    named = [line for line in stderr.splitlines() if line.startswith("Skipped: ")]
    with out.open(encoding="utf-8-sig", newline="") as file:
        answered = [row["photo"] for row in csv.DictReader(file) if not row["error"]]
    photos = len(list(source.glob("*/*")))
    if len(named) + len(answered) < photos:
        raise WrongError(
            f"identify skipped {len(named)} and answered {len(answered)} of {photos} photos"
        )
    for path in unreadable:
        if not any(str(UserError(str(path))) in line for line in named):
            raise WrongError(f"identify does not name {path!a}: {unreadable[path]}")
    return Row("`identify`", photos, len(named), seconds, memory)


def serve(model: Path, paths: list[Path]) -> tuple[Row, Counter[int]]:
    """Post each photo to a server; it must refuse or answer, and keep running."""
    arguments = ("-m", "mineral_recog", "serve", str(model), "--port", "0", "--device", "cpu")
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        watch = MemoryWatch(server.pid)
        watch.start()
        try:
            responses = _post_all(address, paths)
            health = httpx2.get(f"{address}/health").status_code
        finally:
            watch.stopped = True
            server.terminate()
    statuses = Counter(status for status, _ in responses)
    if health != 200 or any(status >= 500 for status in statuses):
        raise WrongError(f"the server answered {dict(statuses)}, then {health}")
    slowest = max(seconds for _, seconds in responses)
    if slowest > MAX_SECONDS:
        raise WrongError(f"the server took {slowest:.1f} s for a photo")
    refused = sum(times for status, times in statuses.items() if status >= 400)
    seconds = time.perf_counter() - began
    return Row("web server", len(paths), refused, seconds, watch.peak, slowest), statuses


def _post_all(address: str, paths: list[Path]) -> list[tuple[int, float]]:
    headers = {"content-type": "application/octet-stream"}

    def post(path: Path) -> tuple[int, float]:
        while True:
            began = time.perf_counter()
            response = client.post(
                "/identify?heat_map=no", content=path.read_bytes(), headers=headers
            )
            if response.status_code != 503:  # busy
                return response.status_code, time.perf_counter() - began
            time.sleep(float(response.headers["retry-after"]))

    with (
        httpx2.Client(base_url=address, timeout=60) as client,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        return list(pool.map(post, paths))


def small_model(folder: Path) -> Path:
    """Train a small run on drawn minerals, for `identify`."""
    draw = ("draw", str(folder / "data"), "--size", "32", "--largest", "4", "--imbalance", "2")
    settings = [part for setting in (*TINY, "epochs=1") for part in ("--set", setting)]
    run = ("train", str(folder / "data"), "--recipe", "baseline", "--out", str(folder / "run"))
    for arguments in (draw, (*run, *settings)):
        command("-m", "mineral_recog", *arguments)
    return folder / "run"


def test_readers(work: Path, count: int, seed: int) -> None:
    """Run all readers and print a row for each.

    Raises:
        WrongError: A guarantee is broken.
    """
    from mutations import write_mutated

    model = small_model(work)
    source, data = work / "photos", work / "mutated"
    kinds = Counter(write_mutated(source, count, seed))
    print(", ".join(f"{kind} {times}" for kind, times in kinds.most_common()), end=".\n\n")
    print("| reader | photos | refused | time | slowest photo | peak memory |")
    print("|---|---|---|---|---|---|")
    paths = sorted(source.glob("*/*"))
    row, unreadable = decode(paths)
    rows = [row]
    print(row.line(), flush=True)
    for split in ("train", "val"):
        (data / split).mkdir(parents=True)
        for name in ("agate", "beryl"):
            (data / split / name).mkdir()
            for path in source.glob(f"{name}/*"):
                os.link(path, data / split / name / path.name)
    for measure in (
        lambda: audit(source, work / "findings", unreadable),
        lambda: train(data, work / "refused", unreadable),
        lambda: _epoch_without(data, source, unreadable),
        lambda: identify(model, source, work / "answers.csv", unreadable),
    ):
        rows.append(measure())
        print(rows[-1].line(), flush=True)
    row, statuses = serve(model, paths)
    rows.append(row)
    print(row.line())
    print(f"\nThe server's answers: {dict(sorted(statuses.items()))}.")
    if too_large := [row.name for row in rows if row.memory > MAX_MEMORY]:
        raise WrongError(f"more than {MAX_MEMORY / 1e9:g} GB: {', '.join(too_large)}")


def _epoch_without(data: Path, source: Path, unreadable: dict[Path, str]) -> Row:
    """Remove unreadable photos, as the error advised, and load the rest."""
    for path in unreadable:
        for split in ("train", "val"):
            (data / split / path.relative_to(source)).unlink()
    return epoch(data, len(list(data.glob("train/*/*"))))


def main() -> int:
    """Mutate photos, read them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        work = options.out or Path(folder)
        work.mkdir(exist_ok=True)
        try:
            test_readers(work, options.photos, options.seed)
        except WrongError as wrong:
            print(f"FAILED: {wrong}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
