"""Cached features equal the features that the backbone computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.predictor import predict
from mineral_recog.recipes.view_settings import Crop
from mineral_recog.training.feature_cache import FeatureCache, affordable_views
from mineral_recog.training.run_photos import RunLoaders

Parts = tuple[FeatureCache, Network, TrainingLoader, EvaluationLoader, Dataset]


@pytest.fixture(scope="module", params=[1, 2])
def parts(prepared: Path, request: pytest.FixtureRequest) -> Parts:
    torch.manual_seed(0)
    network = build_network("test_resnet", False, "auto", 32, 3, test_views=request.param)
    train = read_split(prepared, "train")
    train_loader = TrainingLoader(train, 32, Crop(scale=0.3), seed=5, workers=0)
    val_loader = EvaluationLoader(read_split(prepared, "val", train.classes), 32, 8, workers=0)
    views: list[int] = []
    cache = FeatureCache(
        network,
        RunLoaders(train_loader, EvaluationLoader(train, 32, 8, workers=0), val_loader),
        train.labels,
        range(10, 13),
        5,
        "float32",
        DistributedContext(),
        views.append,
    )
    assert views == [0, 1, 2, 3]
    return cache, network, train_loader, val_loader, train


@pytest.mark.parametrize(
    ("photo_count", "views"), [(300, 8), (65_536, 4), (91_000, 2), (10_000_000, 1)]
)
def test_many_photos_get_fewer_views(photo_count: int, views: int) -> None:
    assert affordable_views(8, photo_count, 2048) == views


def test_first_view_is_that_of_the_evaluation_and_others_those_of_epochs(parts: Parts) -> None:
    cache, network, train_loader, _, train = parts
    assert cache.features.shape[:2] == (4, len(train))
    center = torch.cat([batch.inputs for batch in EvaluationLoader(train, 32, 8, workers=0)])
    with torch.no_grad():
        assert torch.allclose(cache.features[0], network.eval()(center)[0], atol=1e-5)
    assert not torch.allclose(cache.features[0], cache.features[1], atol=1e-3)
    for view in range(3):
        [batch] = train_loader.batches(10 + view, [np.arange(len(train))])
        with torch.no_grad():
            expected, _ = network.eval()(batch.inputs)
        assert torch.allclose(cache.features[view + 1], expected, atol=1e-5)


def test_batch_has_the_drawn_photos(parts: Parts) -> None:
    cache, _, _, _, train = parts
    drawn = [np.array([4, 0, 4]), np.array([20, 20])]
    batches = list(cache.batches(7, drawn))
    assert [batch.indices.tolist() for batch in batches] == [[4, 0, 4], [20, 20]]
    assert [batch.labels.tolist() for batch in batches] == [
        train.labels[indices].tolist() for indices in drawn
    ]
    for batch in batches:
        for features, index in zip(batch.inputs, batch.indices, strict=True):
            assert any(torch.equal(features, view[index]) for view in cache.features)
    views = {
        int((cache.features[:, 0] == batch.inputs[1]).all(dim=1).nonzero())
        for epoch in range(30)
        for batch in cache.batches(epoch, drawn[:1])
    }
    assert views == {0, 1, 2, 3}  # every view is drawn


def test_validation_uses_the_current_classifier(parts: Parts) -> None:
    cache, network, _, val_loader, _ = parts
    with torch.no_grad():
        network.classifier.weight += 1.0
    outputs, expected = cache.validate(), predict(network, val_loader)
    assert np.allclose(outputs.logits, expected.logits, atol=1e-4)
    assert outputs.labels.tolist() == expected.labels.tolist()
