"""Changes of training views: each alone by hand, and the same ones whatever loads the photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mineral_recog.data.augmentation import GREY, Augmenter, told_by_colour
from mineral_recog.data.cache_builder import build_caches
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.loaders import TrainingLoader
from mineral_recog.data.transforms import seeded_torch
from mineral_recog.recipes.view_settings import Augmentation, Crop

CLASSES = ("Malachite", "quartz", "granite block")
EVERYTHING = {"quarter_turns": True, "trivial_augment": True, "colour": 0.4, "hue": 0.05,
              "erasing": 0.5}  # fmt: skip


def views(settings: dict[str, Any], view: torch.Tensor, label: int = 1) -> list[torch.Tensor]:
    augment = Augmenter(Augmentation(**settings), CLASSES)
    with seeded_torch(0):
        return [augment(view, label) for _ in range(60)]


def noise(side: int = 8) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, side, side), np.uint8))


def test_nothing_is_changed_by_default() -> None:
    assert all(torch.equal(view, noise()) for view in views({}, noise()))


def test_quarter_turns_are_the_four_of_them_about_equally_often() -> None:
    turns = [noise().rot90(number, (1, 2)) for number in range(4)]
    made = views({"quarter_turns": True}, noise())
    counts = [sum(torch.equal(view, turn) for view in made) for turn in turns]
    assert sum(counts) == 60
    assert min(counts) >= 6  # of 15 expected


def test_colour_multiplies_brightness_by_one_plus_or_minus_the_strength() -> None:
    # A grey view has no saturation and no contrast: brightness alone changes it.
    grey = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    values = {int(value) for view in views({"colour": 0.4}, grey) for value in view.unique()}
    assert 60 <= min(values) < 70
    assert 130 < max(values) <= 140


def test_hue_turns_the_colours_and_keeps_the_largest_channel() -> None:
    red = torch.tensor([200, 0, 0], dtype=torch.uint8)[:, None, None].expand(3, 4, 4)
    made = torch.stack([view[:, 0, 0] for view in views({"hue": 0.1}, red)])
    assert (made.amax(1) - 200).abs().max() <= 1
    # A shift by 0.1 of the circle of six sectors gives the second channel at most 0.6 of it.
    assert 100 < int(made[:, 1:].max()) <= 121


def test_erasing_covers_a_rectangle_with_grey_as_often_as_asked() -> None:
    black = torch.zeros((3, 16, 16), dtype=torch.uint8)
    made = views({"erasing": 0.5}, black)
    erased = [view for view in made if view.any()]
    assert 18 <= len(erased) <= 42
    for view in erased:
        rows, columns = torch.nonzero(view[0]).T
        box = view[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert torch.equal(box, torch.tensor(GREY, dtype=torch.uint8)[:, None, None].expand_as(box))
        assert 0.01 <= box[0].numel() / 256 <= 0.4


def test_trivial_augment_changes_views_and_keeps_their_size() -> None:
    made = views({"trivial_augment": True}, noise(32))
    assert {(view.shape, view.dtype) for view in made} == {((3, 32, 32), torch.uint8)}
    assert sum(not torch.equal(view, noise(32)) for view in made) > 40  # one of 14 is none


def test_minerals_with_a_coloured_streak_keep_their_colour() -> None:
    # Malachite's streak is green, quartz's white; a rock has no row.
    assert told_by_colour(CLASSES) == ["Malachite"]
    assert told_by_colour(("pyrite", "Muscovite", "赤铁矿", "fluorite")) == ["pyrite", "赤铁矿"]
    settings = {"colour": 0.5, "keep_colour": True}
    assert all(torch.equal(view, noise()) for view in views(settings, noise(), 0))
    for label in (1, 2):
        assert not any(torch.equal(view, noise()) for view in views(settings, noise(), label))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    for number in range(8):
        folder = tmp_path / "train" / CLASSES[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return read_split(tmp_path, "train")


@pytest.mark.parametrize("cached", [False, True])
def test_a_view_depends_on_seed_epoch_and_photo_alone(dataset: Dataset, cached: bool) -> None:
    caches = build_caches([dataset], [18]) if cached else None
    state = torch.get_rng_state()

    def load(workers: int, epoch: int, settings: Augmentation) -> torch.Tensor:
        loader = TrainingLoader(
            dataset, 16, Crop(), 1, workers, caches[0] if caches else None, augmentation=settings
        )
        batches = np.array_split(np.arange(8), 3)
        return torch.cat([batch.inputs for batch in loader.batches(epoch, batches)])

    settings = Augmentation.model_validate(EVERYTHING)
    first = load(0, 0, settings)
    assert torch.equal(first, load(2, 0, settings))
    assert not torch.equal(first, load(0, 1, settings))
    # The crop itself is the one without augmentation.
    turned, plain = (load(0, 0, s) for s in (Augmentation(quarter_turns=True), Augmentation()))
    for view, crop in zip(turned, plain, strict=True):
        assert any(torch.equal(view, crop.rot90(number, (1, 2))) for number in range(4))
    assert torch.equal(state, torch.get_rng_state())
