"""A training loader requests the drawn photos, each with a separate seed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.loaders import TrainingLoader
from mineral_recog.recipes.view_settings import Crop


def test_seeds_of_crops_stay_the_same() -> None:
    # Digest from a version that drew all seeds of an epoch at once.
    dataset = Dataset(Path(), ("agate",), ("0.png",), np.array([0]))
    loader = TrainingLoader(dataset, 16, Crop(scale=0.08), seed=3407, workers=0)
    loader.batches(7, np.array_split(np.arange(1000)[::-1], 9))
    batches = [*loader.batch_sampler]
    assert batches[0][0] == (999, 2882796254771355334)
    assert [len(batch) for batch in batches] == [112, *[111] * 8]
    assert hashlib.sha256(json.dumps(batches).encode()).hexdigest()[:16] == "998a67d6cf122ede"


@pytest.mark.parametrize("workers", [0, 2])
def test_abandoned_epoch_does_not_affect_the_next(prepared: Path, workers: int) -> None:
    dataset = read_split(prepared, "train")
    batches = np.array_split(np.arange(len(dataset)), 7)
    loader = TrainingLoader(dataset, 16, Crop(scale=0.08), seed=1, workers=workers)
    next(loader.batches(0, batches))
    after = list(loader.batches(1, batches))
    fresh = list(
        TrainingLoader(dataset, 16, Crop(scale=0.08), seed=1, workers=0).batches(1, batches)
    )
    assert [batch.indices.tolist() for batch in after] == [part.tolist() for part in batches]
    for batch, expected in zip(after, fresh, strict=True):
        assert torch.equal(batch.inputs, expected.inputs)
