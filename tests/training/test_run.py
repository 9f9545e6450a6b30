"""Training runs from folder to bundle, and all that can be wrong with them."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from mineral_recog.errors import UserError
from mineral_recog.models.bundle import read_bundle
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import run as training
from mineral_recog.training.signals import Stopped
from tests.conftest import TINY, Recorder, write_photos


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe("baseline", [*TINY, "stages.ce.epochs=2"])


def test_a_run_leaves_a_bundle_that_knows_what_it_is(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recipe = recipe.model_copy(update={"precision": "auto"})
    training.train(data, recipe, run, device="cpu", workers=0)
    bundle = read_bundle(run)
    assert bundle.classes == ("agate", "beryl", "copper")
    assert bundle.train_counts == (12, 6, 3)
    assert bundle.groups == ("head", "medium", "tail")
    assert bundle.provenance["seed"] == "3407"
    assert bundle.provenance["precision"] in ("float32", "bfloat16")
    assert not bundle.network.training
    # The choice of precision is written down, so that the run can be repeated.
    assert read_recipe(str(run / "recipe.yaml")).precision == bundle.provenance["precision"]
    left = {path.name for path in run.iterdir()}
    assert left == {"gallery", "log.jsonl", "model", "recipe.yaml", "run.json"}


def test_a_photo_that_cannot_be_read_is_refused_with_the_list(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    (data / "train" / "beryl" / "bad.png").write_text("no photo")
    (data / "train" / "beryl" / "worse.jpg").touch()
    with pytest.raises(UserError, match=r"2 photos.*bad\.png.*worse\.jpg.*prepare"):
        training.train(data, recipe, tmp_path / "run", device="cpu", workers=0)
    assert not (tmp_path / "run").exists()


def test_one_class_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_photos(tmp_path / "data" / split / "agate", 1, 3)
    with pytest.raises(UserError, match="one class, agate"):
        training.train(tmp_path / "data", recipe, tmp_path / "run", device="cpu", workers=0)


def test_a_run_that_is_there_is_kept(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    training.train(data, recipe, run, device="cpu", workers=0)
    before = (run / "model" / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match="--force"):
        training.train(data, recipe, run, device="cpu", workers=0)
    other = recipe.model_copy(update={"seed": 5})
    training.train(data, other, run, device="cpu", workers=0, force=True)
    assert (run / "model" / "model.safetensors").read_bytes() != before
    with pytest.raises(UserError, match="not made by this command"):
        training.train(data, recipe, data, device="cpu", workers=0, force=True)


def test_what_cannot_be_resumed(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(UserError, match="no run to resume"):
        training.resume(data, run, device="cpu", workers=0)
    training.train(data, recipe, run, device="cpu", workers=0)
    with pytest.raises(UserError, match="is finished"):
        training.resume(data, run, device="cpu", workers=0)


def test_an_interrupted_run_goes_on(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    def stop(line: dict[str, object]) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=stop)
    assert not (run / "model").exists()
    training.resume(data, run, device="cpu", workers=0)
    epochs = [json.loads(line)["epoch"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert epochs == [1, 2]
    assert read_bundle(run).classes == ("agate", "beryl", "copper")


def test_resuming_needs_no_pretrained_weights(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    def stop(line: dict[str, object]) -> None:
        raise KeyboardInterrupt

    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    recipe = recipe.model_copy(update={"pretrained": str(weights), "normalisation": "imagenet"})
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=stop)
    weights.unlink()
    training.resume(data, run, device="cpu", workers=0)
    assert read_bundle(run).network.preprocessing.mean == (0.485, 0.456, 0.406)


def test_resuming_on_other_photos_is_refused(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    def stop(line: dict[str, object]) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=stop)
    (data / "train" / "agate" / "0.png").unlink()
    with pytest.raises(UserError, match="not those"):
        training.resume(data, run, device="cpu", workers=0)


def test_a_damaged_checkpoint_is_told(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    def stop(line: dict[str, object]) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=stop)
    (run / "checkpoint" / "last.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"damaged.*--force"):
        training.resume(data, run, device="cpu", workers=0)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "model.safetensors")


def assert_same_bits(a: Path, b: Path) -> None:
    theirs = weights(b)
    assert all(torch.equal(value, theirs[key]) for key, value in weights(a).items())


def large_photos(data: Path) -> None:
    """Photos of four times the pixels that a cache would hold."""
    for path in data.glob("*/*/*.png"):
        Image.open(path).resize((128, 128)).save(path)


def test_small_photos_are_read_as_they_are(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    for cache in ("auto", False):
        chosen = recipe.model_copy(update={"cache": cache})
        training.train(data, chosen, tmp_path / str(cache), device="cpu", workers=0)
    assert_same_bits(tmp_path / "auto", tmp_path / "False")
    assert not (data / ".cache").exists()
    assert read_bundle(tmp_path / "auto").provenance["photos seen in training"] == "as they are"


def test_large_photos_are_kept_reduced(
    data: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large_photos(data)
    for run in ("first", "again"):
        training.train(data, recipe, tmp_path / run, device="cpu", workers=0)
    assert_same_bits(tmp_path / "first", tmp_path / "again")
    seen = read_bundle(tmp_path / "first").provenance["photos seen in training"]
    assert seen == "reduced to 55 px"
    folders = {path.name for path in (data / ".cache").iterdir() if path.is_dir()}
    assert folders == {"train-55", "val-37"}

    def stop(line: dict[str, object]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, tmp_path / "resumed", device="cpu", workers=0, on_epoch=stop)
    # What a run began with holds, whatever would be chosen now.
    monkeypatch.setattr(training, "cache_pays", lambda index, side: False)
    training.resume(data, tmp_path / "resumed", device="cpu", workers=0)
    assert_same_bits(tmp_path / "first", tmp_path / "resumed")


def test_a_cache_that_cannot_be_made_costs_nothing_but_time(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    (data / ".cache").touch()
    for cache in (True, False):
        chosen = recipe.model_copy(update={"cache": cache})
        training.train(data, chosen, tmp_path / str(cache), device="cpu", workers=0)
    assert_same_bits(tmp_path / "True", tmp_path / "False")
    (data / ".cache").unlink()
    (data / "val" / "beryl" / "bad.png").write_text("no photo")
    with pytest.raises(UserError, match=r"1 photos .*bad\.png.*prepare"):
        training.train(
            data,
            recipe.model_copy(update={"cache": True}),
            tmp_path / "run",
            device="cpu",
            workers=0,
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", "gpu", "mps:9", "meta"])
def test_a_device_that_is_not_there(
    data: Path, recipe: Recipe, tmp_path: Path, device: str
) -> None:
    with pytest.raises(UserError, match=f"Device {device} is not there.*cpu"):
        training.train(data, recipe, tmp_path / "run", device=device, workers=0)


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    data: Path, recipe: Recipe, tmp_path: Path, recorder: Recorder
) -> None:
    recipe = recipe.model_copy(
        update={"stages": {n: s.model_copy(update={"epochs": 1}) for n, s in (
            ("one", next(iter(recipe.stages.values()))),
            ("two", next(iter(recipe.stages.values()))),
            ("three", next(iter(recipe.stages.values()))),
        )}}
    )  # fmt: skip

    def stop(line: dict[str, object]) -> None:
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    training.train(data, recipe, tmp_path / "whole", device="cpu", workers=0)
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=stop)
    last = run / "checkpoint" / "last.safetensors"
    bytes_ = bytearray(last.read_bytes())
    bytes_[-5] ^= 1  # one bit of the weights
    last.write_bytes(bytes_)
    training.resume(data, run, device="cpu", workers=0, progress=recorder)
    assert "going on from the one before it" in recorder.notices[0]
    weights = [
        (one / "model" / "model.safetensors").read_bytes() for one in (run, tmp_path / "whole")
    ]
    assert weights[0] == weights[1]


def test_a_signal_after_the_last_step_loses_nothing(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    def ask(line: dict[str, object]) -> None:
        if line["epoch"] == recipe.epochs:
            signal.raise_signal(signal.SIGTERM)

    training.train(data, recipe, tmp_path / "whole", device="cpu", workers=0)
    run = tmp_path / "run"
    with pytest.raises(Stopped):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=ask)
    assert not (run / "model").exists()
    told: list[dict[str, object]] = []
    training.resume(data, run, device="cpu", workers=0, on_epoch=told.append)
    assert told == []  # all epochs were kept
    assert len((run / "log.jsonl").read_text().splitlines()) == recipe.epochs
    weights = [
        (one / "model" / "model.safetensors").read_bytes() for one in (run, tmp_path / "whole")
    ]
    assert weights[0] == weights[1]
