"""Kill commands at random moments, run them again, and compare what they leave.

    python faults/kills.py [--kills 30] [--others 10] [--seed 0]

Each command runs unbroken first. Then it is begun anew, killed with SIGKILL after a random part of
that time, its loader processes with it, and run again: `train` with --resume once its run folder
is there, all others by the very same command. Up to three kills meet one run before it may end;
what it then leaves must be what the unbroken one left, bit for bit, and what it read must be as it
was. A Markdown table tells how often, and where the kills fell.

A third of the trainings keep their state after every step in place of once in five minutes, so that
kills fall into the middle of epochs and into the writing of checkpoints; another third read photos
in two processes; another by way of a cache. After each the test photos are evaluated too.

Commands are forked from this process, which has imported what they need: starting anew would take
longer than what is killed. Needs a system with fork and SIGKILL.
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
import mineral_recog.data.shard_writer
import mineral_recog.evaluation.evaluator
import mineral_recog.training.run  # noqa: F401  # imported once, for all that are forked
from mineral_recog.cli.main import main as run_command
from mineral_recog.training import checkpoint, trainer
from mineral_recog.training.run import is_run

MOST_KILLS = 3  # of one run
STAGES = ("stages.fea.epochs=3", "stages.cfl.epochs=3", "stages.crt.epochs=2")
SIDE = 32
SMALL = (
    "backbone=test_resnet", "pretrained=false", f"image_size={SIDE}", "batch_size=32",
    "precision=float32", "lr_scale=20", "stages.cfl.refresh_epochs=2", "stages.crt.feature_views=0",
)  # fmt: skip
MODEL = "run/model"
UNSTABLE = ("seconds", "memory")  # of a log or a table: what the machine did, not the run


class WrongError(Exception):
    """A promise that was not kept."""


@dataclass(frozen=True)
class Job:
    """A command to kill.

    Attributes:
        name: in the table.
        command: its arguments, of the folder that it may write in.
        left: what it leaves there, by name.
        ends_with: what is there when nothing is left to do; without, it can be run again.
        often: keep the state of a training after every step.
    """

    name: str
    command: Callable[[Path], list[str]]
    left: Callable[[Path], dict[str, str]]
    ends_with: str | None = None
    often: bool = False


@dataclass
class Told:
    """A row of the table: kills of one job, and where they fell."""

    kills: int = 0
    runs: int = 0
    where: Counter[str] = field(default_factory=Counter)


def digest(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def files_of(folder: Path, but: Sequence[str] = (), only: str = "*") -> dict[str, str]:
    """The digest of each file below a folder, except those of some names; names lead from it.

    Without what a kill left half made: it is hidden, in nobody's way, and counted in the table.
    """
    return {
        str(path.relative_to(folder)): digest(path.read_bytes())
        for path in sorted(folder.rglob(only))
        if path.is_file() and path.name not in but and ".partial" not in str(path)
    }


def run_files(run: Path) -> dict[str, str]:
    """What a training leaves: all but how long it took and how much memory."""
    lines = map(json.loads, (run / trainer.LOG).read_text(encoding="utf-8").splitlines())
    log = [{key: value for key, value in line.items() if key not in UNSTABLE} for line in lines]
    return files_of(run, but=(trainer.LOG,)) | {trainer.LOG: digest(json.dumps(log).encode())}


def stable(table: Path) -> str:
    """A CSV file without how long anything took and how much memory."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("figure") not in UNSTABLE]
    return json.dumps([{key: row[key] for key in row if key not in UNSTABLE} for row in rows])


def start(arguments: list[str], often: bool, told: Path) -> int:
    """Run a command in a process and a group of its own; gives its id."""
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):  # as well in the child: whoever is first
            os.setpgid(child, child)
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        with told.open("ab") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
        if often:
            checkpoint.SAVE_EVERY, checkpoint.MAX_SAVING_SHARE = 0.0, 1e9
        status = run_command(arguments)
    finally:
        os._exit(status)


