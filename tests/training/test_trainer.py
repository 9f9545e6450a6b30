"""The one loop, through whole runs of the shipped recipes on made photos."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mineral_recog.data.dataset import read_split
from mineral_recog.data.samplers import MixedHalvesSampler
from mineral_recog.errors import UserError
from mineral_recog.models.network import build_network
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe, shipped_recipes
from mineral_recog.training import run as training
from mineral_recog.training.distributed import Ranks
from mineral_recog.training.signals import Stopped, StopRequest
from mineral_recog.training.trainer import Trainer
from tests.conftest import TINY

THREE = ("stages.fea.epochs=3", "stages.cfl.epochs=3", "stages.crt.epochs=2")


def recipe_of(name: str, *settings: str) -> Recipe:
    return read_recipe(name, [*TINY, *settings])


def train(data: Path, recipe: Recipe, folder: Path) -> list[dict[str, Any]]:
    training.train(data, recipe, folder, device="cpu", workers=0)
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def trainer_of(data: Path, recipe: Recipe, folder: Path) -> Trainer:
    (folder / "checkpoint").mkdir(parents=True)
    torch.manual_seed(recipe.seed)
    network = build_network(
        recipe.backbone, recipe.pretrained, recipe.normalisation, recipe.image_size, 3
    )
    dataset = read_split(data, "train")
    val = read_split(data, "val", dataset.classes)
    return Trainer(
        recipe, network, dataset, val, folder, torch.device("cpu"), workers=0, ranks=Ranks()
    )


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_trains(prepared: Path, tmp_path: Path, name: str) -> None:
    stages = read_recipe(name).stages
    recipe = recipe_of(name, *(f"stages.{stage}.epochs=2" for stage in stages))
    log = train(prepared, recipe, tmp_path / "run")
    assert [line["stage"] for line in log] == [stage for stage in stages for _ in range(2)]
    assert [line["epoch"] for line in log] == list(range(1, recipe.epochs + 1))
    assert all(np.isfinite(line["loss"]) for line in log)
    assert read_recipe(str(tmp_path / "run" / "recipe.yaml")) == recipe
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_the_log_holds_the_parts_of_the_loss(prepared: Path, tmp_path: Path) -> None:
    log = train(prepared, recipe_of("multi_stage", *THREE), tmp_path / "run")
    fea, cfl, crt = log[0], log[3], log[6]
    assert fea["loss"] == pytest.approx(fea["frequency_aware"])
    assert cfl["loss"] == pytest.approx(cfl["frequency_aware"] + 0.0003 * cfl["center"])
    assert cfl["center"] > 0
    assert crt["loss"] == pytest.approx(crt["cross_entropy"])


@pytest.mark.parametrize("views", [0, 1])
def test_the_extractor_is_bit_identical_through_crt(
    prepared: Path, tmp_path: Path, views: int
) -> None:
    recipe = recipe_of("multi_stage", *THREE, f"stages.crt.feature_views={views}")
    trainer = trainer_of(prepared, recipe, tmp_path / "run")
    states: dict[int, dict[str, torch.Tensor]] = {}

    def keep(line: dict[str, Any]) -> None:
        state = trainer.network.state_dict()
        states[line["epoch"]] = {key: value.clone() for key, value in state.items()}

    trainer.run(on_epoch=keep)
    before, after = states[6], states[8]
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"classifier.weight", "classifier.bias"}
    # The comparison would see a change: in the stage before, everything that can move did.
    mean = "backbone.bn1.running_mean"
    assert not torch.equal(states[5][mean], before[mean])


def test_a_run_can_be_told_to_learn(prepared: Path, tmp_path: Path) -> None:
    # Three plain colours: a network that learns at all knows them after a few epochs.
    recipe = recipe_of("baseline", "stages.ce.epochs=12", "stages.ce.lr=0.05", "crop_scale=0.5")
    log = train(prepared, recipe, tmp_path / "run")
    assert log[-1]["loss"] < 0.5 * log[0]["loss"]
    assert log[-1]["val_mean_accuracy"] > 0.8


def test_the_same_seed_gives_the_same_weights(prepared: Path, tmp_path: Path) -> None:
    recipe = recipe_of("multi_stage", *THREE)
    for name in ("a", "b"):
        train(prepared, recipe, tmp_path / name)
    other = recipe_of("multi_stage", *THREE, "seed=1")
    train(prepared, other, tmp_path / "c")
    a, b, c = (load_file(tmp_path / n / "model" / "model.safetensors") for n in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["classifier.weight"], c["classifier.weight"])


class PowerLossError(Exception):
    """As if the power had gone."""


VIEWS, BEST = "stages.crt.feature_views=2", "stages.crt.weights=best"
HARD = (*THREE, "stages.cfl.weights=best", "stages.cfl.refresh_epochs=2")


@pytest.mark.parametrize("how", ["power lost", "asked to stop"])
@pytest.mark.parametrize(
    ("name", "settings", "epoch"),
    [
        *(("multi_stage", HARD, epoch) for epoch in (1, 3, 4, 5, 6, 7)),
        *(
            (name, settings, epoch)
            for name, settings in (
                ("lws", ()),
                ("crt", (VIEWS,)),
                ("mislas", ()),
                ("crt", ("weight_average=0.9",)),
                ("crt", ("weight_average=0.9", VIEWS, BEST)),
                ("ldam_drw", ("weight_average=0.9",)),
                ("mixup", ()),
            )
            for epoch in (2, 3, 4)
            if name != "mixup" or epoch < 3
        ),
    ],
)
def test_resuming_ends_where_an_unbroken_run_does(
    prepared: Path, tmp_path: Path, name: str, settings: tuple[str, ...], epoch: int, how: str
) -> None:
    stages = [f"stages.{stage}.epochs={3 - i}" for i, stage in enumerate(read_recipe(name).stages)]
    recipe = recipe_of(name, *stages, "lr_scale=20", *settings)
    whole = trainer_of(prepared, recipe, tmp_path / "whole")
    whole.run()
    broken = trainer_of(prepared, recipe, tmp_path / "broken")

    stop_request = StopRequest()

    def stop(step: int, told: str) -> None:
        if step == epoch * broken.steps_per_epoch + 2:  # in the middle of the next epoch
            stop_request.signal = signal.SIGTERM
            if how == "power lost":
                raise PowerLossError

    with pytest.raises((PowerLossError, Stopped)):
        broken.run(on_step=stop, stop=stop_request)
    with (tmp_path / "broken" / "log.jsonl").open("a") as file:
        file.write('{"half": "a line')
    again = trainer_of(prepared, recipe, tmp_path / "again")
    shutil.copytree(tmp_path / "broken", tmp_path / "again", dirs_exist_ok=True)
    again.resume()
    if how == "asked to stop":
        assert (again.state.epochs_done, again.state.steps_done) == (epoch, 2)
    else:
        assert again.state.epochs_done <= epoch
        assert again.state.steps_done == 0
    again.run()

    expected, found = whole.network.state_dict(), again.network.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert torch.equal(whole.state.centers.values, again.state.centers.values)
    assert torch.equal(whole.state.probabilities, again.state.probabilities)
    log = [json.loads(line) for line in (tmp_path / "again" / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == list(range(1, recipe.epochs + 1))


def test_mixup_trains_on_blends(prepared: Path, tmp_path: Path) -> None:
    # Three plain colours: whoever has learned them knows them, but of a blend nobody is sure.
    settings = ("stages.ce.epochs=8", "stages.ce.lr=0.05", "crop_scale=0.5")
    plain = train(prepared, recipe_of("baseline", *settings), tmp_path / "plain")
    mixed = train(prepared, recipe_of("mixup", *settings, "stages.ce.mixup=5"), tmp_path / "mixed")
    assert mixed[-1]["loss"] > 2 * plain[-1]["loss"]


def test_the_average_is_what_a_run_leaves(prepared: Path, tmp_path: Path) -> None:
    recipe = recipe_of("baseline", "stages.ce.epochs=3", "weight_average=0.9")
    trainer = trainer_of(prepared, recipe, tmp_path / "run")
    trainer.run()
    assert trainer.state.ema is not None
    state = trainer.network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in trainer.state.ema.state.items())
    plain = trainer_of(
        prepared, recipe.model_copy(update={"weight_average": 0.0}), tmp_path / "plain"
    )
    plain.run()
    moved = plain.network.state_dict()["classifier.weight"]
    assert not torch.equal(state["classifier.weight"], moved)


def test_normalisation_layers_may_follow_in_a_frozen_backbone(
    prepared: Path, tmp_path: Path
) -> None:
    few = ("stages.ce.epochs=1", "stages.crt.epochs=1")
    trainer = trainer_of(prepared, recipe_of("mislas", *few), tmp_path / "run")
    states: list[dict[str, torch.Tensor]] = []

    def keep(line: dict[str, Any]) -> None:
        states.append({k: v.clone() for k, v in trainer.network.state_dict().items()})

    trainer.run(on_epoch=keep)
    moved = {key for key in states[0] if not torch.equal(states[0][key], states[1][key])}
    assert "backbone.bn1.running_mean" in moved
    assert "backbone.conv1.weight" not in moved


def test_an_adjustment_is_told_and_changes_the_classifier(prepared: Path, tmp_path: Path) -> None:
    few = ("stages.ce.epochs=1", "after.taus=[1.5]")
    train(prepared, recipe_of("baseline", "stages.ce.epochs=1"), tmp_path / "plain")
    train(prepared, recipe_of("logit_adjusted_after", *few), tmp_path / "adjusted")
    plain, adjusted = (
        load_file(tmp_path / run / "model/model.safetensors") for run in ("plain", "adjusted")
    )
    prior = torch.tensor([12.0, 6.0, 3.0]) / 21
    wanted = plain["classifier.bias"] - 1.5 * prior.log()
    assert torch.allclose(adjusted["classifier.bias"], wanted)
    assert torch.equal(adjusted["classifier.weight"], plain["classifier.weight"])
    config = json.loads((tmp_path / "adjusted/model/config.json").read_text())
    assert config["provenance"]["tau of the adjustment, chosen on val"] == "1.5"


def test_resuming_without_a_checkpoint_starts_at_the_beginning(
    prepared: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(prepared, recipe_of("baseline", "stages.ce.epochs=1"), tmp_path / "run")
    trainer.resume()
    assert trainer.state.epochs_done == 0


def test_every_photo_has_a_probability_and_keeps_the_last(prepared: Path, tmp_path: Path) -> None:
    recipe = recipe_of("multi_stage", *THREE, "stages.cfl.refresh_epochs=2")
    trainer = trainer_of(prepared, recipe, tmp_path / "run")
    chance = torch.full((21,), 1 / 3)
    assert torch.equal(trainer.state.probabilities, chance)
    after: dict[int, torch.Tensor] = {}
    drawn_by: dict[int, torch.Tensor] = {}

    def keep(line: dict[str, Any]) -> None:
        after[line["epoch"]] = trainer.state.probabilities.clone()
        drawn_by[line["epoch"]] = trainer.state.sampler_probabilities.clone()

    trainer.run(on_epoch=keep)
    assert (after[1] != chance).all()  # FEA sees every photo
    # Epochs 4 to 6 are CFL: what a photo that was not drawn had, it keeps.
    for epoch in (4, 5, 6):
        sampler = MixedHalvesSampler(
            trainer.labels, 3, recipe.batch_size, recipe.seed, drawn_by[epoch].numpy()
        )
        seen = np.isin(np.arange(21), np.concatenate(sampler.draw(epoch - 1)))
        assert 0 < seen.sum() < 21
        assert torch.equal(after[epoch][~seen], after[epoch - 1][~seen])
        assert (after[epoch][seen] != after[epoch - 1][seen]).all()
    # The sampler looks at them at the start of the stage and two epochs later.
    assert torch.equal(drawn_by[4], after[3])
    assert torch.equal(drawn_by[5], after[3])
    assert torch.equal(drawn_by[6], after[5])


def test_fea_and_cfl_share_one_schedule_and_one_optimiser(prepared: Path, tmp_path: Path) -> None:
    trainer = trainer_of(prepared, recipe_of("multi_stage", *THREE), tmp_path / "run")
    optimisers: list[torch.optim.Optimizer] = []
    rates: list[float] = []

    def look(step: int, told: str) -> None:
        rates.append(trainer.state.optimizer.param_groups[0]["lr"])

    trainer.run(on_step=look, on_epoch=lambda line: optimisers.append(trainer.state.optimizer))
    assert len({id(optimiser) for optimiser in optimisers[:6]}) == 1
    assert optimisers[6] is not optimisers[5]
    # Three steps an epoch, so 18 in the cycle of both stages: step s is at s / 18, of which a
    # tenth is warm-up. CFL begins at step 9 with 0.002 (1 + cos(pi (0.5 - 0.1) / 0.9)) / 2.
    assert rates[9] == pytest.approx(0.002 * (1 + np.cos(np.pi * 4 / 9)) / 2, rel=1e-4)
    falling = np.diff(rates[2:18])
    assert (falling < 0).all()
    assert -falling.min() < 0.0002  # no jump anywhere, the boundary included
    assert rates[18] == pytest.approx(0.001)  # cRT starts a schedule of its own


def test_adjusted_probabilities_weigh_the_classes(prepared: Path, tmp_path: Path) -> None:
    plain = trainer_of(prepared, recipe_of("baseline"), tmp_path / "plain")
    recipe = recipe_of("baseline", "probabilities=adjusted")
    adjusted = trainer_of(prepared, recipe, tmp_path / "adjusted")
    for trainer in (plain, adjusted):
        trainer._update_probabilities(torch.tensor([0]), torch.zeros(1, 3), torch.tensor([0]))
    assert plain.state.probabilities[0].item() == pytest.approx(1 / 3)
    assert adjusted.state.probabilities[0].item() == pytest.approx(12 / 21)


def test_a_classifier_can_start_anew(prepared: Path, tmp_path: Path) -> None:
    weights = {}
    for choice in ("keep", "anew"):
        # So small a rate that what is seen is where the stage started.
        few = ("stages.crt.lr=1e-12", f"stages.crt.classifier={choice}")
        trainer = trainer_of(prepared, recipe_of("multi_stage", *THREE, *few), tmp_path / choice)
        classifier = trainer.network.classifier
        states: dict[int, torch.Tensor] = {}

        def keep(line: dict[str, Any], of: Any = classifier, states: Any = states) -> None:
            states[line["epoch"]] = of.weight.detach().clone()

        trainer.run(on_epoch=keep)
        weights[choice] = (states[6], states[7])
    assert torch.allclose(*weights["keep"], atol=1e-6)
    assert not torch.allclose(*weights["anew"], atol=1e-2)


def test_the_best_weights_are_kept_where_the_recipe_says(prepared: Path, tmp_path: Path) -> None:
    settings = ("stages.ce.epochs=6", "stages.ce.lr=0.5", "stages.ce.schedule=constant")
    trainer = trainer_of(
        prepared, recipe_of("baseline", *settings, "stages.ce.weights=best"), tmp_path / "run"
    )
    scores: list[tuple[float, torch.Tensor]] = []

    def keep(line: dict[str, Any]) -> None:
        assert trainer.state.best is not None
        scores.append(
            (line["val_mean_accuracy"], trainer.state.best[1]["classifier.weight"].clone())
        )

    trainer.run(on_epoch=keep)
    top = max(score for score, _ in scores)
    first = next(weight for score, weight in scores if score == top)
    assert torch.equal(trainer.network.classifier.weight, first)


def test_a_loss_that_is_not_finite_is_told(prepared: Path, tmp_path: Path) -> None:
    recipe = recipe_of("baseline", "stages.ce.epochs=3", "stages.ce.lr=1e30")
    with pytest.raises(UserError, match=r"not finite in stage ce.*stages\.ce\.lr"):
        train(prepared, recipe, tmp_path / "run")
