"""Crops of reduced photos have the same distribution as crops of photos, and are reproducible."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import RandomResizedCrop

from mineral_recog.data.cache import PIXELS_FILE, Cache, reduced_photo
from mineral_recog.data.cache_builder import build_caches
from mineral_recog.data.cached_transforms import random_crop
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.evaluation_view import evaluation_side
from mineral_recog.data.images import open_photo
from mineral_recog.data.loaders import Batch, EvaluationLoader, TrainingLoader
from mineral_recog.data.transforms import evaluation_transform
from mineral_recog.errors import UserError
from mineral_recog.recipes.view_settings import Crop

SIZE = 14


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Return ramps of several shapes that get brighter from left to right."""
    for number, (width, height) in enumerate([(64, 48), (48, 64), (80, 80), (9, 9), (200, 6)]):
        ramp = np.tile(np.linspace(20, 220, width), (height, 1)).astype(np.uint8)
        folder = tmp_path / "train" / ("agate", "beryl")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ramp).convert("RGB").save(folder / f"{number}.png")
    return read_split(tmp_path, "train")


@pytest.fixture
def cache(dataset: Dataset) -> Cache:
    caches = build_caches([dataset], [evaluation_side(SIZE)])
    assert caches is not None
    return caches[0]


def load_epoch(dataset: Dataset, cache: Cache, workers: int, epoch: int = 0) -> list[Batch]:
    loader = TrainingLoader(dataset, SIZE, Crop(scale=0.08), seed=1, workers=workers, cache=cache)
    indices = np.arange(40) % len(dataset)
    return list(loader.batches(epoch, np.array_split(indices, 6)))


def test_crops_do_not_depend_on_the_number_of_workers(dataset: Dataset, cache: Cache) -> None:
    batches = load_epoch(dataset, cache, 0)
    assert torch.cat([batch.indices for batch in batches]).tolist() == [*range(5)] * 8
    for batch in batches:
        assert (batch.inputs.shape, batch.inputs.dtype) == (
            (len(batch.indices), 3, 14, 14),
            torch.uint8,
        )
        assert batch.labels.tolist() == dataset.labels[batch.indices.numpy()].tolist()
    for workers in (1, 2):
        for batch, other in zip(batches, load_epoch(dataset, cache, workers), strict=True):
            assert torch.equal(batch.inputs, other.inputs)
            assert torch.equal(batch.indices, other.indices)
    assert not torch.equal(batches[0].inputs, load_epoch(dataset, cache, 0, epoch=1)[0].inputs)


def test_crops_are_parts_of_the_photo_or_its_mirror_image(dataset: Dataset, cache: Cache) -> None:
    crops = torch.cat([batch.inputs for batch in load_epoch(dataset, cache, 0)]).float()
    steps = crops.diff(dim=-1)
    mirrored = steps.mean(dim=(1, 2, 3)) < 0
    assert 8 <= int(mirrored.sum()) <= 32  # of 40 at random: other counts are very rare
    assert (steps * torch.where(mirrored, -1, 1)[:, None, None, None]).min() >= -1
    assert crops.min() >= 19
    assert crops.max() <= 221


def test_global_random_state_does_not_change(dataset: Dataset, cache: Cache) -> None:
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    load_epoch(dataset, cache, 0)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert random.getstate() == python_state


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.01, 1), st.integers(0, 2**62))
def test_crop_is_inside_the_photo(width: int, height: int, min_scale: float, seed: int) -> None:
    left, top, crop_width, crop_height = random_crop(width, height, min_scale, random.Random(seed))
    assert 0 <= left < left + crop_width <= width
    assert 0 <= top < top + crop_height <= height


def test_crops_have_the_distribution_of_torchvision() -> None:
    photo, rng = torch.zeros(3, 192, 256), random.Random(0)
    ours = np.array([random_crop(256, 192, 0.08, rng) for _ in range(4000)])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = [
            RandomResizedCrop.get_params(photo, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)
        ]
    theirs = np.array(drawn)[:, [1, 0, 3, 2]]  # from top, left, height and width
    for part in range(4):
        quantiles = (0.1, 0.3, 0.5, 0.7, 0.9)
        a, b = (np.quantile(crops[:, part], quantiles) for crops in (ours, theirs))
        assert np.abs(a - b).max() < 8, part  # pixels; the spread of a quantile is about 2
    # A photo in which no such crop fits gives its middle.
    assert random_crop(1000, 10, 0.5, rng) == (493, 0, 13, 10)
    assert random_crop(10, 1000, 0.5, rng) == (0, 493, 10, 13)


def test_evaluation_crops_do_not_depend_on_the_cache(dataset: Dataset, cache: Cache) -> None:
    (expected,) = EvaluationLoader(dataset, SIZE, 8, workers=0)
    for workers in (0, 2):
        (cached,) = EvaluationLoader(dataset, SIZE, 8, workers, cache)
        assert torch.equal(expected.indices, cached.indices)
        assert torch.equal(expected.labels, cached.labels)
        assert torch.equal(expected.inputs, cached.inputs)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(20, 300),
    st.integers(20, 300),
    st.integers(16, 60),
    st.sampled_from(["bilinear", "bicubic"]),
)
def test_evaluation_crop_does_not_depend_on_the_cache_for_any_shape(
    width: int, height: int, size: int, interpolation: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    file = BytesIO()
    transform = evaluation_transform(size, interpolation=interpolation)
    Image.fromarray(noise).save(file, "PNG")
    side = evaluation_side(size)
    expected = transform(open_photo(file, side))
    file.seek(0)
    cached = transform(Image.fromarray(reduced_photo(file, side, interpolation)))
    difference = (expected.int() - cached.int()).abs()
    # The order of summation differs: a value may be rounded the other way. The wider filter of
    # bicubic also sees pixels beside the middle square, which matters at its edge.
    assert difference.max() <= (1 if interpolation == "bilinear" else 64)
    assert difference.float().mean() < 1


@pytest.mark.parametrize("workers", [0, 1])
def test_missing_cache_is_reported_in_one_line(
    dataset: Dataset, cache: Cache, workers: int
) -> None:
    (cache.folder / PIXELS_FILE).unlink()
    with pytest.raises(UserError, match="cannot be read") as error:
        load_epoch(dataset, cache, workers)
    assert "Traceback" not in str(error.value)
    with pytest.raises(UserError, match="cannot be read"):
        list(EvaluationLoader(dataset, SIZE, 8, workers, cache))


def test_bicubic_photos_have_a_cache_of_their_own_and_other_crops(dataset: Dataset) -> None:
    crops, folders = [], []
    for interpolation in ("bilinear", "bicubic"):
        caches = build_caches([dataset], [evaluation_side(SIZE)], interpolation=interpolation)
        assert caches is not None
        folders.append(caches[0].folder.name)
        loader = TrainingLoader(dataset, SIZE, Crop(), 1, 0, caches[0], interpolation=interpolation)
        (batch,) = loader.batches(0, [np.arange(5)])
        crops.append(batch.inputs.int())
    assert folders == ["train-16", "train-16-bicubic"]
    difference = (crops[0] - crops[1]).abs()
    assert 0 < difference.max() < 30  # the same crops of a smooth photo, resized otherwise
