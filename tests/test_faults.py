"""Faults of the machine while a command runs: each is told in one line, and nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import checkpoint
from mineral_recog.training import run as training
from mineral_recog.training.state import TrainState
from mineral_recog.training.trainer import LogLine
from tests.conftest import TINY

SETTINGS = (*TINY, "stages.ce.epochs=4", "batch_size=4")
SMALL = ["--recipe", "baseline", *(part for one in SETTINGS for part in ("--set", one))]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX systems have it")


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe("baseline", SETTINGS)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of the error."""
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1
    assert not any("Traceback" in line for line in lines)
    return errors[0]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(run / "model" / "model.safetensors"))


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_loaders_gives_the_same_run(
    prepared: Path, tmp_path: Path, recipe: Recipe, workers: int
) -> None:
    for run, number in (("none", 0), ("some", workers)):
        training.train(prepared, recipe, tmp_path / run, device="cpu", workers=number)
    assert same(tmp_path / "none", tmp_path / "some")

    def figures(run: str) -> list[LogLine]:
        lines = map(json.loads, (tmp_path / run / "log.jsonl").read_text().splitlines())
        return [{**line, "seconds": 0, "memory": 0} for line in lines]

    assert figures("none") == figures("some")


def failing(number: int, path: str) -> Callable[[int], None]:
    """A write to disk that fails whenever a file of that name is written."""
    real = os.fsync

    def fail(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().name == path:
            raise OSError(number, os.strerror(number), path)
        real(file)

    return fail


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="files cannot be told apart")
@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "No permission")]
)
@pytest.mark.parametrize("file", ["last.safetensors", "model.safetensors"])
def test_what_cannot_be_written_is_told_and_training_goes_on_later(
    prepared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    reason: str,
    file: str,
) -> None:
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), "--workers", "0", *SMALL]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(number, f".{file}.partial"))
        assert main(command) == 2
    assert reason in told(capsys)
    assert not (tmp_path / "run" / "model").exists()
    hidden = [path for path in tmp_path.rglob(".*") if ".partial" in path.name]
    assert hidden == []
    again = ["train", str(prepared), "--out", str(tmp_path / "run"), "--workers", "0", "--resume"]
    assert main(again) == 0
    assert main([*command[:3], str(tmp_path / "unbroken"), *command[4:]]) == 0
    assert same(tmp_path / "run", tmp_path / "unbroken")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("how", ["deleted", "cut short"])
def test_a_photo_that_goes_while_training_is_named(
    data: Path, tmp_path: Path, recipe: Recipe, workers: int, how: str
) -> None:
    photo = data / "train" / "agate" / "3.png"

    def spoil(line: LogLine) -> None:
        photo.unlink() if how == "deleted" else photo.write_bytes(photo.read_bytes()[:300])

    run = tmp_path / "run"
    whole = photo.read_bytes()
    with pytest.raises(UserError, match=r"agate/3\.png"):
        training.train(data, recipe, run, device="cpu", workers=workers, on_epoch=spoil)
    photo.write_bytes(whole)
    training.resume(data, run, device="cpu", workers=workers)
    training.train(data, recipe, tmp_path / "unbroken", device="cpu", workers=workers)
    assert same(run, tmp_path / "unbroken")


def test_with_a_cache_photos_may_go_while_training(
    data: Path, tmp_path: Path, recipe: Recipe
) -> None:
    cached = recipe.model_copy(update={"cache": True})

    def remove(line: LogLine) -> None:
        for photo in data.glob("*/*/*.png"):
            photo.rename(photo.with_suffix(".gone"))

    def bring_back(line: LogLine) -> None:
        if line["epoch"] == recipe.epochs:  # what follows reads the photos themselves
            for photo in data.glob("*/*/*.gone"):
                photo.rename(photo.with_suffix(".png"))

    def on_epoch(line: LogLine) -> None:
        remove(line)
        bring_back(line)

    training.train(data, cached, tmp_path / "run", device="cpu", workers=0, on_epoch=on_epoch)
    training.train(data, cached, tmp_path / "unbroken", device="cpu", workers=0)
    assert same(tmp_path / "run", tmp_path / "unbroken")


@POSIX
def test_a_loader_that_dies_is_told(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    over, own = threading.Event(), psutil.Process().cmdline()

    def kill_a_loader() -> None:
        while not over.is_set():
            if (run / "log.jsonl").is_file():
                for child in psutil.Process().children():
                    with contextlib.suppress(psutil.Error):  # it may be gone
                        if child.cmdline() == own:  # forked, so not what serves other tests
                            child.kill()
                            return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_a_loader)
    killer.start()
    try:
        long = [*SMALL, "--set", "stages.ce.epochs=300"]
        assert main(["train", str(prepared), "--out", str(run), "--workers", "1", *long]) == 2
    finally:
        over.set()
        killer.join()
    assert "--workers 0" in told(capsys)
    assert (run / "recipe.yaml").is_file()


HUNGRY = """
import resource, sys
import mineral_recog.training.run
from mineral_recog.cli.main import main
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be bounded on Linux")
def test_memory_that_runs_out_comes_with_advice(prepared: Path, tmp_path: Path) -> None:
    large = ["--set", "image_size=1024", "--set", "batch_size=21", "--workers", "0"]
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), *SMALL, *large]
    run = [sys.executable, "-c", HUNGRY, str(2**30), *command]
    done = subprocess.run(run, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2, done.stderr
    assert "Memory has run out" in done.stderr.splitlines()[-1]
    assert "batch_size" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    ],
)
def test_memory_of_any_device_may_run_out(
    prepared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def run_out(*_: object) -> None:
        raise error

    monkeypatch.setattr(TrainState, "state_dict", run_out)
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), "--workers", "0", *SMALL]
    assert main(command) == 2
    assert "Memory has run out" in told(capsys)


def test_a_file_system_without_links_is_copied_to(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    assert main(["prepare", str(source), str(tmp_path / "linked")]) == 0
    monkeypatch.setattr(os, "link", refuse)
    assert main(["prepare", str(source), str(tmp_path / "copied")]) == 0
    compare = ["compare", str(tmp_path / "copied"), "--out", str(tmp_path / "compared")]
    recipes = ["--recipes", "multi_stage,crt", "--seeds", "0", "--set", "epochs=3", "--workers=0"]
    settings = [part for one in TINY for part in ("--set", one)]
    assert main([*compare, *recipes, *settings]) == 0
    for photo in (tmp_path / "linked").glob("*/*/*.png"):
        copy = tmp_path / "copied" / photo.relative_to(tmp_path / "linked")
        assert copy.read_bytes() == photo.read_bytes()
        assert (photo.stat().st_nlink, copy.stat().st_nlink) == (2, 1)
