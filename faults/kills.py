"""Kill commands at random moments, run them again, and compare their output.

    python faults/kills.py [--kills 30] [--others 10] [--seed 0]

Each command first runs without interruption. Then it is started again, killed with SIGKILL after a
random part of that time, together with its loader processes, and run again: `train` with --resume
once its run folder exists, all others with exactly the same command. A run gets up to three kills
before it may end. Its output must then be identical, bit for bit, to that of the uninterrupted run,
and its input must be unchanged. A Markdown table shows the number of kills and where they hit.

A third of the trainings save their state after every step instead of every five minutes, so that
kills hit the middle of epochs and the writing of checkpoints; another third read photos in two
processes; another with a cache. After each, the test photos are evaluated too.

Commands are forked from this process, which has imported their modules: starting them as new
processes would take longer than the killed runs. Needs a system with fork and SIGKILL.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MINERAL_RECOG_LANG"] = "en"

import mineral_recog.cli.prepare
import mineral_recog.comparison.runner
import mineral_recog.evaluation.evaluator
import mineral_recog.training.run  # noqa: F401  # imported once, for all forked processes
from mineral_recog.cli.main import main as run_command
from mineral_recog.training import checkpoint, trainer
from mineral_recog.training.run_folder import is_run

MAX_KILLS = 3  # per run
STAGES = ("stages.fea.epochs=3", "stages.cfl.epochs=3", "stages.crt.epochs=2")
SIDE = 32
SMALL = (
    "backbone=test_resnet", "pretrained=false", f"image_size={SIDE}", "batch_size=32",
    "precision=float32", "lr_scale=20", "stages.cfl.refresh_epochs=2", "stages.crt.feature_views=0",
    "stages.crt.min_steps=0",
)  # fmt: skip
MODEL = "run/model"
UNSTABLE = ("seconds", "memory")  # of a log or a table: these depend on the machine


class WrongError(Exception):
    """A broken guarantee."""


@dataclass(frozen=True)
class Job:
    """A command to kill.

    Attributes:
        name: Name in the table.
        command: Returns the arguments of the command for the folder that it may write to.
        output: Returns the output in that folder, digests by name.
        last_output: Path that exists when nothing is left to do; if None, the command can be run
            again.
        save_often: Save the state of a training after every step.
    """

    name: str
    command: Callable[[Path], list[str]]
    output: Callable[[Path], dict[str, str]]
    last_output: str | None = None
    save_often: bool = False


@dataclass
class Tally:
    """A row of the table: kills of one job, and where they hit."""

    kills: int = 0
    runs: int = 0
    where: Counter[str] = field(default_factory=Counter)


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def file_digests(folder: Path, exclude: Sequence[str] = (), pattern: str = "*") -> dict[str, str]:
    """Return the digest of each file below a folder by relative path, except excluded names.

    Leaves out partial files of a kill: they are hidden, have no effect, and are counted in the
    table.
    """
    return {
        str(path.relative_to(folder)): digest(path.read_bytes())
        for path in sorted(folder.rglob(pattern))
        if path.is_file() and path.name not in exclude and ".partial" not in str(path)
    }


def run_files(run: Path) -> dict[str, str]:
    """Return the digests of a run folder, without times and memory."""
    lines = map(json.loads, (run / trainer.LOG).read_text(encoding="utf-8").splitlines())
    log = [{key: value for key, value in line.items() if key not in UNSTABLE} for line in lines]
    return file_digests(run, exclude=(trainer.LOG,)) | {
        trainer.LOG: digest(json.dumps(log).encode())
    }


def stable_cells(table: Path) -> str:
    """Return the cells of a CSV file without times and memory, as JSON."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("figure") not in UNSTABLE]
    return json.dumps([{key: row[key] for key in row if key not in UNSTABLE} for row in rows])


def start(arguments: list[str], save_often: bool, log: Path) -> int:
    """Run a command in its own process and process group; return the process id."""
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):  # also in the child: whichever is first
            os.setpgid(child, child)
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        with log.open("ab") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
        if save_often:
            checkpoint.SAVE_EVERY, checkpoint.MAX_SAVING_SHARE = 0.0, 1e9
        status = run_command(arguments)
    finally:
        os._exit(status)


