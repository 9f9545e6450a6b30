"""Calibration after training: which photos it uses, and that it is reproducible."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.data.dataset import SPECIMENS_FILE, Dataset, read_split
from mineral_recog.models.gallery import read_gallery
from mineral_recog.models.gate_network import build_gate
from mineral_recog.models.network import build_network
from mineral_recog.progress import SILENT, Progress
from mineral_recog.training import calibration_fit
from tests.conftest import Recorder

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


def calibrate_untrained(
    prepared: Path, run: Path, original: bool = False, progress: Progress = SILENT
) -> Calibration:
    """Calibrate a network, with the gate of its own backbone or of an original one."""
    torch.manual_seed(0)
    network, other = (build_network("test_resnet", False, "auto", 32, classes=3) for _ in range(2))
    train, val = (read_split(prepared, split) for split in ("train", "val"))
    gate = build_gate(network, other.backbone if original else None)
    return calibration_fit.calibrate(network, gate, train, val, GROUPS, run, 0, 1, progress)


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


def test_damaged_list_of_specimens_costs_no_calibration(
    prepared: Path, tmp_path: Path, recorder: Recorder
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    file = folder / SPECIMENS_FILE
    whole = calibrate_untrained(folder, tmp_path / "whole", original=True)
    file.write_text("photo,specimen\n")  # each photo is a specimen then, as without the file
    listed = calibrate_untrained(folder, tmp_path / "listed", original=True, progress=recorder)
    assert listed.values() == whole.values()
    assert not recorder.notices
    file.write_text("what,is,this\n")
    alone = calibrate_untrained(folder, tmp_path / "alone", original=True, progress=recorder)
    assert alone.ood.threshold != whole.ood.threshold
    (notice,) = recorder.notices
    assert str(file) in notice
    assert "rest on the validation photos alone" in notice
