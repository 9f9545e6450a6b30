"""Transforms give the expected pixels, and random crops depend only on their seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mineral_recog.data.cache_builder import build_caches
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.data.transforms import evaluation_transform
from mineral_recog.errors import UserError
from mineral_recog.recipes.view_settings import Crop


def test_evaluation_transform_gives_the_middle_of_the_resized_photo() -> None:
    # A ramp of 0..255 from left to right over 512 x 256; resized to a short side of 73 (64 over
    # 0.875), so 146 wide; the middle 64 are columns 41..104, (41.5 .. 104.5) / 146 of the ramp.
    ramp = np.tile(np.linspace(0, 255, 512), (256, 1)).astype(np.uint8)
    crop = evaluation_transform(64)(Image.fromarray(ramp).convert("RGB"))
    assert (crop.dtype, crop.shape) == (torch.uint8, (3, 64, 64))
    row = crop[0, 32].float()
    assert row[0].item() == pytest.approx(255 * 41.5 / 146, abs=2)
    assert row[-1].item() == pytest.approx(255 * 104.5 / 146, abs=2)
    # All of the middle square: columns 128..383 of 512.
    complete = evaluation_transform(64, 1.0)(Image.fromarray(ramp).convert("RGB"))
    assert complete[0, 32, 0].item() == pytest.approx(255 * 130 / 512, abs=2)
    assert complete[0, 32, -1].item() == pytest.approx(255 * 382 / 512, abs=2)


def test_very_long_photo_is_cropped_before_it_is_enlarged() -> None:
    crop = evaluation_transform(64)(Image.new("RGB", (100_000, 2)))
    assert crop.shape == (3, 64, 64)  # the complete photo, enlarged, would take 800 MB


@pytest.mark.parametrize("cached", [False, True])
def test_padded_crop_moves_the_picture_by_whole_pixels(tmp_path: Path, cached: bool) -> None:
    (tmp_path / "train" / "opal").mkdir(parents=True)
    picture = np.arange(1, 257, dtype=np.uint8).reshape(16, 16)
    picture[-1, -1] = 255
    Image.fromarray(picture).convert("RGB").save(tmp_path / "train" / "opal" / "a.png")
    dataset = read_split(tmp_path, "train")
    caches = build_caches([dataset], [16]) if cached else None
    loader = TrainingLoader(dataset, 16, Crop(pad=3), 1, 0, caches[0] if caches else None)
    offsets, mirrored = set(), 0
    for batch in loader.batches(0, [np.zeros(60, np.int64)]):
        for view in batch.inputs[:, 0].numpy():
            found = [
                (down, right, flip)
                for down in range(7)
                for right in range(7)
                for flip in (False, True)
                if np.array_equal(
                    view[:, ::-1] if flip else view,
                    np.pad(picture, 3)[down : down + 16, right : right + 16],
                )
            ]
            assert len(found) == 1
            offsets.add(found[0][:2])
            mirrored += found[0][2]
    assert len(offsets) > 25  # of 49
    assert 15 < mirrored < 45


def load_epoch(dataset: Dataset, workers: int, epoch: int) -> torch.Tensor:
    loader = TrainingLoader(dataset, 16, Crop(scale=0.08), seed=1, workers=workers)
    batches = np.array_split(np.arange(len(dataset)), 3)
    return torch.cat([batch.inputs for batch in loader.batches(epoch, batches)])


def test_training_crops_do_not_depend_on_the_number_of_workers(prepared: Path) -> None:
    dataset = read_split(prepared, "train")
    crops = load_epoch(dataset, 0, epoch=0)
    assert torch.equal(crops, load_epoch(dataset, 2, epoch=0))
    assert not torch.equal(crops, load_epoch(dataset, 0, epoch=1))


def test_random_crops_do_not_change_the_global_random_state(prepared: Path) -> None:
    state = torch.get_rng_state()
    load_epoch(read_split(prepared, "train"), 0, epoch=0)
    assert torch.equal(state, torch.get_rng_state())


def test_evaluation_loader_yields_each_photo_once_in_order(prepared: Path) -> None:
    dataset = read_split(prepared, "test")
    batches = list(EvaluationLoader(dataset, 16, batch_size=5, workers=0))
    assert [len(batch.labels) for batch in batches] == [5, 5, 2]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(12))
    assert torch.cat([batch.labels for batch in batches]).tolist() == dataset.labels.tolist()


@pytest.mark.parametrize("workers", [0, 1])
def test_missing_photo_is_reported_in_one_line(
    prepared: Path, tmp_path: Path, workers: int
) -> None:
    dataset = read_split(prepared, "test")
    broken = Dataset(tmp_path, dataset.classes, ("agate/gone.png",), np.array([0]))
    with pytest.raises(UserError, match=r"gone\.png cannot be read") as error:
        list(EvaluationLoader(broken, 16, batch_size=5, workers=workers))
    assert "Traceback" not in str(error.value)
