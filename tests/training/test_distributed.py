"""Several processes train the same network as one process."""

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
import timm
import torch
from safetensors.torch import load_file

from mineral_recog.data.dataset import read_split
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.data.samplers import build_sampler
from mineral_recog.errors import UserError
from mineral_recog.models.distributed import (
    DistributedContext,
    photos_per_process,
    refuse_too_many_processes,
)
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.recipes.view_settings import Crop
from mineral_recog.training import run as training
from tests.conftest import TINY

# No batch normalisation: on a CPU it uses only the photos of its process.
RECIPE = (*TINY, "backbone=test_convnext", "batch_size=13",
          "stages.fea.epochs=2", "stages.cfl.epochs=3", "stages.crt.epochs=2",
          "stages.crt.min_steps=5")  # fmt: skip


def start(processes: int, data: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """Start `train` under torchrun."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = ["mineral_recog", "train", str(data), "--out", str(out), "--workers", "0", *more]
    return subprocess.Popen(
        [sys.executable, *torchrun, "-m", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(processes: int, data: Path, out: Path, *settings: str) -> tuple[int, str]:
    """Run `train` and return its exit status and standard error."""
    options = [word for setting in settings for word in ("--set", setting)]
    with start(processes, data, out, *options) as process:
        _, error = process.communicate(timeout=300)
    return process.returncode, error


def train_in_one_process(data: Path, out: Path, *settings: str) -> None:
    recipe = read_recipe("multi_stage", [*RECIPE, *settings])
    training.train(data, recipe, out, device="cpu", workers=0)


def read_log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


# Processes and settings. A new key of a recipe joins those of the second row, or gets a row.
CASES = {
    "three": (3, ("stages.crt.feature_views=0",)),
    "two, with cached features, mixup, average, outliers and parts": (
        2,
        (
            "stages.crt.feature_views=2",
            "stages.fea.mixup=0.2",
            "weight_average_epochs=1",
            "outliers.photos=5",
            "accumulate=2",
            "clip_norm=1",
        ),
    ),
}


@pytest.mark.parametrize(("processes", "settings"), CASES.values(), ids=CASES.keys())
def test_several_processes_train_like_one(
    prepared: Path, tmp_path: Path, processes: int, settings: tuple[str, ...]
) -> None:
    train_in_one_process(prepared, tmp_path / "one", *settings)
    status, error = run(processes, prepared, tmp_path / "several", *RECIPE, *settings)
    assert status == 0, error
    assert_same_run(tmp_path / "one", tmp_path / "several")


def assert_same_run(first: Path, second: Path) -> None:
    """Compare weights and logs up to rounding, which depends on the order of summation.

    The logs have equally many lines, so only one process wrote.
    """
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (first, second)]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-3, atol=1e-5)
    for line, other in zip(read_log(first), read_log(second), strict=True):
        assert other["loss"] == pytest.approx(line["loss"], rel=1e-4)
        assert other["val_mean_accuracy"] == line["val_mean_accuracy"]


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("name", ["natural", "class_balanced", "mixed_halves"])
def test_shares_form_the_batches_of_one_process(prepared: Path, name: str, world_size: int) -> None:
    train = read_split(prepared, "train")
    p = np.random.default_rng(0).random(len(train)).astype(np.float32)
    drawn = build_sampler(name, train.labels, len(train.classes), 8, 5, p).draw(3)
    batches = list(TrainingLoader(train, 16, Crop(scale=0.3), 5, 0).batches(3, drawn))
    slices = [slice(r, None, world_size) for r in range(world_size)]
    shares = [
        list(TrainingLoader(train, 16, Crop(scale=0.3), 5, 0, share=share).batches(3, drawn))
        for share in slices
    ]
    for step, batch in enumerate(batches):
        assert batch.indices.tolist() == drawn[step].tolist()
        for r, share in enumerate(slices):
            assert torch.equal(shares[r][step].indices, batch.indices[share])
            assert torch.equal(shares[r][step].inputs, batch.inputs[share])


def test_evaluation_uses_each_photo_once(prepared: Path) -> None:
    val = read_split(prepared, "val")
    indices = [
        index
        for r in range(3)
        for batch in EvaluationLoader(val, 16, 4, 0, share=slice(r, None, 3))
        for index in batch.indices.tolist()
    ]
    assert sorted(indices) == list(range(len(val)))


def test_one_process_resumes_a_run_of_several(prepared: Path, tmp_path: Path) -> None:
    options = [word for setting in RECIPE for word in ("--set", setting)]
    with start(2, prepared, tmp_path / "killed", *options) as process:
        log = tmp_path / "killed" / "log.jsonl"
        while process.poll() is None and not (log.is_file() and log.read_text().count("\n") >= 2):
            time.sleep(0.01)
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.communicate()
    assert not (tmp_path / "killed" / "model").exists()
    training.resume(prepared, tmp_path / "killed", device="cpu", workers=0)
    train_in_one_process(prepared, tmp_path / "uninterrupted")
    assert_same_run(tmp_path / "uninterrupted", tmp_path / "killed")


@pytest.mark.parametrize(
    ("processes", "batch", "val", "each"), [(3, 3, 3, 1), (3, 6, 3, 2), (1, 2, 1, 2), (1, 1, 1, 2)]
)
def test_enough_photos_for_all_processes(processes: int, batch: int, val: int, each: int) -> None:
    refuse_too_many_processes(DistributedContext(processes - 1, processes), batch, val, each)


@pytest.mark.parametrize(("batch", "val", "each"), [(2, 9, 1), (9, 2, 1), (5, 9, 2)])
def test_too_many_processes_are_refused(batch: int, val: int, each: int) -> None:
    with pytest.raises(UserError, match=rf"3 processes .* {batch} photos .* at most 2"):
        refuse_too_many_processes(DistributedContext(2, 3), batch, val, each)


@pytest.mark.parametrize(
    ("backbone", "device", "photos"),
    [("test_resnet", "cpu", 2), ("test_resnet", "cuda", 1), ("test_convnext", "cpu", 1)],
)
def test_batch_normalisation_needs_two_photos_in_each_process(
    backbone: str, device: str, photos: int
) -> None:
    assert photos_per_process(timm.create_model(backbone), torch.device(device)) == photos
