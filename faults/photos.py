"""Mutated photos through everything that reads photos, as a Markdown table.

    python faults/photos.py [--photos 10000] [--seed 0] [--out FOLDER]

Photos in every format that is read are cut, overwritten, given the headers of others, sizes of
billions of pixels, EXIF tables that lead nowhere, other files inside them, and names that a page, a
table or a terminal might obey. They go through

- the readers one by one: what decodes photos for training, in a process of its own; the longest
  time for a photo is told;
- `audit`, `train` (which refuses with the list of those that cannot be read), a loader's epoch on
  those that can be, and `identify`;
- the web server, each posted to it.

No process may crash or fail otherwise than by telling, no photo may take over 10 s, no process may
hold more than 3 GB, and every photo that cannot be read must be named. FOLDER keeps the photos.
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

MOST_SECONDS, MOST_MEMORY = 10.0, 3e9
TINY = ("backbone=test_resnet", "pretrained=false", "image_size=32", "batch_size=32")
ONE_BY_ONE = """
import json, sys, time, warnings
from pathlib import Path
from mineral_recog.data.images import open_photo
warnings.simplefilter("ignore")
for line in sys.stdin:
    path, began, why = Path(json.loads(line)), time.perf_counter(), None
    try:
        open_photo(path, short_side=32)
    except OSError as error:
        why = str(error)
    except MemoryError:
        why = "memory"
    print(json.dumps([why, time.perf_counter() - began]), flush=True)
"""
EPOCH = """
import json, sys
from pathlib import Path
import numpy as np
from mineral_recog.data.epoch_batches import EpochBatches
from mineral_recog.data.dataset import read_split
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
dataset = read_split(Path(sys.argv[1]), "train")
loaders = TrainingLoader(dataset, 32, 0.08, 0, 2), EvaluationLoader(dataset, 32, 32, 2)
drawn = EpochBatches(32, np.arange(len(dataset)))
batches = loaders[0].batches(0, drawn), loaders[1]
print(*(sum(len(batch.inputs) for batch in some) for some in batches))
"""


@dataclass
class Row:
    """One reader, and what became of the photos."""

    name: str
    photos: int
    refused: int
    seconds: float
    memory: float
    slowest: float | None = None

    def line(self) -> str:
        """Of the table."""
        slowest = "" if self.slowest is None else f"{self.slowest:.1f} s"
        cells = (self.name, self.photos, self.refused, f"{self.seconds:.0f} s", slowest,
                 f"{self.memory / 1e6:.0f} MB")  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


class WrongError(Exception):
    """A promise that was not kept."""


class Watch(threading.Thread):
    """The most memory that a process and its children hold, looked at every 20 ms."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.most, self.over = psutil.Process(process), 0.0, False

    def run(self) -> None:
        """Look until it is over."""
        while not self.over:
            for one in self._all():
                try:
                    self.most = max(self.most, one.memory_info().rss)
                except psutil.Error:
                    continue
            time.sleep(0.02)

    def _all(self) -> list[psutil.Process]:
        try:
            return [self.process, *self.process.children(recursive=True)]
        except psutil.Error:
            return []