def kill_or_wait(child: int, seconds: float) -> int | None:
    """Let a process run so long; gives its status if it ended, None if it was killed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def where_killed(folder: Path) -> str:
    """How far a run had come, by what lies in its folder."""
    partial = [path for path in folder.rglob(".*.partial*") if not path.name.endswith(".lock")]
    if any(path.name == ".last.safetensors.partial" for path in partial):
        return "in a checkpoint"
    log = next(iter(folder.rglob(trainer.LOG)), None)
    if log is not None and (lines := log.read_text(encoding="utf-8").splitlines()):
        with contextlib.suppress(json.JSONDecodeError):
            return f"after {json.loads(lines[-1])['stage']}'s epoch"
    if partial:
        return "in a file or folder"
    return "before anything" if not any(folder.iterdir()) else "elsewhere"


def again(arguments: list[str], folder: Path) -> list[str]:
    """The command that goes on with one that was killed."""
    if arguments[0] != "train" or not is_run(folder / "run"):
        return arguments
    data, out = arguments[1], arguments[arguments.index("--out") + 1]
    workers = arguments[arguments.index("--workers") + 1]
    return ["train", data, "--out", out, "--workers", workers, "--resume"]


def whole(job: Job, folder: Path, arguments: list[str]) -> None:
    """Run a command to its end.

    Raises:
        WrongError: it failed.
    """
    told = folder.with_suffix(".txt")
    status = kill_or_wait(start(arguments, job.often, told), 900)
    if status != 0:
        last = told.read_text(encoding="utf-8").splitlines()[-1:]
        raise WrongError(f"{job.name} ended with {status} in {folder}: {' '.join(last)}")


def finished(job: Job, folder: Path) -> bool:
    """Whether a command has nothing left to do."""
    return job.ends_with is not None and (folder / job.ends_with).exists()


def killed_again(job: Job, folder: Path, seconds: float, most: int, rng: random.Random) -> Told:
    """One run with up to `most` kills, brought to its end."""
    folder.mkdir()
    told = Told(runs=1)
    for _ in range(most):
        if finished(job, folder):
            return told
        arguments = again(job.command(folder), folder)
        child = start(arguments, job.often, folder.with_suffix(".txt"))
        if kill_or_wait(child, rng.uniform(0, seconds)) is not None:
            break
        told.kills += 1
        told.where[where_killed(folder)] += 1
    if not finished(job, folder):
        whole(job, folder, again(job.command(folder), folder))
    return told


def try_out(job: Job, work: Path, kills: int, rng: random.Random) -> Told:
    """Kill a command so many times.

    Raises:
        WrongError: something is not as the unbroken one left it.
    """
    unbroken = work / job.name.replace(" ", "-")
    unbroken.mkdir()
    began = time.monotonic()
    whole(job, unbroken, job.command(unbroken))
    seconds = time.monotonic() - began
    expected = job.left(unbroken)
    if not expected:
        raise WrongError(f"{job.name} left nothing to compare in {unbroken}")
    total = Told()
    while total.kills < kills:
        folder = work / f"{unbroken.name}-{total.runs}"
        told = killed_again(job, folder, seconds, min(MOST_KILLS, kills - total.kills), rng)
        found = job.left(folder)
        if found != expected:
            wrong = sorted(
                name for name in expected | found if expected.get(name) != found.get(name)
            )
            first = ", ".join(sorted(wrong)[:5])
            raise WrongError(f"{job.name}: {first} in {folder} differ from {unbroken}")
        left = [str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name[0] == "."]
        if hidden := [name for name in left if ".partial" in name]:
            total.where["left a partial file behind"] += len(hidden)
        total.kills += told.kills
        total.runs += told.runs
        total.where += told.where
        shutil.rmtree(folder)
        print(f"{job.name}: {total.kills}/{kills} kills", file=sys.stderr)
    return total


def cached(data: Path) -> dict[str, str]:
    """Every photo in the caches of a prepared folder; in which order they lie does not matter."""
    from mineral_recog.data.cache_builder import reduce_photos
    from mineral_recog.data.dataset import read_split
    from mineral_recog.data.transforms import evaluation_side, training_side

    indexes = [read_split(data, split) for split in ("train", "val")]
    with contextlib.redirect_stderr(None):
        caches = reduce_photos(indexes, (training_side(SIDE), evaluation_side(SIDE)))
    assert caches is not None
    return {
        f"{dataset.root.name}/{dataset.paths[photo]}": digest(cache.photo(photo).tobytes())
        for dataset, cache in zip(indexes, caches, strict=True)
        for photo in range(len(dataset))
    }


def trainings(data: Path) -> list[Job]:
    """The ways to train."""

    def trained(folder: Path) -> dict[str, str]:
        whole(
            Job("evaluate", lambda folder: [], files_of),
            folder / "evaluated",
            ["evaluate", str(folder / "run"), "--workers", "0"],
        )
        return run_files(folder / "run")

    def train(folder: Path, *more: str, data: Path = data) -> list[str]:
        settings = [part for setting in (*SMALL, *STAGES) for part in ("--set", setting)]
        return ["train", str(data), "--out", str(folder / "run"), *settings, *more]

    def train_cached(folder: Path) -> list[str]:
        if not (own := folder / "data").exists():
            shutil.copytree(data, own, ignore=shutil.ignore_patterns(".cache"))
        return train(folder, "--workers", "0", "--cache", "on", data=own)

    def trained_cached(folder: Path) -> dict[str, str]:
        # Where the photos lie is in run.json and the report, and differs from run to run.
        files = trained(folder) | cached(folder / "data")
        return {name: value for name, value in files.items() if "run.json" not in name}

    off = ("--cache", "off")
    return [
        Job("train", lambda f: train(f, "--workers", "0", *off), trained, MODEL, often=True),
        Job("train, two loaders", lambda f: train(f, "--workers", "2", *off), trained, MODEL),
        Job("train, making a cache", train_cached, trained_cached, MODEL, often=True),
    ]


def other_commands(data: Path, run: Path) -> list[Job]:
    """All else that takes long, on the same photos and a finished run."""

    def packed(folder: Path) -> dict[str, str]:
        # An index of a shard tells the time of the shard's file.
        files = files_of(folder)
        return {name: value for name, value in files.items() if not name.endswith(".tar.index")}

    def evaluate(folder: Path) -> list[str]:
        if not (folder / "run").exists():
            shutil.copytree(run, folder / "run")
        return ["evaluate", str(folder / "run"), "--workers", "0", "--force"]

    def compare(folder: Path) -> list[str]:
        settings = [part for setting in (*SMALL[:-2], "epochs=4") for part in ("--set", setting)]
        where = ["--out", str(folder / "out"), "--workers", "0"]
        return ["compare", str(data), "--seeds", "0,1", *where, *settings]

    def compared(folder: Path) -> dict[str, str]:
        out = folder / "out"
        tables = {path.name: digest(stable(path).encode()) for path in out.glob("test/*.csv")}
        weights = files_of(out / "runs", only="model.safetensors")
        return tables | weights

    source = data / "train"
    return [
        Job("prepare", lambda f: ["prepare", str(source), str(f / "data")], files_of, "data"),
        Job("pack", lambda f: ["pack", str(data), str(f / "packed")], packed, "packed"),
        Job("evaluate", evaluate, files_of),
        Job("compare", compare, compared),
    ]


def main() -> int:
    """Kill, compare, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=30, help="of trainings")
    parser.add_argument("--others", type=int, default=10, help="of each other command")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    work = Path(tempfile.mkdtemp(prefix="kills-"))
    data = work / "data"
    nothing = Job("draw", lambda f: [], files_of)
    set_ = ["--size", "72", "--largest", "40", "--imbalance", "10", "--val", "3", "--test", "3"]
    whole(nothing, data, ["draw", str(data), *set_])
    before = files_of(data)
    of_training, others = trainings(data), other_commands(data, work / "train" / "run")
    print("| command | kills | runs | where they fell |\n|---|---|---|---|")
    try:
        for job in (*of_training, *others):
            kills = asked.kills // len(of_training) if job in of_training else asked.others
            told = try_out(job, work, kills, rng)
            where = ", ".join(f"{what} {times}" for what, times in told.where.most_common())
            print(f"| {job.name} | {told.kills} | {told.runs} | {where} |", flush=True)
            if files_of(data) != before:
                raise WrongError(f"{job.name} changed the photos in {data}")
    except WrongError as wrong:
        print(f"FAILED: {wrong}")
        return 1
    shutil.rmtree(work)
    print("\nEvery run left what the unbroken one did, bit for bit.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
