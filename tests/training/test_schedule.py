"""Learning rates, checked against values computed by hand."""

from __future__ import annotations

import pytest
import torch

from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.recipes.stage import Schedule
from mineral_recog.training.schedule import learning_rate, learning_rate_factor


@pytest.mark.parametrize(
    ("progress", "factor"),
    [(0.0, 1 / 25), (0.05, (1 + 1 / 25) / 2), (0.1, 1.0), (0.55, 0.5), (1.0, 1 / 250_000)],
)
def test_one_cycle_by_hand(progress: float, factor: float) -> None:
    assert learning_rate_factor("one_cycle", progress, 0.1) == pytest.approx(factor, abs=1e-5)


def test_one_cycle_equals_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.002, total_steps=1001, pct_start=0.1, cycle_momentum=False
    )
    for step in range(1001):
        # Torch ends the warm-up at step pct_start * total - 1 = 99.1, which is 0.1 % earlier.
        lr = 0.002 * learning_rate_factor("one_cycle", step / 1000, 99.1 / 1000)
        assert lr == pytest.approx(scheduler.get_last_lr()[0], rel=1e-3, abs=1e-9)
        optimizer.step()
        if step < 1000:
            scheduler.step()


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_cosine_by_hand(progress: float, factor: float) -> None:
    assert learning_rate_factor("cosine", progress, 0.0) == pytest.approx(factor)


def test_constant_after_a_linear_warm_up() -> None:
    assert learning_rate_factor("constant", 0.05, 0.1) == pytest.approx(0.5)
    assert learning_rate_factor("constant", 0.9, 0.1) == 1.0


def test_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="stairs"):
        learning_rate_factor("stairs", 0.5, 0.0)


def test_schedule_is_continuous_from_fea_to_cfl() -> None:
    recipe = read_recipe("multi_stage")
    schedule = recipe.schedule_of("fea")
    assert schedule == Schedule(0, 100, "one_cycle", 0.1)
    assert recipe.schedule_of("cfl") == schedule
    crt = recipe.schedule_of("crt")
    assert (crt.first_epoch, crt.epochs) == (100, 10)
    # 1/400 epoch before the boundary and at it, where the rate is 0.002 * (1 + cos(5/9 pi)) / 2.
    before = learning_rate(recipe.stage_at(59), 60 - 1 / 400)
    after = learning_rate(recipe.stage_at(60), 60)
    assert after == pytest.approx(0.002 * 0.413176, rel=1e-4)
    assert before == pytest.approx(after, rel=1e-3)