def command(*arguments: str, may: tuple[int, ...] = (0,)) -> tuple[str, str, float, float]:
    """Run a command; gives what it printed, what it said on the side, its time and its memory.

    Raises:
        WrongError: it ended with another status than it may, or with a traceback.
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
    watch = Watch(process.pid)
    watch.start()
    out, told = process.communicate()
    watch.over = True
    if process.returncode not in may or "Traceback" in told:
        raise WrongError(f"{arguments[:4]} ended with {process.returncode}: {told[-3000:]}")
    return out, told, time.perf_counter() - began, watch.most


def one_by_one(paths: list[Path]) -> tuple[Row, dict[Path, str]]:
    """Decode each photo; a process that takes too long for one is ended."""
    began, slowest, bad = time.perf_counter(), 0.0, {}
    process = subprocess.Popen(
        [sys.executable, "-c", ONE_BY_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    watch = Watch(process.pid)
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
        why, seconds = json.loads(answer)
        slowest = max(slowest, seconds)
        if why is not None:
            bad[path] = why
        if seconds > MOST_SECONDS:
            raise WrongError(f"{path!a} took {seconds:.1f} s")
    process.stdin.close()
    process.wait()
    watch.over = True
    seconds = time.perf_counter() - began
    return Row("decoding", len(paths), len(bad), seconds, watch.most, slowest), bad


def audit(source: Path, out: Path, bad: dict[Path, str]) -> Row:
    """`audit`: all that cannot be read are among its findings."""
    _, _, seconds, memory = command("-m", "mineral_recog", "audit", str(source), "--out", str(out))
    kinds = ("unreadable", "cut_short", "other_content", "too_large")
    with (out / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        named = {row["photo"] for row in csv.DictReader(file) if row["kind"] in kinds}
    missing = [path for path in bad if _as_cell(path, source) not in named]
    if missing:
        raise WrongError(
            f"audit does not name {len(missing)}, as {missing[0]!a}: {bad[missing[0]]}"
        )
    for line in (out / "findings.csv").read_text("utf-8-sig").splitlines():
        if any(cell.lstrip('"').startswith(("=", "@", "\t")) for cell in line.split(",")):
            raise WrongError(f"findings.csv has a formula: {line!a}")
    return Row("`audit`", len(list(source.glob("*/*"))), len(named), seconds, memory)


def _as_cell(path: Path, source: Path) -> str:
    return printable(str(path.relative_to(source)))


def train(data: Path, out: Path, bad: dict[Path, str]) -> Row:
    """`train` refuses, and says how many."""
    settings = [part for one in TINY for part in ("--set", one)]
    arguments = ("-m", "mineral_recog", "train", str(data), "--out", str(out), *settings)
    _, told, seconds, memory = command(*arguments, "--cache", "off", may=(2,))
    *_, last = told.splitlines()
    if not last.startswith(f"Error: {len(bad)} photos in "):
        raise WrongError(f"train does not refuse {len(bad)} photos: {last[:300]}")
    return Row(
        "`train`, which refuses", len(list(data.glob("train/*/*"))), len(bad), seconds, memory
    )


def epoch(data: Path, readable: int) -> Row:
    """A loader's epoch on photos that can be read: none fails."""
    out, _, seconds, memory = command("-c", EPOCH, str(data))
    if out.split() != [str(readable)] * 2:
        raise WrongError(f"the loaders gave {out} of {readable} photos")
    return Row("loaders, an epoch of those left", readable, 0, seconds, memory)


def identify(model: Path, source: Path, out: Path, bad: dict[Path, str]) -> Row:
    """`identify` answers about those that can be read, and names the others."""
    arguments = ("-m", "mineral_recog", "identify", str(source), "--model", str(model))
    _, told, seconds, memory = command(*arguments, "--csv", str(out))
    named = [line for line in told.splitlines() if line.startswith("Skipped: ")]
    with out.open(encoding="utf-8-sig", newline="") as file:
        answered = [row["photo"] for row in csv.DictReader(file)]
    photos = len(list(source.glob("*/*")))
    if len(named) + len(answered) < photos:
        raise WrongError(f"identify told of {len(named)} + {len(answered)} of {photos} photos")
    for path in bad:
        if not any(str(UserError(str(path))) in line for line in named):
            raise WrongError(f"identify does not name {path!a}: {bad[path]}")
    return Row("`identify`", photos, len(named), seconds, memory)


