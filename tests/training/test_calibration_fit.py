"""Calibration after training: which photos it uses, and that it is reproducible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.models.gallery import read_gallery
from mineral_recog.models.gate_network import build_gate
from mineral_recog.models.network import build_network
from mineral_recog.training import calibration_fit

GROUPS = ("head", "medium", "tail")


def large_dataset() -> Dataset:
    """Return a split of 450, 200 and 3 photos, each named by its class and number."""
    counts = (450, 200, 3)
    paths = tuple(f"{label}/{number}" for label, n in enumerate(counts) for number in range(n))
    return Dataset(Path("nowhere"), ("a", "b", "c"), paths, np.repeat([0, 1, 2], counts))


def test_at_most_200_photos_per_class_are_used() -> None:
    sample = calibration_fit._subsample(large_dataset(), seed=3)
    assert sample.counts.tolist() == [200, 200, 3]
    assert len(set(sample.paths)) == 403
    assert [int(path.split("/")[0]) for path in sample.paths] == sample.labels.tolist()
    assert set(sample.paths[200:]) == set(large_dataset().paths[450:])  # small classes: all photos
    assert calibration_fit._subsample(large_dataset(), seed=3).paths == sample.paths
    assert calibration_fit._subsample(large_dataset(), seed=4).paths != sample.paths


def calibrate_untrained(prepared: Path, run: Path) -> Calibration:
    torch.manual_seed(0)
    network = build_network("test_resnet", False, "auto", 32, classes=3)
    train, val = (read_split(prepared, split) for split in ("train", "val"))
    gate = build_gate(network)
    return calibration_fit.calibrate(network, gate, train, val, GROUPS, run, workers=0, seed=1)


def test_calibration_is_reproducible(prepared: Path, tmp_path: Path) -> None:
    first, second = (calibrate_untrained(prepared, tmp_path / name) for name in ("a", "b"))
    assert first.values() == second.values()
    assert first.values().val_counts == (2, 2, 2)
    for name, array in first.arrays().items():
        assert np.array_equal(array, second.arrays()[name])
    for name in ("gallery.json", "gallery.safetensors"):
        file_a, file_b = (tmp_path / run / "gallery" / name for run in ("a", "b"))
        assert file_a.read_bytes() == file_b.read_bytes()


def test_gallery_holds_the_training_photos(prepared: Path, tmp_path: Path) -> None:
    calibration = calibrate_untrained(prepared, tmp_path)
    gallery = read_gallery(tmp_path, 3, calibration.arrays()["class_means"].shape[1])
    assert gallery is not None
    assert gallery.labels == (0,) * 12 + (1,) * 6 + (2,) * 3
    assert sorted(gallery.paths) == sorted(read_split(prepared, "train").paths)
