"""Single steps: clipped gradients, scaled losses, and steps that are left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from mineral_recog.data.evaluation_view import Preprocessing
from mineral_recog.data.loaders import Batch
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.network import Network
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.losses import CrossEntropyLoss
from mineral_recog.training.state import TrainState
from mineral_recog.training.step import OptimizerStep
from tests.conftest import TINY

LABELS = torch.tensor([0, 1, 0, 1])


class Flat(nn.Module):
    """A backbone whose features are two pixels of the photo."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels[:, 0, 0, :2] * self.weight


def make_step(*settings: str) -> OptimizerStep:
    torch.manual_seed(0)
    preprocessing = Preprocessing(32, (0.5,) * 3, (0.5,) * 3)
    network = Network(Flat(), LinearHead(2, 2), preprocessing)
    recipe = read_recipe("baseline", [*TINY, "momentum=0", "weight_decay=0", *settings])
    state = TrainState(recipe, network, 4, 2, DistributedContext())
    state.start_stage(recipe.stages["ce"])
    for group in state.optimizer.param_groups:
        group["lr"] = 1.0
    return OptimizerStep(state, LABELS, torch.tensor([0.5, 0.5]))


def take(step: OptimizerStep, weight: float = 1.0) -> None:
    pixels = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    batch = Batch(pixels.to(torch.uint8), LABELS, torch.arange(4))
    stage = step.state.recipe.stages["ce"]
    step.take(batch, np.arange(4), {"ce": CrossEntropyLoss(weight)}, stage, False)


def weights(step: OptimizerStep) -> torch.Tensor:
    return nn.utils.parameters_to_vector(step.state.network.parameters()).detach().clone()


def test_gradient_is_clipped_by_its_norm_over_all_parameters() -> None:
    moves = {}
    for norm in (None, 1e-3, 1e3):
        step = make_step(*([] if norm is None else [f"clip_norm={norm}"]))
        before = weights(step)
        take(step)
        moves[norm] = weights(step) - before
    assert moves[None].norm() > 0.01
    torch.testing.assert_close(moves[1e-3].norm().item(), 1e-3, rtol=1e-3, atol=0)
    torch.testing.assert_close(moves[1e-3] / 1e-3, moves[None] / moves[None].norm(), rtol=1e-2,
                               atol=1e-4)  # fmt: skip
    assert torch.equal(moves[1e3], moves[None])


@pytest.mark.parametrize("clip", [(), ("clip_norm=1e-3",)])
def test_scaled_loss_gives_the_same_step(clip: tuple[str, ...]) -> None:
    moved = []
    for precision in ("float32", "float16"):
        step = make_step(f"precision={precision}", *clip)
        before = weights(step)
        take(step)
        moved.append(weights(step) - before)
    torch.testing.assert_close(*moved, rtol=0.02, atol=0.02 * moved[0].norm().item())


def test_step_without_finite_gradients_is_left_out() -> None:
    step = make_step("precision=float16", "weight_average_epochs=1")
    state = step.state
    assert state.ema is not None
    before, scale = weights(step), state.scaler.get_scale()
    take(step, weight=1e36)  # the loss is finite; scaled, it is not
    assert torch.equal(weights(step), before)
    assert (state.ema.steps, state.scaler.get_scale()) == (0, scale / 2)
    take(step)
    assert not torch.equal(weights(step), before)
    assert state.ema.steps == 1
    # A checkpoint holds the scale, and goes on with it.
    tensors, facts = state.state_dict()
    resumed = make_step("precision=float16", "weight_average_epochs=1").state
    resumed.load_state_dict(tensors, {**facts, "done": 1})
    assert resumed.scaler.state_dict() == state.scaler.state_dict()
    assert math.log2(resumed.scaler.get_scale()) == 15