def serve(model: Path, paths: list[Path]) -> tuple[Row, Counter[int]]:
    """Post each photo to a server; it refuses or answers, and lives on."""
    arguments = ("-m", "mineral_recog", "serve", str(model), "--port", "0", "--device", "cpu")
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        watch = Watch(server.pid)
        watch.start()
        try:
            found = _post_all(address, paths)
            alive = httpx2.get(f"{address}/health").status_code
        finally:
            watch.over = True
            server.terminate()
    statuses = Counter(status for status, _ in found)
    if alive != 200 or any(status >= 500 for status in statuses):
        raise WrongError(f"the server answered {dict(statuses)}, then {alive}")
    slowest = max(seconds for _, seconds in found)
    if slowest > MOST_SECONDS:
        raise WrongError(f"the server took {slowest:.1f} s for a photo")
    refused = sum(times for status, times in statuses.items() if status >= 400)
    taken = time.perf_counter() - began
    return Row("web server", len(paths), refused, taken, watch.most, slowest), statuses


def _post_all(address: str, paths: list[Path]) -> list[tuple[int, float]]:
    kind = {"content-type": "application/octet-stream"}

    def post(path: Path) -> tuple[int, float]:
        while True:
            began = time.perf_counter()
            answer = client.post("/identify?heat_map=no", content=path.read_bytes(), headers=kind)
            if answer.status_code != 503:  # busy
                return answer.status_code, time.perf_counter() - began
            time.sleep(float(answer.headers["retry-after"]))

    with (
        httpx2.Client(base_url=address, timeout=60) as client,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        return list(pool.map(post, paths))


def small_model(folder: Path) -> Path:
    """A run to identify with, trained on drawn minerals."""
    draw = ("draw", str(folder / "data"), "--size", "32", "--largest", "4", "--imbalance", "2")
    settings = [part for one in (*TINY, "epochs=1") for part in ("--set", one)]
    run = ("train", str(folder / "data"), "--recipe", "baseline", "--out", str(folder / "run"))
    for arguments in (draw, (*run, *settings)):
        command("-m", "mineral_recog", *arguments)
    return folder / "run"


def try_all(work: Path, count: int, seed: int) -> None:
    """All readers, a row each.

    Raises:
        WrongError: a promise was not kept.
    """
    from mutations import write_mutated

    model = small_model(work)
    source, data = work / "photos", work / "mutated"
    kinds = Counter(write_mutated(source, count, seed))
    print(", ".join(f"{kind} {times}" for kind, times in kinds.most_common()), end=".\n\n")
    print("| reader | photos | refused | time | slowest photo | most memory |")
    print("|---|---|---|---|---|---|")
    paths = sorted(source.glob("*/*"))
    row, bad = one_by_one(paths)
    rows = [row]
    print(row.line(), flush=True)
    for split in ("train", "val"):
        (data / split).mkdir(parents=True)
        for name in ("agate", "beryl"):
            (data / split / name).mkdir()
            for path in source.glob(f"{name}/*"):
                os.link(path, data / split / name / path.name)
    for make in (
        lambda: audit(source, work / "findings", bad),
        lambda: train(data, work / "refused", bad),
        lambda: _without(data, source, bad),
        lambda: identify(model, source, work / "answers.csv", bad),
    ):
        rows.append(make())
        print(rows[-1].line(), flush=True)
    row, statuses = serve(model, paths)
    rows.append(row)
    print(row.line())
    print(f"\nThe server's answers: {dict(sorted(statuses.items()))}.")
    if most := [row.name for row in rows if row.memory > MOST_MEMORY]:
        raise WrongError(f"more than {MOST_MEMORY / 1e9:g} GB: {', '.join(most)}")


def _without(data: Path, source: Path, bad: dict[Path, str]) -> Row:
    """Take those that cannot be read away, as the error advised, and load the rest."""
    for path in bad:
        for split in ("train", "val"):
            (data / split / path.relative_to(source)).unlink()
    return epoch(data, len(list(data.glob("train/*/*"))))


def main() -> int:
    """Mutate, read, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        work = asked.out or Path(folder)
        work.mkdir(exist_ok=True)
        try:
            try_all(work, asked.photos, asked.seed)
        except WrongError as wrong:
            print(f"FAILED: {wrong}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
