"""Which views a loader asks for: the photos that were drawn, each with a seed of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.epoch_batches import EpochBatches
from mineral_recog.data.loaders import TrainingLoader


def test_seeds_of_views_stay_what_they_were() -> None:
    # Digest taken when the seeds of an epoch were drawn all at once.
    dataset = Dataset(Path(), ("agate",), ("0.png",), np.array([0]))
    loader = TrainingLoader(dataset, 16, 0.08, seed=3407, workers=0)
    loader.batches(7, EpochBatches(9, np.arange(1000)[::-1]))
    wanted = [*loader.wanted]
    assert wanted[0][0] == (999, 2882796254771355334)
    assert [len(batch) for batch in wanted] == [112, *[111] * 8]
    assert hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16] == "998a67d6cf122ede"


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_that_was_left_half_way_leaves_no_trace(prepared: Path, workers: int) -> None:
    dataset = read_split(prepared, "train")
    drawn = EpochBatches(7, np.arange(len(dataset)))
    loader = TrainingLoader(dataset, 16, 0.08, seed=1, workers=workers)
    next(loader.batches(0, drawn))
    again = list(loader.batches(1, drawn))
    fresh = list(TrainingLoader(dataset, 16, 0.08, seed=1, workers=0).batches(1, drawn))
    assert [batch.photos.tolist() for batch in again] == [part.tolist() for part in drawn]
    for one, other in zip(again, fresh, strict=True):
        assert torch.equal(one.inputs, other.inputs)