def kill_or_wait(child: int, seconds: float) -> int | None:
    """Let a process run for some time; return its status if it ended, None if it was killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended_child, status = os.waitpid(child, os.WNOHANG)
        if ended_child:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def where_killed(folder: Path) -> str:
    """Return how far a run had come, from the content of its folder."""
    partial = [path for path in folder.rglob(".*.partial*") if not path.name.endswith(".lock")]
    if any(path.name == ".last.safetensors.partial" for path in partial):
        return "in a checkpoint"
    log = next(iter(folder.rglob(trainer.LOG)), None)
    if log is not None and (lines := log.read_text(encoding="utf-8").splitlines()):
        with contextlib.suppress(json.JSONDecodeError):
            return f"after {json.loads(lines[-1])['stage']}'s epoch"
    if partial:
        return "in a file or folder"
    return "before any output" if not any(folder.iterdir()) else "elsewhere"


def continuing(arguments: list[str], folder: Path) -> list[str]:
    """Return the command that continues one that was killed."""
    if arguments[0] != "train" or not is_run(folder / "run"):
        return arguments
    data, out = arguments[1], arguments[arguments.index("--out") + 1]
    workers = arguments[arguments.index("--workers") + 1]
    return ["train", data, "--out", out, "--workers", workers, "--resume"]


def run_to_end(job: Job, folder: Path, arguments: list[str]) -> None:
    """Run a command to its end.

    Raises:
        WrongError: The command failed.
    """
    log = folder.with_suffix(".txt")
    status = kill_or_wait(start(arguments, job.save_often, log), 900)
    if status != 0:
        last_line = log.read_text(encoding="utf-8").splitlines()[-1:]
        raise WrongError(f"{job.name} ended with {status} in {folder}: {' '.join(last_line)}")


def is_finished(job: Job, folder: Path) -> bool:
    """Return whether a command has nothing left to do."""
    return job.last_output is not None and (folder / job.last_output).exists()


def run_with_kills(
    job: Job, folder: Path, seconds: float, max_kills: int, rng: random.Random
) -> Tally:
    """Kill a run up to `max_kills` times and bring it to its end."""
    folder.mkdir()
    tally = Tally(runs=1)
    for _ in range(max_kills):
        if is_finished(job, folder):
            return tally
        arguments = continuing(job.command(folder), folder)
        child = start(arguments, job.save_often, folder.with_suffix(".txt"))
        if kill_or_wait(child, rng.uniform(0, seconds)) is not None:
            break
        tally.kills += 1
        tally.where[where_killed(folder)] += 1
    if not is_finished(job, folder):
        run_to_end(job, folder, continuing(job.command(folder), folder))
    return tally


def test_job(job: Job, work: Path, kills: int, rng: random.Random) -> Tally:
    """Kill a command `kills` times.

    Raises:
        WrongError: The output differs from that of the uninterrupted run.
    """
    uninterrupted = work / job.name.replace(" ", "-")
    uninterrupted.mkdir()
    began = time.monotonic()
    run_to_end(job, uninterrupted, job.command(uninterrupted))
    seconds = time.monotonic() - began
    expected = job.output(uninterrupted)
    if not expected:
        raise WrongError(f"{job.name} left no output to compare in {uninterrupted}")
    total = Tally()
    while total.kills < kills:
        folder = work / f"{uninterrupted.name}-{total.runs}"
        tally = run_with_kills(job, folder, seconds, min(MAX_KILLS, kills - total.kills), rng)
        output = job.output(folder)
        if output != expected:
            wrong = sorted(
                name for name in expected | output if expected.get(name) != output.get(name)
            )
            first = ", ".join(sorted(wrong)[:5])
            raise WrongError(f"{job.name}: {first} in {folder} differ from {uninterrupted}")
        dot_files = [
            str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name[0] == "."
        ]
        if partial := [name for name in dot_files if ".partial" in name]:
            total.where["left a partial file behind"] += len(partial)
        total.kills += tally.kills
        total.runs += tally.runs
        total.where += tally.where
        shutil.rmtree(folder)
        print(f"{job.name}: {total.kills}/{kills} kills", file=sys.stderr)
    return total


def cached_photos(data: Path) -> dict[str, str]:
    """Return the digest of each photo in the caches of a prepared folder, in any order."""
    from mineral_recog.data.cache_builder import build_caches
    from mineral_recog.data.dataset import read_split
    from mineral_recog.data.evaluation_view import evaluation_side
    from mineral_recog.data.transforms import training_side

    datasets = [read_split(data, split) for split in ("train", "val")]
    with contextlib.redirect_stderr(None):
        caches = build_caches(datasets, (training_side(SIDE), evaluation_side(SIDE)))
    assert caches is not None
    return {
        f"{dataset.root.name}/{dataset.paths[index]}": digest(cache.read_photo(index).tobytes())
        for dataset, cache in zip(datasets, caches, strict=True)
        for index in range(len(dataset))
    }


def trainings(data: Path) -> list[Job]:
    """Return the ways to train."""

    def run_output(folder: Path) -> dict[str, str]:
        run_to_end(
            Job("evaluate", lambda folder: [], file_digests),
            folder / "evaluated",
            ["evaluate", str(folder / "run"), "--workers", "0"],
        )
        return run_files(folder / "run")

    def train(folder: Path, *options: str, data: Path = data) -> list[str]:
        settings = [part for setting in (*SMALL, *STAGES) for part in ("--set", setting)]
        return ["train", str(data), "--out", str(folder / "run"), *settings, *options]

    def train_cached(folder: Path) -> list[str]:
        if not (copy := folder / "data").exists():
            shutil.copytree(data, copy, ignore=shutil.ignore_patterns(".cache"))
        return train(folder, "--workers", "0", "--cache", "on", data=copy)

    def cached_run_output(folder: Path) -> dict[str, str]:
        # The path of the photos is in run.json and the report, and differs from run to run.
        files = run_output(folder) | cached_photos(folder / "data")
        return {name: value for name, value in files.items() if "run.json" not in name}

    off = ("--cache", "off")
    return [
        Job(
            "train", lambda f: train(f, "--workers", "0", *off), run_output, MODEL, save_often=True
        ),
        Job("train, two loaders", lambda f: train(f, "--workers", "2", *off), run_output, MODEL),
        Job("train, making a cache", train_cached, cached_run_output, MODEL, save_often=True),
    ]


def other_commands(data: Path, run: Path) -> list[Job]:
    """Return the other commands that take long, on the same photos and a finished run."""

    def evaluate(folder: Path) -> list[str]:
        if not (folder / "run").exists():
            shutil.copytree(run, folder / "run")
        return ["evaluate", str(folder / "run"), "--workers", "0", "--force"]

    def compare(folder: Path) -> list[str]:
        settings = [part for setting in (*SMALL[:-2], "epochs=4") for part in ("--set", setting)]
        where = ["--out", str(folder / "out"), "--workers", "0"]
        return ["compare", str(data), "--seeds", "0,1", *where, *settings]

    def comparison_output(folder: Path) -> dict[str, str]:
        out = folder / "out"
        tables = {path.name: digest(stable_cells(path).encode()) for path in out.glob("test/*.csv")}
        weights = file_digests(out / "runs", pattern="model.safetensors")
        return tables | weights

    source = data / "train"
    return [
        Job("prepare", lambda f: ["prepare", str(source), str(f / "data")], file_digests, "data"),
        Job("evaluate", evaluate, file_digests),
        Job("compare", compare, comparison_output),
    ]


def main() -> int:
    """Kill commands, compare their output, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=30, help="kills of trainings")
    parser.add_argument("--others", type=int, default=10, help="kills of each other command")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    work = Path(tempfile.mkdtemp(prefix="kills-"))
    data = work / "data"
    draw = Job("draw", lambda f: [], file_digests)
    settings = ["--size", "72", "--largest", "40", "--imbalance", "10", "--val", "3", "--test", "3"]
    run_to_end(draw, data, ["draw", str(data), *settings])
    before = file_digests(data)
    training_jobs, other_jobs = trainings(data), other_commands(data, work / "train" / "run")
    print("| command | kills | runs | where they hit |\n|---|---|---|---|")
    try:
        for job in (*training_jobs, *other_jobs):
            kills = options.kills // len(training_jobs) if job in training_jobs else options.others
            tally = test_job(job, work, kills, rng)
            where = ", ".join(f"{place} {times}" for place, times in tally.where.most_common())
            print(f"| {job.name} | {tally.kills} | {tally.runs} | {where} |", flush=True)
            if file_digests(data) != before:
                raise WrongError(f"{job.name} changed the photos in {data}")
    except WrongError as wrong:
        print(f"FAILED: {wrong}")
        return 1
    shutil.rmtree(work)
    print("\nEvery run left the same output as the uninterrupted one, bit for bit.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
