"""Features computed once are those that the backbone gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.epoch_batches import EpochBatches
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.predictor import predict
from mineral_recog.training.distributed import Ranks
from mineral_recog.training.feature_cache import FeatureCache

Frozen = tuple[FeatureCache, Network, TrainingLoader, EvaluationLoader, Dataset]


@pytest.fixture(scope="module", params=[1, 2])
def made(prepared: Path, request: pytest.FixtureRequest) -> Frozen:
    torch.manual_seed(0)
    network = build_network("test_resnet", False, "auto", 32, 3, test_views=request.param)
    train = read_split(prepared, "train")
    views = TrainingLoader(train, 32, 0.3, seed=5, workers=0)
    val = EvaluationLoader(read_split(prepared, "val", train.classes), 32, 8, workers=0)
    seen: list[int] = []
    frozen = FeatureCache(
        network,
        views,
        val,
        train.labels,
        3,
        10,
        5,
        torch.device("cpu"),
        "float32",
        Ranks(),
        seen.append,
    )
    assert seen == [0, 1, 2]
    return frozen, network, views, val, train


def test_each_view_is_that_of_an_epoch(made: Frozen) -> None:
    frozen, network, views, _, train = made
    assert frozen.features.shape[:2] == (3, len(train))
    assert not torch.allclose(frozen.features[0], frozen.features[1], atol=1e-3)
    for view in range(3):
        [batch] = views.batches(10 + view, EpochBatches(1, np.arange(len(train))))
        with torch.no_grad():
            wanted, _ = network.eval()(batch.inputs)
        assert torch.allclose(frozen.features[view], wanted, atol=1e-5)


def test_a_batch_has_the_photos_that_were_drawn(made: Frozen) -> None:
    frozen, _, _, _, train = made
    drawn = EpochBatches(2, np.array([4, 0, 4, 20, 20]))
    batches = list(frozen.batches(7, drawn))
    assert [batch.photos.tolist() for batch in batches] == [[4, 0, 4], [20, 20]]
    assert [batch.labels.tolist() for batch in batches] == [
        train.labels[photos].tolist() for photos in drawn
    ]
    for batch in batches:
        for features, photo in zip(batch.inputs, batch.photos, strict=True):
            assert any(torch.equal(features, view[photo]) for view in frozen.features)
    views = {
        int((frozen.features[:, 0] == batch.inputs[1]).all(dim=1).nonzero())
        for epoch in range(30)
        for batch in frozen.batches(epoch, EpochBatches(1, drawn[0]))
    }
    assert views == {0, 1, 2}  # every view has its turn


def test_validation_follows_the_classifier(made: Frozen) -> None:
    frozen, network, _, val, _ = made
    with torch.no_grad():
        network.classifier.weight += 1.0
    known, wanted = frozen.validate(), predict(network, val, torch.device("cpu"))
    assert np.allclose(known.logits, wanted.logits, atol=1e-4)
    assert known.labels.tolist() == wanted.labels.tolist()
