"""Calibration after training: which photos it looks at, and that it can be repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.models.gallery import read_gallery
from mineral_recog.models.network import build_network
from mineral_recog.training import calibration_fit as calibrating

GROUPS = ("head", "medium", "tail")


def many() -> Dataset:
    """A split of 450, 200 and 3 photos, each named by its class and number."""
    counts = (450, 200, 3)
    paths = tuple(f"{label}/{photo}" for label, n in enumerate(counts) for photo in range(n))
    return Dataset(Path("nowhere"), ("a", "b", "c"), paths, np.repeat([0, 1, 2], counts))


def test_at_most_200_photos_of_a_class_are_looked_at() -> None:
    some = calibrating._some(many(), seed=3)
    assert some.counts.tolist() == [200, 200, 3]
    assert len(set(some.paths)) == 403
    assert [int(path.split("/")[0]) for path in some.paths] == some.labels.tolist()
    assert set(some.paths[200:]) == set(many().paths[450:])  # small classes are whole
    assert calibrating._some(many(), seed=3).paths == some.paths
    assert calibrating._some(many(), seed=4).paths != some.paths


def calibrated(prepared: Path, run: Path) -> Calibration:
    torch.manual_seed(0)
    network = build_network("test_resnet", False, "auto", 32, classes=3)
    train, val = (read_split(prepared, split) for split in ("train", "val"))
    return calibrating.calibrate(
        network, train, val, GROUPS, run, torch.device("cpu"), workers=0, seed=1
    )


def test_a_run_that_is_repeated_is_calibrated_alike(prepared: Path, tmp_path: Path) -> None:
    first, second = (calibrated(prepared, tmp_path / name) for name in ("a", "b"))
    assert first.values() == second.values()
    assert first.values().val_counts == (2, 2, 2)
    for name, array in first.arrays().items():
        assert np.array_equal(array, second.arrays()[name])
    for name in ("gallery.json", "gallery.safetensors"):
        one, other = (tmp_path / run / "gallery" / name for run in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()


def test_the_run_gets_a_gallery_of_its_training_photos(prepared: Path, tmp_path: Path) -> None:
    calibration = calibrated(prepared, tmp_path)
    gallery = read_gallery(tmp_path, 3, calibration.ood.means.shape[1])
    assert gallery is not None
    assert gallery.labels == (0,) * 12 + (1,) * 6 + (2,) * 3
    assert sorted(gallery.photos) == sorted(read_split(prepared, "train").paths)
