"""The epochs that fit into a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from mineral_recog.errors import UserError
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe, scalable_epochs, with_epochs
from mineral_recog.training import run as training
from mineral_recog.training.time_budget import Budget, RunCost, StageCost, epochs_that_fit
from tests.conftest import TINY, Recorder, have_same_weights

# fea and cfl: 2 + 10 * 0.5 = 7 s an epoch, and cfl 3 s for each refresh; crt: 20 + 1,000 * 0.01 s.
COST = RunCost(
    {
        "fea": StageCost(once=0, epoch=2, step=0.5, refresh=0),
        "cfl": StageCost(once=0, epoch=2, step=0.5, refresh=3),
        "crt": StageCost(once=20, epoch=0, step=0.01, refresh=0),
    },
    calibration=10,
    steps_per_pass=10,
)


def test_time_by_hand() -> None:
    recipe = with_epochs(read_recipe("multi_stage"), 10)
    assert [stage.epochs for stage in recipe.stages.values()] == [6, 4, 10]
    # 10 epochs of 7 s, one refresh, features and 10 * 10 * 10 steps of crt, calibration
    assert COST.seconds(recipe) == pytest.approx(70 + 3 + 20 + 10 + 10)


@pytest.mark.parametrize(
    ("seconds", "epochs"), [(113, 10), (112.9, 9), (1e9, 100), (57, 2), (56.9, 0), (-5, 0)]
)
def test_epochs_that_fit_by_hand(seconds: float, epochs: int) -> None:
    assert epochs_that_fit(read_recipe("multi_stage"), COST, seconds) == epochs


def test_stages_on_computed_features_keep_their_epochs() -> None:
    assert scalable_epochs(read_recipe("multi_stage")) == range(2, 101)
    assert scalable_epochs(read_recipe("frozen_features"))[0] == 1
    recipe = read_recipe("multi_stage")
    assert with_epochs(recipe, 100) == recipe


@pytest.mark.parametrize("minutes", [0, -1, math.nan, math.inf])
def test_time_must_be_a_number_above_0(minutes: float) -> None:
    with pytest.raises(UserError, match="above 0"):
        Budget(minutes)


def test_run_has_the_epochs_that_fit_and_is_the_same_without_a_time(
    prepared: Path, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[RunCost] = []

    def four(recipe: Recipe, cost: RunCost, seconds: float) -> int:
        costs.append(cost)
        return 4

    monkeypatch.setattr("mineral_recog.training.time_budget.epochs_that_fit", four)
    recipe = read_recipe("multi_stage", [*TINY, "outliers.photos=2", "stages.crt.min_steps=10"])
    options: dict[str, Any] = {"device": "cpu", "workers": 0}
    training.train(prepared, recipe, tmp_path / "timed", **options, minutes=60, progress=recorder)
    fitted = read_recipe(str(tmp_path / "timed" / "recipe.yaml"))
    assert [stage.epochs for stage in fitted.stages.values()] == [2, 2, 10]
    (line,) = (line for line in recorder.notices if "minutes" in line)
    assert line.startswith("60 minutes: 14 of 110 epochs fit (fea 2, cfl 2, crt 10), expected")
    fea, cfl, crt = costs[0].stages.values()
    assert min(fea.step, cfl.step, cfl.refresh, crt.step, crt.once, costs[0].calibration) > 0
    assert fea.once == fea.refresh == crt.refresh == 0
    training.train(prepared, fitted, tmp_path / "plain", **options)
    assert have_same_weights(tmp_path / "timed", tmp_path / "plain")


def test_too_short_time_is_refused_before_the_run_folder_is_made(
    prepared: Path, tmp_path: Path
) -> None:
    recipe = read_recipe("baseline", TINY)
    with pytest.raises(UserError, match=r"too few: one epoch .* about 1 on .*--minutes 2 or more"):
        training.train(prepared, recipe, tmp_path / "run", device="cpu", workers=0, minutes=1e-5)
    assert not (tmp_path / "run").exists()
