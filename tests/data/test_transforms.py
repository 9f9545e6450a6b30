"""What the network sees: golden numbers, and views that hang on nothing but their seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.epoch_batches import EpochBatches
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.data.transforms import evaluation_view
from mineral_recog.errors import UserError


def test_the_evaluation_view_is_the_middle_of_the_resized_photo() -> None:
    # A ramp of 0..255 from left to right over 512 x 256; resized to a short side of 73 (64 over
    # 0.875), so 146 wide; the middle 64 are columns 41..104, (41.5 .. 104.5) / 146 of the ramp.
    ramp = np.tile(np.linspace(0, 255, 512), (256, 1)).astype(np.uint8)
    view = evaluation_view(64)(Image.fromarray(ramp).convert("RGB"))
    assert (view.dtype, view.shape) == (torch.uint8, (3, 64, 64))
    row = view[0, 32].float()
    assert row[0].item() == pytest.approx(255 * 41.5 / 146, abs=2)
    assert row[-1].item() == pytest.approx(255 * 104.5 / 146, abs=2)


def test_a_photo_like_a_ribbon_is_not_enlarged_as_a_whole() -> None:
    view = evaluation_view(64)(Image.new("RGB", (100_000, 2)))
    assert view.shape == (3, 64, 64)  # enlarged as a whole it would take 800 MB


def views_of(dataset: Dataset, workers: int, epoch: int) -> torch.Tensor:
    loader = TrainingLoader(dataset, 16, 0.08, seed=1, workers=workers)
    drawn = EpochBatches(3, np.arange(len(dataset)))
    return torch.cat([batch.inputs for batch in loader.batches(epoch, drawn)])


def test_training_views_do_not_depend_on_the_number_of_workers(prepared: Path) -> None:
    dataset = read_split(prepared, "train")
    alone = views_of(dataset, 0, epoch=0)
    assert torch.equal(alone, views_of(dataset, 2, epoch=0))
    assert not torch.equal(alone, views_of(dataset, 0, epoch=1))


def test_drawing_views_leaves_the_global_random_state_alone(prepared: Path) -> None:
    state = torch.get_rng_state()
    views_of(read_split(prepared, "train"), 0, epoch=0)
    assert torch.equal(state, torch.get_rng_state())


def test_evaluation_sees_each_photo_once_in_order(prepared: Path) -> None:
    dataset = read_split(prepared, "test")
    batches = list(EvaluationLoader(dataset, 16, batch_size=5, workers=0))
    assert [len(batch.labels) for batch in batches] == [5, 5, 2]
    assert torch.cat([batch.photos for batch in batches]).tolist() == list(range(12))
    assert torch.cat([batch.labels for batch in batches]).tolist() == dataset.labels.tolist()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_photo_that_vanishes_is_named_in_one_line(
    prepared: Path, tmp_path: Path, workers: int
) -> None:
    dataset = read_split(prepared, "test")
    broken = Dataset(tmp_path, dataset.classes, ("agate/gone.png",), np.array([0]))
    with pytest.raises(UserError, match=r"gone\.png cannot be read") as told:
        list(EvaluationLoader(broken, 16, batch_size=5, workers=workers))
    assert "Traceback" not in str(told.value)
