"""Fixtures and helpers of the tests: generated photos, prepared folders and a trained run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from mineral_recog.data.dataset import Dataset
from mineral_recog.progress import Progress

# One thread per worker keeps timings steady when the suite runs in parallel.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MINERAL_RECOG_LANG"] = "en"
# The time of an example depends on the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def write_photos(folder: Path, hue: int, count: int, size: int = 32) -> None:
    """Write noisy photos of one colour; hues are easy to tell apart."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng([hue, count])
    base = np.array([(hue * 97) % 200, (hue * 41) % 200, (hue * 151) % 200])
    for number in range(count):
        noise = rng.integers(0, 56, size=(size, size, 3))
        Image.fromarray((base + noise).astype(np.uint8)).save(folder / f"{number}.png")


class Recorder(Progress):
    """Records the notices and the last update of each task."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.tasks: dict[str, tuple[int, int]] = {}

    def notice(self, message: str) -> None:
        self.notices.append(message)

    def update(self, task: str, done: int, total: int, detail: str = "") -> None:
        self.tasks[task] = (done, total)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def make_dataset(root: Path, names: Sequence[str]) -> Dataset:
    """Return a dataset of one class; its photos need not exist."""
    return Dataset(root, ("all",), tuple(names), np.zeros(len(names), dtype=np.int64))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared folder with 12, 6 and 3 training photos in three classes; read-only."""
    data = tmp_path_factory.mktemp("prepared") / "data"
    for split, counts in {"train": (12, 6, 3), "val": (2, 2, 2), "test": (4, 4, 4)}.items():
        for hue, count in enumerate(counts):
            write_photos(data / split / ("agate", "beryl", "copper")[hue], hue, count)
    return data


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a user's folder of photos: three classes of 20, 10 and 5 photos."""
    for hue, (name, count) in enumerate({"agate": 20, "钠长石": 10, "copper": 5}.items()):
        write_photos(tmp_path / "photos" / name, hue, count)
    return tmp_path / "photos"


# Settings of a network that trains in about a second per stage. The precision is fixed, since
# `auto` times both precisions and may choose differently the next time.
TINY = (
    "backbone=test_resnet", "pretrained=false", "image_size=32", "batch_size=8",
    "precision=float32",
)  # fmt: skip


def have_same_weights(first: Path, second: Path) -> bool:
    """Return whether two finished runs have the same weights, bit for bit."""
    a, b = ((run / "model" / "model.safetensors").read_bytes() for run in (first, second))
    return a == b


@pytest.fixture(scope="session")
def trained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run on `prepared`; read-only."""
    from mineral_recog.recipes.recipe_file import read_recipe
    from mineral_recog.training.run import train

    run = tmp_path_factory.mktemp("trained") / "run"
    recipe = read_recipe("baseline", [*TINY, "stages.ce.epochs=3"])
    train(prepared, recipe, run, device="cpu", workers=0)
    return run


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the float32 export of `trained`; read-only."""
    from mineral_recog.export.exporter import export_onnx

    folder = tmp_path_factory.mktemp("exported") / "export"
    assert export_onnx(trained, folder) is None
    return folder
