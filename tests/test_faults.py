"""Machine faults while a command runs: each is reported in one line, and no work is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import checkpoint
from mineral_recog.training import run as training
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.state import TrainState
from tests.conftest import TINY, have_same_weights

SETTINGS = (*TINY, "stages.ce.epochs=4", "batch_size=4")
SMALL = ["--recipe", "baseline", *(part for setting in SETTINGS for part in ("--set", setting))]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe("baseline", SETTINGS)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the only line of the error."""
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1
    assert not any("Traceback" in line for line in lines)
    return errors[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_count_does_not_change_the_run(
    prepared: Path, tmp_path: Path, recipe: Recipe, workers: int
) -> None:
    for run, worker_count in (("none", 0), ("some", workers)):
        training.train(prepared, recipe, tmp_path / run, device="cpu", workers=worker_count)
    assert have_same_weights(tmp_path / "none", tmp_path / "some")

    def read_log(run: str) -> list[dict[str, Any]]:
        lines = map(json.loads, (tmp_path / run / "log.jsonl").read_text().splitlines())
        return [{**line, "seconds": 0, "memory": 0} for line in lines]

    assert read_log("none") == read_log("some")


def failing_fsync(error_number: int, name: str) -> Callable[[int], None]:
    """Return an `os.fsync` that fails for files of a name."""
    real = os.fsync

    def fail(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().name == name:
            raise OSError(error_number, os.strerror(error_number), name)
        real(file)

    return fail


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to identify files")
@pytest.mark.parametrize(
    ("error_number", "reason"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "No permission")]
)
@pytest.mark.parametrize("file", ["last.safetensors", "model.safetensors"])
def test_failed_write_is_reported_and_run_can_be_resumed(
    prepared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error_number: int,
    reason: str,
    file: str,
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_SAVING_SHARE", 1000.0)  # saves after each epoch
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), "--workers", "0", *SMALL]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_fsync(error_number, f".{file}.partial"))
        assert main(command) == 2
    assert reason in error_line(capsys)
    assert not (tmp_path / "run" / "model").exists()
    hidden = [path for path in tmp_path.rglob(".*") if ".partial" in path.name]
    assert hidden == []
    resume = ["train", str(prepared), "--out", str(tmp_path / "run"), "--workers", "0", "--resume"]
    assert main(resume) == 0
    assert main([*command[:3], str(tmp_path / "uninterrupted"), *command[4:]]) == 0
    assert have_same_weights(tmp_path / "run", tmp_path / "uninterrupted")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("how", ["deleted", "cut short"])
def test_photo_lost_during_training_is_named(
    data: Path, tmp_path: Path, recipe: Recipe, workers: int, how: str
) -> None:
    photo = data / "train" / "agate" / "3.png"

    def damage(line: EpochLog) -> None:
        photo.unlink() if how == "deleted" else photo.write_bytes(photo.read_bytes()[:300])

    run = tmp_path / "run"
    original = photo.read_bytes()
    with pytest.raises(UserError, match=r"agate/3\.png"):
        training.train(data, recipe, run, device="cpu", workers=workers, on_epoch=damage)
    photo.write_bytes(original)
    training.resume(data, run, device="cpu", workers=workers)
    training.train(data, recipe, tmp_path / "uninterrupted", device="cpu", workers=workers)
    assert have_same_weights(run, tmp_path / "uninterrupted")


def test_training_with_a_cache_does_not_need_the_photos(
    data: Path, tmp_path: Path, recipe: Recipe
) -> None:
    cached = recipe.model_copy(update={"cache": True})

    def on_epoch(line: EpochLog) -> None:
        for photo in data.glob("*/*/*.png"):
            photo.rename(photo.with_suffix(".gone"))
        if line.epoch == recipe.epochs:  # calibration reads the photos themselves
            for photo in data.glob("*/*/*.gone"):
                photo.rename(photo.with_suffix(".png"))

    training.train(data, cached, tmp_path / "run", device="cpu", workers=0, on_epoch=on_epoch)
    training.train(data, cached, tmp_path / "uninterrupted", device="cpu", workers=0)
    assert have_same_weights(tmp_path / "run", tmp_path / "uninterrupted")


@POSIX
def test_killed_loader_process_is_reported(prepared: Path, tmp_path: Path) -> None:
    run, errors = tmp_path / "run", tmp_path / "errors.txt"
    arguments = ["train", str(prepared), "--out", str(run), "--workers", "1", *SMALL]
    command = [sys.executable, "-m", "mineral_recog", *arguments]
    with errors.open("w") as file:
        long = ["--set", "stages.ce.epochs=3000"]
        process = psutil.Popen([*command, *long], stderr=file)
        until = time.monotonic() + 120
        while not (run / "log.jsonl").is_file() and time.monotonic() < until:
            time.sleep(0.05)
        loader = next(c for c in process.children() if c.cmdline() == process.cmdline())
        loader.kill()
        assert process.wait(timeout=120) == 2
    assert "--workers 0" in errors.read_text().splitlines()[-1]
    assert (run / "recipe.yaml").is_file()


LIMITED_MEMORY = """
import resource, sys
import mineral_recog.training.run
from mineral_recog.cli.main import main
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_DATA of Linux")
def test_out_of_memory_is_reported_with_advice(prepared: Path, tmp_path: Path) -> None:
    large = ["--set", "image_size=1024", "--set", "batch_size=21", "--workers", "0"]
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), *SMALL, *large]
    run = [sys.executable, "-c", LIMITED_MEMORY, str(2**30), *command]
    result = subprocess.run(run, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2, result.stderr
    assert "Memory has run out" in result.stderr.splitlines()[-1]
    assert "batch_size" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    ],
)
def test_out_of_memory_on_any_device_is_reported(
    prepared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def run_out(*_: object) -> None:
        raise error

    monkeypatch.setattr(checkpoint, "MAX_SAVING_SHARE", 1000.0)  # saves after each epoch
    monkeypatch.setattr(TrainState, "state_dict", run_out)
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), "--workers", "0", *SMALL]
    assert main(command) == 2
    assert "Memory has run out" in error_line(capsys)


def test_files_are_copied_where_links_are_not_supported(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    assert main(["prepare", str(source), str(tmp_path / "linked")]) == 0
    monkeypatch.setattr(os, "link", refuse)
    assert main(["prepare", str(source), str(tmp_path / "copied")]) == 0
    compare = ["compare", str(tmp_path / "copied"), "--out", str(tmp_path / "compared")]
    recipes = ["--recipes", "multi_stage,crt", "--seeds", "0", "--set", "epochs=3", "--workers=0"]
    settings = [part for setting in TINY for part in ("--set", setting)]
    assert main([*compare, *recipes, *settings]) == 0
    for photo in (tmp_path / "linked").glob("*/*/*.png"):
        copy = tmp_path / "copied" / photo.relative_to(tmp_path / "linked")
        assert copy.read_bytes() == photo.read_bytes()
        assert (photo.stat().st_nlink, copy.stat().st_nlink) == (2, 1)
