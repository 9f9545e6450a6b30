"""Measure answers of a run and of its exports: cold start, photos a second, memory, size.

    python benchmarks/answering.py RUN PHOTOS [--data DATA]

RUN is a finished run; PHOTOS is a folder of photos, searched with its subfolders; DATA has the
photos for int8 where RUN does not find them. The exports are written to a temporary folder. The
three models are measured in turns, in processes of their own; the best of several rounds counts,
since other programs only lengthen them. Cold start uses all cores, all else one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS, PHOTO_COUNT, BATCH, BATCHES = 5, 200, 8, 10


def main() -> None:
    """Export, measure in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    photos = find_photos(options.photos)
    if options.measure:
        print(json.dumps(measure(options.run, photos)))
        return
    with tempfile.TemporaryDirectory() as folder:
        models = {"torch": options.run}
        for name, extra in (("ONNX float32", []), ("ONNX int8", ["--int8"])):
            models[name] = Path(folder, name.replace(" ", "-"))
            data = ["--data", str(options.data)] if extra and options.data else []
            command("export", options.run, "--out", models[name], *extra, *data)
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in models}
        for _ in range(ROUNDS):
            for name, model in models.items():
                rows[name].append(cold_start(model, photos[0]) | warm(model, options.photos))
        sizes = {name: size_of(model) for name, model in models.items()}
        print_table(rows, sizes)
        compare_answers(models, photos)


def find_photos(folder: Path) -> list[Path]:
    """Return the first photos of a folder, by name, evenly over its subfolders."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    step = max(1, len(files) // PHOTO_COUNT)
    return files[::step][:PHOTO_COUNT]


def command(*words: object) -> None:
    """Run a command of mineral-recog."""
    program = [sys.executable, "-m", "mineral_recog", *map(str, words)]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)


def cold_start(model: Path, photo: Path) -> dict[str, float]:
    """Return seconds and peak memory in MB of a command that identifies one photo."""
    began = time.perf_counter()
    program = [sys.executable, "-m", "mineral_recog", "identify", str(photo), "--model", str(model)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"{model}: identify failed")
    return {"cold": seconds, "memory": usage.ru_maxrss / 1000}


def warm(model: Path, photos: Path) -> dict[str, float]:
    """Return what `measure` measures, in a process with one thread."""
    program = [sys.executable, __file__, str(model), str(photos), "--measure"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = subprocess.run(program, env=environment, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def measure(model: Path, photos: list[Path]) -> dict[str, float]:
    """Return photos a second of the network alone, and from file to answer, on one thread."""
    if hasattr(os, "sched_setaffinity"):  # so that decoding has one core as well
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from mineral_recog.identify.identifier import load

    identifier = load(model, device="cpu")
    size = identifier.model.preprocessing.image_size
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    seconds = []
    for _ in range(BATCHES):
        began = time.perf_counter()
        identifier.model.engine.predict(views)
        seconds.append(time.perf_counter() - began)
    identifier.identify_many(photos[:BATCH])
    began = time.perf_counter()
    identifier.identify_many(photos)
    return {
        "network": BATCH / min(seconds),
        "answers": len(photos) / (time.perf_counter() - began),
    }


def compare_answers(models: dict[str, Path], photos: list[Path]) -> None:
    """Print on how many photos the exports answer as the run does."""
    from mineral_recog.identify.answer import Answer
    from mineral_recog.identify.identifier import load

    def answers(model: Path) -> list[Answer]:
        given = load(model, device="cpu").identify_many(photos)
        return [answer for answer in given if isinstance(answer, Answer)]

    run, *exports = models
    expected = answers(models[run])
    for name in exports:
        pairs = list(zip(expected, answers(models[name]), strict=True))
        rankings = sum([c.name for c in a.candidates] == [c.name for c in b.candidates]
                       for a, b in pairs)  # fmt: skip
        sets = sum({c.name for c in a.likely} == {c.name for c in b.likely} for a, b in pairs)
        others = sum(a.none_of_these == b.none_of_these for a, b in pairs)
        change = max(
            abs(probability_of(a, c.name) - c.probability) for a, b in pairs for c in b.candidates
        )
        print(f"{name}, {len(pairs)} photos as {run}: {rankings} rankings, {sets} sets, "
              f"{others} 'none of these'; probabilities within {change:.1e}")  # fmt: skip


def probability_of(answer: Any, name: str) -> float:
    """Return the probability of a class in an answer."""
    return next(float(c.probability) for c in answer.candidates if c.name == name)


def size_of(model: Path) -> float:
    """Return the MB of a model's files, without a gallery."""
    folder = model / "model" if (model / "model").is_dir() else model
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def print_table(rows: dict[str, list[dict[str, Any]]], sizes: dict[str, float]) -> None:
    """Print the best of all rounds for each model."""
    print("| model | cold start (s) | network (photos/s) | file to answer (photos/s) | peak memory "
          "of a cold start (MB) | size (MB) |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for name, measured in rows.items():
        cold, memory = (min(row[key] for row in measured) for key in ("cold", "memory"))
        network, answers = (max(row[key] for row in measured) for key in ("network", "answers"))
        print(f"| {name} | {cold:.2f} | {network:.0f} | {answers:.0f} | {memory:.0f} | "
              f"{sizes[name]:.1f} |")  # fmt: skip


if __name__ == "__main__":
    main()
