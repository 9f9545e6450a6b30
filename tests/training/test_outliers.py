"""Outlier exposure: its loss, its pictures, and which of them join a batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mineral_recog.models.distributed import DistributedContext
from mineral_recog.progress import SILENT
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.synthetic.species import species_names
from mineral_recog.training import outliers
from mineral_recog.training.outliers import (
    Outliers,
    Pictures,
    draw_outliers,
    other_species,
    outlier_exposure_loss,
)
from tests.conftest import TINY

PICTURES = np.random.default_rng(0).integers(256, size=(6, 40, 50, 3), dtype=np.uint8)


def exposed(*settings: str) -> Recipe:
    return read_recipe("baseline", [*TINY, "outliers.photos=5", *settings])


def test_loss_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0.0], [7.0, 7.0]])  # p = (3/4, 1/4) and (1/2, 1/2)
    expected = (-(math.log(3 / 4) + math.log(1 / 4)) / 2 + math.log(2)) / 2
    assert outlier_exposure_loss(logits).item() == pytest.approx(expected)
    uniform = torch.full_like(logits, 1 / 2)
    assert outlier_exposure_loss(logits).item() == pytest.approx(
        F.cross_entropy(logits, uniform).item()
    )


def test_gradient_by_hand() -> None:
    # Of one outlier: p - 1/C.
    logits = torch.tensor([[math.log(3), 0.0]], requires_grad=True)
    outlier_exposure_loss(logits).backward()
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.25, -0.25])


@pytest.mark.parametrize(
    ("classes", "absent", "present"),
    [
        (["quartz", "孔雀石"], {"Quartz", "Malachite"}, {"Pyrite", "Azurite"}),
        (["a rock of mine"], set(), set(species_names())),
        (["Corundum"], {"Ruby", "Sapphire"}, {"Quartz"}),  # of which they are varieties
        (["Agate"], {"Quartz"}, {"Pyrite"}),
        (species_names(), set(species_names()), set()),
    ],
)
def test_drawn_minerals_are_none_of_the_classes(
    classes: list[str], absent: set[str], present: set[str]
) -> None:
    species = set(other_species(classes))
    assert not species & absent
    assert species >= present


def test_pictures_depend_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outliers, "PICTURES", 3)

    def drawn(seed: int) -> Pictures:
        pictures = draw_outliers(exposed(f"seed={seed}"), ["quartz"], SILENT)
        assert pictures is not None
        return pictures

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first.shape == (3, 55, 55, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_large_photos_need_no_larger_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outliers, "PICTURES", 1)
    pictures = draw_outliers(exposed("image_size=2048"), ["quartz"], SILENT)
    assert pictures is not None
    assert pictures.shape == (1, 256, 256, 3)


def test_grounds_remain_if_every_drawn_mineral_is_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outliers, "PICTURES", 3)
    monkeypatch.setattr(outliers, "draw_photo", None)  # would fail
    assert draw_outliers(exposed(), species_names(), SILENT) is not None


def test_nothing_is_drawn_without_exposure() -> None:
    assert draw_outliers(read_recipe("baseline"), ["quartz"], SILENT) is None


def test_batch_depends_on_seed_epoch_and_step_alone() -> None:
    def batch(epoch: int, step: int, seed: int = 1) -> torch.Tensor:
        made = Outliers(PICTURES, 5, exposed(f"seed={seed}"), DistributedContext())
        made.batch(9, 9, from_features=False)  # an earlier step changes nothing
        return made.batch(epoch, step, from_features=False)

    first = batch(2, 3)
    assert (first.shape, first.dtype) == ((5, 3, 32, 32), torch.uint8)
    assert torch.equal(first, batch(2, 3))
    for other in (batch(2, 4), batch(3, 3), batch(2, 3, seed=2)):
        assert not torch.equal(first, other)


def test_batch_leaves_the_random_state_alone() -> None:
    made = Outliers(PICTURES, 5, exposed(), DistributedContext())
    before = torch.get_rng_state()
    made.batch(0, 0, from_features=False)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("world_size", [2, 7])
def test_shares_form_the_batch_of_one_process(world_size: int) -> None:
    whole = Outliers(PICTURES, 5, exposed(), DistributedContext()).batch(1, 2, from_features=False)
    for rank in range(world_size):
        context = DistributedContext(rank, world_size)
        share = Outliers(PICTURES, 5, exposed(), context).batch(1, 2, from_features=False)
        assert torch.equal(share, whole[context.share])
