"""Several processes train what one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from mineral_recog.data.dataset import read_split
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.data.samplers import build_sampler
from mineral_recog.errors import UserError
from mineral_recog.training.distributed import Ranks, refuse_too_many
from tests.conftest import TINY

# No batch normalisation, which on a CPU sees a process's own photos only.
RECIPE = (*TINY, "backbone=test_convnext", "batch_size=13",
          "stages.fea.epochs=2", "stages.cfl.epochs=3", "stages.crt.epochs=2")  # fmt: skip


def start(processes: int, data: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """`train` as torchrun starts it, or alone."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = ["mineral_recog", "train", str(data), "--out", str(out), "--workers", "0", *more]
    return subprocess.Popen(
        [sys.executable, *(torchrun if processes > 1 else []), "-m", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(processes: int, data: Path, out: Path, *settings: str) -> tuple[int, str]:
    """Exit status, and what was said on standard error."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    with start(processes, data, out, *chosen) as process:
        _, told = process.communicate(timeout=300)
    return process.returncode, told


def log_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("processes", "settings"),
    [
        (3, ("stages.crt.feature_views=0",)),
        (2, ("stages.crt.feature_views=2", "stages.fea.mixup=0.2", "weight_average=0.9")),
    ],
    ids=["three", "two, with features known, mixup and average"],
)
def test_several_processes_train_what_one_does(
    prepared: Path, tmp_path: Path, processes: int, settings: tuple[str, ...]
) -> None:
    for count in (1, processes):
        status, told = run(count, prepared, tmp_path / str(count), *RECIPE, *settings)
        assert status == 0, told
    assert_same_run(tmp_path / "1", tmp_path / str(processes))


def assert_same_run(one: Path, other: Path) -> None:
    """The same to what adding up in another order makes of it; of one process that writes."""
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-3, atol=1e-5)
    for line, same in zip(log_of(one), log_of(other), strict=True):
        assert same["loss"] == pytest.approx(line["loss"], rel=1e-4)
        assert same["val_mean_accuracy"] == line["val_mean_accuracy"]


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("name", ["natural", "class_balanced", "mixed_halves"])
def test_shares_make_up_the_batches_that_one_process_draws(
    prepared: Path, name: str, ranks: int
) -> None:
    train = read_split(prepared, "train")
    p = np.random.default_rng(0).random(len(train)).astype(np.float32)
    drawn = build_sampler(name, train.labels, len(train.classes), 8, 5, p).draw(3)
    whole = list(TrainingLoader(train, 16, 0.3, 5, 0).batches(3, drawn))
    shares = [
        list(TrainingLoader(train, 16, 0.3, 5, 0, share=slice(r, None, ranks)).batches(3, drawn))
        for r in range(ranks)
    ]
    for step, batch in enumerate(whole):
        assert batch.photos.tolist() == drawn[step].tolist()
        for r in range(ranks):
            assert torch.equal(shares[r][step].photos, batch.photos[r::ranks])
            assert torch.equal(shares[r][step].inputs, batch.inputs[r::ranks])


def test_evaluation_sees_each_photo_once(prepared: Path) -> None:
    val = read_split(prepared, "val")
    seen = [
        photo
        for r in range(3)
        for batch in EvaluationLoader(val, 16, 4, 0, share=slice(r, None, 3))
        for photo in batch.photos.tolist()
    ]
    assert sorted(seen) == list(range(len(val)))


def test_a_run_of_several_processes_goes_on_with_one(prepared: Path, tmp_path: Path) -> None:
    chosen = [word for setting in RECIPE for word in ("--set", setting)]
    with start(2, prepared, tmp_path / "killed", *chosen) as process:
        log = tmp_path / "killed" / "log.jsonl"
        while process.poll() is None and not (log.is_file() and log.read_text().count("\n") >= 2):
            time.sleep(0.01)
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.communicate()
    assert not (tmp_path / "killed" / "model").exists()
    with start(1, prepared, tmp_path / "killed", "--resume") as process:
        _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    status, told = run(1, prepared, tmp_path / "whole", *RECIPE)
    assert status == 0, told
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


def test_too_many_processes_are_refused() -> None:
    refuse_too_many(Ranks(2, 3), 3)
    with pytest.raises(UserError, match="3 processes cannot share 2 photos"):
        refuse_too_many(Ranks(2, 3), 2)
