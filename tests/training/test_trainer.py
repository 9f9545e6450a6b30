"""The training loop, in complete runs of the shipped recipes on generated photos."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mineral_recog.data.dataset import read_split
from mineral_recog.data.samplers import MixedSampler
from mineral_recog.errors import UserError
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.heads import CosineHead
from mineral_recog.models.network import build_network
from mineral_recog.models.predictor import predict
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe, shipped_recipes
from mineral_recog.training import run as training
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.run_photos import TrainingPhotos
from mineral_recog.training.signals import Stopped, StopRequest
from mineral_recog.training.trainer import Trainer
from tests.conftest import TINY

THREE = ("stages.fea.epochs=3", "stages.cfl.epochs=3", "stages.crt.epochs=2")

PICTURES = np.random.default_rng(0).integers(256, size=(8, 40, 40, 3), dtype=np.uint8)  # outliers


def tiny_recipe(name: str, *settings: str) -> Recipe:
    # Few steps of cRT, but an epoch passes over the photos more than once: 3 steps are one pass.
    few = ["stages.crt.min_steps=10"] if "crt" in read_recipe(name).stages else []
    return read_recipe(name, [*TINY, *few, *settings])


def train(data: Path, recipe: Recipe, folder: Path) -> list[dict[str, Any]]:
    training.train(data, recipe, folder, device="cpu", workers=0)
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def make_trainer(data: Path, recipe: Recipe, folder: Path) -> Trainer:
    (folder / "checkpoint").mkdir(parents=True)
    torch.manual_seed(recipe.seed)
    network = build_network(
        recipe.backbone,
        recipe.pretrained,
        recipe.normalisation,
        recipe.image_size,
        3,
        recipe.head,
        pretrained_features=recipe.pretrained_features,
        head_scale=recipe.head_scale,
    )
    dataset = read_split(data, "train")
    photos = TrainingPhotos(
        dataset,
        read_split(data, "val", dataset.classes),
        outliers=None if recipe.outliers is None else PICTURES,
    )
    return Trainer(recipe, network, photos, folder, 0, DistributedContext())


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_trains(prepared: Path, tmp_path: Path, name: str) -> None:
    stages = read_recipe(name).stages
    recipe = tiny_recipe(name, *(f"stages.{stage}.epochs=2" for stage in stages))
    log = train(prepared, recipe, tmp_path / "run")
    assert [line["stage"] for line in log] == [stage for stage in stages for _ in range(2)]
    assert [line["epoch"] for line in log] == list(range(1, recipe.epochs + 1))
    assert all(np.isfinite(line["loss"]) for line in log)
    assert read_recipe(str(tmp_path / "run" / "recipe.yaml")) == recipe
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_log_holds_the_parts_of_the_loss(prepared: Path, tmp_path: Path) -> None:
    log = train(prepared, tiny_recipe("multi_stage", *THREE), tmp_path / "run")
    fea, cfl, crt = log[0], log[3], log[6]
    assert fea["loss"] == pytest.approx(fea["frequency_aware"])
    assert cfl["loss"] == pytest.approx(cfl["frequency_aware"] + 0.1 * cfl["center"])
    assert cfl["center"] > 0
    assert crt["loss"] == pytest.approx(crt["cross_entropy"])


@pytest.mark.parametrize("views", [0, 1])
def test_backbone_is_bit_identical_through_crt(prepared: Path, tmp_path: Path, views: int) -> None:
    recipe = tiny_recipe("multi_stage", *THREE, f"stages.crt.feature_views={views}")
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    states: dict[int, dict[str, torch.Tensor]] = {}

    def record(line: EpochLog) -> None:
        state = trainer.network.state_dict()
        states[line.epoch] = {key: value.clone() for key, value in state.items()}

    trainer.run(on_epoch=record)
    before, after = states[6], states[8]
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"classifier.weight", "classifier.bias"}
    # The comparison can detect a change: the previous stage changed this buffer.
    mean = "backbone.bn1.running_mean"
    assert not torch.equal(states[5][mean], before[mean])


def test_training_reduces_the_loss(prepared: Path, tmp_path: Path) -> None:
    # Three plain colours: a network that learns can separate them after a few epochs.
    recipe = tiny_recipe("baseline", "stages.ce.epochs=12", "stages.ce.lr=0.05", "crop.scale=0.5")
    log = train(prepared, recipe, tmp_path / "run")
    assert log[-1]["loss"] < 0.5 * log[0]["loss"]
    assert log[-1]["val_mean_accuracy"] > 0.8


def test_same_seed_gives_the_same_weights(prepared: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe("multi_stage", *THREE)
    for name in ("a", "b"):
        train(prepared, recipe, tmp_path / name)
    other_seed = tiny_recipe("multi_stage", *THREE, "seed=1")
    train(prepared, other_seed, tmp_path / "c")
    a, b, c = (load_file(tmp_path / n / "model" / "model.safetensors") for n in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["classifier.weight"], c["classifier.weight"])


@pytest.fixture(scope="module")
def uninterrupted(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Recipe], Trainer]:
    """Return a function that trains a recipe to its end, once for all tests."""
    trainers: dict[str, Trainer] = {}

    def finished(recipe: Recipe) -> Trainer:
        key = recipe.to_yaml()
        if key not in trainers:
            trainer = make_trainer(prepared, recipe, tmp_path_factory.mktemp("run") / "run")
            trainer.run()
            trainers[key] = trainer
        return trainers[key]

    return finished


class PowerLossError(Exception):
    """A simulated power cut."""


VIEWS, BEST = "stages.crt.feature_views=2", "stages.crt.weights=best"
ADAMW = ("optimiser=adamw", "layer_decay=0.9", "clip_norm=1", "accumulate=2", "lr_scale=1")
FLOAT16 = ("precision=float16", "weight_average_epochs=1")
AUGMENTED = "augmentation={trivial_augment: true, colour: 0.4, hue: 0.1, erasing: 0.5}"
LORA = (*THREE, "stages.cfl.weights=best", "stages.fea.train=lora", "stages.cfl.train=lora")
HARD = (*THREE, "stages.cfl.weights=best", "stages.cfl.refresh_epochs=2")
# Nothing gets better, so the first stage ends after the first epoch and two more.
STALLED = (VIEWS, BEST, "stages.ce.lr=1e-9", "stages.ce.epochs=5", "stages.ce.patience=2")


@pytest.mark.parametrize("how", ["power lost", "stop requested"])
@pytest.mark.parametrize(
    ("name", "settings", "epoch"),
    [
        *(("multi_stage", HARD, epoch) for epoch in (1, 3, 4, 5, 6, 7)),
        *(("crt", STALLED, epoch) for epoch in (2, 5, 6)),
        *(("multi_stage", LORA, epoch) for epoch in (2, 4, 6)),
        *(("lift", ("weight_average_epochs=1",), epoch) for epoch in (1, 2)),
        ("multi_stage", (*THREE, "stages.fea.train=lora", "stages.cfl=null"), 3),
        *(
            (name, settings, epoch)
            for name, settings in (
                ("lws", ()),
                ("crt", (VIEWS,)),
                ("crt", (VIEWS, "pretrained_features=true", "stages.crt.feature_norm=8")),
                ("mislas", ()),
                ("crt", ("weight_average_epochs=1",)),
                ("crt", ("weight_average_epochs=1", VIEWS, BEST)),
                ("ldam_drw", ("weight_average_epochs=1",)),
                ("mixup", ()),
                ("mixup", ("outliers.photos=5",)),
                ("mixup", ("stages.ce.mixup=0", "stages.ce.cutmix=1", AUGMENTED)),
                ("crt", (VIEWS, "outliers.photos=5")),
            )
            for epoch in (2, 3, 4)
            if name != "mixup" or epoch < 3
        ),
        *((name, (*ADAMW, *more), 2) for name, more in (("mixup", FLOAT16), ("ldam_drw", ()))),
    ],
)
def test_resumed_run_equals_an_uninterrupted_run(
    prepared: Path,
    uninterrupted: Callable[[Recipe], Trainer],
    tmp_path: Path,
    name: str,
    settings: tuple[str, ...],
    epoch: int,
    how: str,
) -> None:
    stages = [f"stages.{stage}.epochs={3 - i}" for i, stage in enumerate(read_recipe(name).stages)]
    recipe = tiny_recipe(name, *stages, "lr_scale=20", *settings)
    interrupted = make_trainer(prepared, recipe, tmp_path / "interrupted")

    stop_request = StopRequest()

    def stop(work: int, detail: str) -> None:
        state = interrupted.state
        if (state.epochs_done, state.steps_done) == (epoch, 2):  # in the middle of an epoch
            stop_request.signal = signal.SIGTERM
            if how == "power lost":
                raise PowerLossError

    with pytest.raises((PowerLossError, Stopped)):
        interrupted.run(on_step=stop, stop=stop_request)
    with (tmp_path / "interrupted" / "log.jsonl").open("a") as file:
        file.write('{"half": "a line')
    resumed = make_trainer(prepared, recipe, tmp_path / "resumed")
    shutil.copytree(tmp_path / "interrupted", tmp_path / "resumed", dirs_exist_ok=True)
    resumed.resume()
    if how == "stop requested":
        assert (resumed.state.epochs_done, resumed.state.steps_done) == (epoch, 2)
    else:
        assert resumed.state.epochs_done <= epoch
        assert resumed.state.steps_done == 0
    resumed.run()

    finished = uninterrupted(recipe)
    expected, actual = finished.network.state_dict(), resumed.network.state_dict()
    assert expected.keys() == actual.keys()
    assert all(torch.equal(expected[key], actual[key]) for key in expected)
    assert torch.equal(finished.state.centers.values, resumed.state.centers.values)
    assert torch.equal(finished.state.probabilities, resumed.state.probabilities)
    text = (tmp_path / "resumed" / "log.jsonl").read_text()
    log = [json.loads(line) for line in text.splitlines()]
    skipped = {line["epoch"] + n + 1 for line in log for n in range(line.get("skipped", 0))}
    assert [line["epoch"] for line in log] == sorted(set(range(1, recipe.epochs + 1)) - skipped)


@pytest.mark.parametrize("weights", ["best", "last"])
def test_stage_ends_after_epochs_without_a_better_one(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    accuracies = iter([0.5, 0.7, 0.7, 0.6, 0.2, 0.3])  # the best epoch is the second
    recipe = tiny_recipe(
        "crt", "stages.ce.epochs=9", "stages.crt.epochs=2", "stages.ce.patience=2",
        f"stages.ce.weights={weights}", "stages.crt.lr=1e-30", "stages.crt.weight_decay=0",
    )  # fmt: skip
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    keep = trainer.state.keep_if_best
    monkeypatch.setattr(
        trainer.state,
        "keep_if_best",
        lambda accuracy, with_weights: keep(next(accuracies), with_weights),
    )
    lines: list[EpochLog] = []
    states: list[torch.Tensor] = []
    works: list[int] = []

    def record(line: EpochLog) -> None:
        lines.append(line)
        states.append(trainer.network.state_dict()["backbone.bn1.running_mean"].clone())

    trainer.run(on_step=lambda work, detail: works.append(work), on_epoch=record)
    assert [(line.epoch, line.skipped) for line in lines] == [
        (1, 0), (2, 0), (3, 0), (4, 5), (10, 0), (11, 0),
    ]  # fmt: skip
    assert torch.equal(states[-1], states[1]) == (weights == "best")
    # Four epochs of photos, of nine; the features of a view are a third of a pass, rounded up.
    steps, views = trainer.steps_per_pass, recipe.stages["crt"].feature_views
    work = 4 * steps + views * -(-steps // 3) + 2
    assert works[: 3 * steps] == [*range(1, 3 * steps + 1)]
    assert works == sorted(works)
    assert works[-1] == trainer.work_until(recipe.epochs) == work
    assert [trainer.recipe.stage_at(line.epoch - 1).name for line in lines][4:] == ["crt", "crt"]


def test_mixup_trains_on_blends(prepared: Path, tmp_path: Path) -> None:
    # Three plain colours are easy to learn, but the labels of their blends stay uncertain.
    settings = ("stages.ce.epochs=8", "stages.ce.lr=0.05", "crop.scale=0.5")
    plain = train(prepared, tiny_recipe("baseline", *settings), tmp_path / "plain")
    mixed = train(
        prepared, tiny_recipe("mixup", *settings, "stages.ce.mixup=5"), tmp_path / "mixed"
    )
    assert mixed[-1]["loss"] > 2 * plain[-1]["loss"]


def test_outliers_of_next_to_no_weight_change_nothing(prepared: Path, tmp_path: Path) -> None:
    # Without batch normalisation, since outliers and photos share the statistics of a batch.
    settings = ("backbone=test_convnext", *THREE, VIEWS, "stages.fea.mixup=0.2")
    states = []
    for name, more in (("plain", ()), ("exposed", ("outliers.weight=1e-12",))):
        trainer = make_trainer(
            prepared, tiny_recipe("multi_stage", *settings, *more), tmp_path / name
        )
        trainer.run()
        states.append(trainer.network.state_dict())
    plain, exposed = states
    assert all(torch.allclose(plain[key], exposed[key], atol=1e-5) for key in plain)


@pytest.mark.parametrize("views", [0, 2])
def test_network_learns_to_be_unsure_of_outliers(
    prepared: Path, tmp_path: Path, views: int
) -> None:
    settings = ("stages.ce.epochs=4", "stages.crt.epochs=4", f"stages.crt.feature_views={views}")
    recipe = tiny_recipe("crt", "lr_scale=20", *settings, "outliers.weight=5")
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    lines: list[EpochLog] = []
    trainer.run(on_epoch=lines.append)
    exposed = [line.losses["outliers"] for line in lines]
    assert exposed[-1] == pytest.approx(np.log(3), abs=0.1)  # the entropy of three classes
    for line in lines:
        expected = line.losses["cross_entropy"] + 5 * line.losses["outliers"]
        assert line.losses["loss"] == pytest.approx(expected, rel=1e-5)
    # Without exposure, the same network is sure of them.
    plain = make_trainer(prepared, recipe.model_copy(update={"outliers": None}), tmp_path / "plain")
    plain.run()
    inputs = torch.from_numpy(PICTURES[:, :32, :32]).permute(0, 3, 1, 2)
    with torch.no_grad():
        sure, unsure = (
            t.network.eval()(inputs)[1].softmax(dim=1).max(dim=1).values.mean()
            for t in (plain, trainer)
        )
    assert unsure < 0.5
    assert sure > unsure + 0.1


def test_run_ends_with_the_averaged_weights(prepared: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe("baseline", "stages.ce.epochs=3", "weight_average_epochs=1")
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    trainer.run()
    assert trainer.state.ema is not None
    state = trainer.network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in trainer.state.ema.state.items())
    plain = make_trainer(
        prepared, recipe.model_copy(update={"weight_average_epochs": 0.0}), tmp_path / "plain"
    )
    plain.run()
    plain_weight = plain.network.state_dict()["classifier.weight"]
    assert not torch.equal(state["classifier.weight"], plain_weight)


def test_normalisation_layers_of_a_frozen_backbone_can_follow_the_batches(
    prepared: Path, tmp_path: Path
) -> None:
    settings = ("stages.ce.epochs=1", "stages.crt.epochs=1")
    trainer = make_trainer(prepared, tiny_recipe("mislas", *settings), tmp_path / "run")
    states: list[dict[str, torch.Tensor]] = []

    def record(line: EpochLog) -> None:
        states.append({k: v.clone() for k, v in trainer.network.state_dict().items()})

    trainer.run(on_epoch=record)
    changed = {key for key in states[0] if not torch.equal(states[0][key], states[1][key])}
    assert "backbone.bn1.running_mean" in changed
    assert "backbone.conv1.weight" not in changed


def test_adjustment_is_recorded_and_changes_the_classifier(prepared: Path, tmp_path: Path) -> None:
    settings = ("stages.ce.epochs=1", "after.taus=[1.5]")
    train(prepared, tiny_recipe("baseline", "stages.ce.epochs=1"), tmp_path / "plain")
    train(prepared, tiny_recipe("logit_adjusted_after", *settings), tmp_path / "adjusted")
    plain, adjusted = (
        load_file(tmp_path / run / "model/model.safetensors") for run in ("plain", "adjusted")
    )
    prior = torch.tensor([12.0, 6.0, 3.0]) / 21
    expected = plain["classifier.bias"] - 1.5 * prior.log()
    assert torch.allclose(adjusted["classifier.bias"], expected)
    assert torch.equal(adjusted["classifier.weight"], plain["classifier.weight"])
    config = json.loads((tmp_path / "adjusted/model/config.json").read_text())
    assert config["provenance"]["tau of the adjustment, chosen on val"] == "1.5"


def test_resume_without_a_checkpoint_starts_at_the_beginning(
    prepared: Path, tmp_path: Path
) -> None:
    trainer = make_trainer(
        prepared, tiny_recipe("baseline", "stages.ce.epochs=1"), tmp_path / "run"
    )
    trainer.resume()
    assert trainer.state.epochs_done == 0


def test_photos_keep_their_last_probability(prepared: Path, tmp_path: Path) -> None:
    settings = ("probability_view=training", "stages.cfl.refresh_epochs=2")
    recipe = tiny_recipe("multi_stage", *THREE, *settings, "stages.cfl.class_mass=balanced")
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    chance = torch.full((21,), 1 / 3)
    assert torch.equal(trainer.state.probabilities, chance)
    after: dict[int, torch.Tensor] = {}
    sampler_probabilities: dict[int, torch.Tensor] = {}

    def record(line: EpochLog) -> None:
        after[line.epoch] = trainer.state.probabilities.clone()
        sampler_probabilities[line.epoch] = trainer.state.sampler_probabilities.clone()

    trainer.run(on_epoch=record)
    assert (after[1] != chance).all()  # FEA trains on every photo
    # Epochs 4 to 6 are CFL: a photo that is not drawn keeps its probability.
    for epoch in (4, 5, 6):
        sampler = MixedSampler(
            trainer.photos.train.labels,
            3,
            recipe.batch_size,
            recipe.seed,
            sampler_probabilities[epoch].numpy(),
        )
        drawn = np.isin(np.arange(21), np.concatenate(sampler.draw(epoch - 1)))
        assert 0 < drawn.sum() < 21
        assert torch.equal(after[epoch][~drawn], after[epoch - 1][~drawn])
        assert (after[epoch][drawn] != after[epoch - 1][drawn]).all()
    # The sampler reads them at the start of the stage and two epochs later.
    assert torch.equal(sampler_probabilities[4], after[3])
    assert torch.equal(sampler_probabilities[5], after[3])
    assert torch.equal(sampler_probabilities[6], after[5])


def test_fea_and_cfl_share_one_schedule_and_one_optimiser(prepared: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe("multi_stage", *THREE)
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    optimisers: list[torch.optim.Optimizer] = []
    rates: list[float] = []

    def record_rate(step: int, detail: str) -> None:
        rates.append(trainer.state.optimizer.param_groups[0]["lr"])

    trainer.run(
        on_step=record_rate, on_epoch=lambda line: optimisers.append(trainer.state.optimizer)
    )
    assert len({id(optimiser) for optimiser in optimisers[:6]}) == 1
    assert optimisers[6] is not optimisers[5]
    # Three steps per epoch, so 18 in the cycle of both stages: step s is at s / 18, and the warm-up
    # takes 1/10. CFL starts at step 9 with 0.002 (1 + cos(pi (0.5 - 0.1) / 0.9)) / 2.
    assert rates[9] == pytest.approx(0.002 * (1 + np.cos(np.pi * 4 / 9)) / 2, rel=1e-4)
    changes = np.diff(rates[2:18])
    assert (changes < 0).all()
    assert -changes.min() < 0.0002  # no jump, also at the boundary
    assert rates[18] == recipe.stages["crt"].lr  # cRT starts a new schedule


def test_momentum_and_weight_decay_of_the_optimiser_follow_the_stage(
    prepared: Path, tmp_path: Path
) -> None:
    settings = ("cycle_momentum=true", "stages.cfl.weight_decay=0.25", "stages.crt.min_steps=10")
    recipe = tiny_recipe("multi_stage", *THREE, *settings)
    trainer = make_trainer(prepared, recipe, tmp_path / "run")
    groups: list[tuple[str, float, float]] = []

    def record(step: int, detail: str) -> None:
        group = trainer.state.optimizer.param_groups[0]
        groups.append((detail.split()[0], group["momentum"], group["weight_decay"]))

    trainer.run(on_step=record)
    decays = {(stage, decay) for stage, _, decay in groups}
    assert decays == {("fea", 0.0005), ("cfl", 0.25), ("crt", 0.005)}
    cycle = [momentum for stage, momentum, _ in groups if stage != "crt"]  # 18 steps
    # The warm-up ends after 1.8 steps; from there 0.85 rises to 0.95.
    assert cycle[0] == pytest.approx(0.95)
    assert cycle[9] == pytest.approx(0.95 - 0.05 * (1 + np.cos(np.pi * 4 / 9)), rel=1e-4)
    assert {momentum for stage, momentum, _ in groups if stage == "crt"} == {0.9}


def test_probabilities_may_be_those_of_the_evaluation_views(prepared: Path, tmp_path: Path) -> None:
    settings = ("probability_view=evaluation", "stages.cfl.refresh_epochs=2")
    trainer = make_trainer(prepared, tiny_recipe("multi_stage", *THREE, *settings), tmp_path / "r")
    used: list[torch.Tensor] = []
    expected: list[torch.Tensor] = []

    def record(line: EpochLog) -> None:
        used.append(trainer.state.sampler_probabilities.clone())
        outputs = predict(trainer.network, trainer.loaders.center)
        chances = torch.from_numpy(outputs.logits).softmax(dim=1)
        expected.append(chances[torch.arange(len(chances)), torch.from_numpy(outputs.labels)])

    trainer.run(on_epoch=record)
    # Epochs 4 and 6 begin with those of the network after epochs 3 and 5.
    for epoch, before in ((4, 3), (5, 3), (6, 5)):
        assert torch.allclose(used[epoch - 1], expected[before - 1], atol=1e-5)


def test_adjusted_probabilities_include_the_class_prior(prepared: Path, tmp_path: Path) -> None:
    plain = make_trainer(prepared, tiny_recipe("baseline"), tmp_path / "plain")
    recipe = tiny_recipe("baseline", "probabilities=adjusted")
    adjusted = make_trainer(prepared, recipe, tmp_path / "adjusted")
    for trainer in (plain, adjusted):
        trainer.step.keep_probabilities(torch.tensor([0]), torch.zeros(1, 3), torch.tensor([0]))
    assert plain.state.probabilities[0].item() == pytest.approx(1 / 3)
    assert adjusted.state.probabilities[0].item() == pytest.approx(12 / 21)


def test_classifier_can_be_reset(prepared: Path, tmp_path: Path) -> None:
    weights = {}
    for choice in ("keep", "anew"):
        # The rate is so small that the weights stay where the stage started.
        settings = ("stages.crt.lr=1e-12", f"stages.crt.classifier={choice}")
        trainer = make_trainer(
            prepared, tiny_recipe("multi_stage", *THREE, *settings), tmp_path / choice
        )
        classifier = trainer.network.classifier
        states: dict[int, torch.Tensor] = {}

        def record(line: EpochLog, head: Any = classifier, states: Any = states) -> None:
            states[line.epoch] = head.weight.detach().clone()

        trainer.run(on_epoch=record)
        weights[choice] = (states[6], states[7])
    assert torch.allclose(*weights["keep"], atol=1e-6)
    assert not torch.allclose(*weights["anew"], atol=1e-2)


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_classifier_can_start_from_class_means(prepared: Path, tmp_path: Path, head: str) -> None:
    settings = ("stages.ce.classifier=class_means", "stages.ce.lr=1e-30", f"head={head}",
                "stages.ce.train=classifier", "stages.ce.epochs=1")  # fmt: skip
    trainer = make_trainer(prepared, tiny_recipe("baseline", *settings), tmp_path / "run")
    trainer.run()
    outputs = predict(trainer.network, trainer.loaders.center)
    means = torch.stack(
        [torch.from_numpy(outputs.features[outputs.labels == c]).mean(dim=0) for c in range(3)]
    )
    weight = trainer.network.classifier.weight.detach()
    if head == "cosine":
        torch.testing.assert_close(weight, torch.nn.functional.normalize(means))
    else:
        cosines = torch.nn.functional.cosine_similarity(weight, means - means.mean(dim=0))
        assert cosines.tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_trained_updates_are_merged_into_the_bundle(prepared: Path, tmp_path: Path) -> None:
    train(prepared, tiny_recipe("lift", "stages.ce.epochs=2", "lr_scale=20"), tmp_path / "run")
    bundle = read_bundle(tmp_path / "run")
    untrained = build_network("test_resnet", False, "auto", 32, 3, "cosine")
    assert bundle.network.state_dict().keys() == untrained.state_dict().keys()
    assert isinstance(bundle.network.classifier, CosineHead)
    assert bundle.network.classifier.scale == 25


def test_part_that_the_backbone_lacks_is_refused_before_training(
    prepared: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipe("baseline", "stages.ce.train=last_blocks", "stages.ce.blocks=9")
    with pytest.raises(UserError, match=r"stages\.ce\.blocks: the backbone ResNet has"):
        train(prepared, recipe, tmp_path / "run")
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_best_weights_are_used_if_the_recipe_says_so(prepared: Path, tmp_path: Path) -> None:
    settings = ("stages.ce.epochs=6", "stages.ce.lr=0.5", "stages.ce.schedule=constant")
    trainer = make_trainer(
        prepared, tiny_recipe("baseline", *settings, "stages.ce.weights=best"), tmp_path / "run"
    )
    scores: list[tuple[float, torch.Tensor]] = []

    def record(line: EpochLog) -> None:
        assert trainer.state.best is not None
        scores.append((line.val_mean_accuracy, trainer.state.best[1]["classifier.weight"].clone()))

    trainer.run(on_epoch=record)
    best_score = max(score for score, _ in scores)
    best_weight = next(weight for score, weight in scores if score == best_score)
    assert torch.equal(trainer.network.classifier.weight, best_weight)


def test_loss_that_is_not_finite_is_reported(prepared: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe("baseline", "stages.ce.epochs=3", "stages.ce.lr=1e30")
    with pytest.raises(UserError, match=r"not finite in stage ce.*stages\.ce\.lr"):
        train(prepared, recipe, tmp_path / "run")


class Scaled(torch.nn.Module):
    """A backbone with features that are scaled."""

    def __init__(self, backbone: torch.nn.Module, scale: float) -> None:
        super().__init__()
        self.backbone, self.scale = backbone, scale

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.scale * self.backbone(pixels)
        return features


def test_feature_norm_makes_training_independent_of_the_scale(
    prepared: Path, tmp_path: Path
) -> None:
    settings = ("stages.ce.epochs=2", "stages.ce.min_steps=20", "stages.ce.feature_views=2")
    recipe = tiny_recipe("frozen_features", *settings, "stages.ce.feature_norm=8")
    weights = []
    for scale in (1.0, 4.0):  # a power of two, so that rounding is the same
        trainer = make_trainer(prepared, recipe, tmp_path / f"{scale}")
        network = trainer.network
        network.backbone = Scaled(network.backbone, scale)
        with torch.no_grad():
            network.classifier.weight /= scale
        trainer.run()
        weights.append(scale * network.classifier.weight.detach())
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-4, atol=1e-6)
    untrained = make_trainer(prepared, recipe, tmp_path / "untrained").network.classifier.weight
    assert (weights[0] - untrained).abs().max() > 0.01
