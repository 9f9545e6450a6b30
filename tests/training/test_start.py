"""Runs that go on from a trained model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mineral_recog.errors import UserError
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import run as training
from mineral_recog.training.start import adapt_recipe, kept_classes
from mineral_recog.training.start_network import read_start, start_network
from tests.conftest import TINY, Recorder, have_same_weights, write_photos


@pytest.fixture
def changed(prepared: Path, tmp_path: Path) -> Path:
    """Return photos without beryl, with dolomite and with copper under another name."""
    data = Path(shutil.copytree(prepared, tmp_path / "changed"))
    for split in ("train", "val", "test"):
        shutil.rmtree(data / split / "beryl")
        (data / split / "copper").rename(data / split / "自然铜")
        write_photos(data / split / "dolomite", 5, 4)
    return data


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe("baseline", ["batch_size=8", "precision=float32", "stages.ce.epochs=2"])


def test_classes_are_matched_by_name_and_by_aliases(trained: Path) -> None:
    names = ("agate", "dolomite", "自然铜")
    assert kept_classes(trained, names) == ({"agate": "agate"}, ("beryl", "copper"))
    matched = {"agate": "agate", "自然铜": "copper"}
    assert kept_classes(trained, names, ["minerals"]) == (matched, ("beryl",))
    both = ("agate", "copper", "自然铜")  # a class of the model is continued once
    assert kept_classes(trained, both, ["minerals"])[0] == {"agate": "agate", "copper": "copper"}


def test_network_starts_with_the_backbone_and_the_rows_of_kept_classes(
    trained: Path, recipe: Recipe
) -> None:
    classes = ("agate", "dolomite", "自然铜")
    start = read_start(trained, classes, ["minerals"], None)
    network = start_network(start, adapt_recipe(recipe, trained), classes, None)
    old = load_file(trained / "model" / "model.safetensors")
    new = network.state_dict()
    assert all(torch.equal(new[key], old[key]) for key in old if key.startswith("backbone."))
    for name in ("weight", "bias"):
        rows, old_rows = new[f"classifier.{name}"], old[f"classifier.{name}"]
        assert torch.equal(rows[[0, 2]], old_rows[[0, 2]])
        assert not any(torch.equal(rows[1], row) for row in old_rows)
    assert network.preprocessing.image_size == 32


def test_original_of_a_joined_backbone_is_kept_or_left_out(
    prepared: Path, tmp_path: Path, trained: Path
) -> None:
    settings = [*TINY, "stages.ce.epochs=1", "stages.crt.epochs=1", "stages.crt.min_steps=1"]
    settings += ["pretrained_features=true", f"pretrained={trained}"]
    recipe = read_recipe("crt", settings)
    training.train(prepared, recipe, tmp_path / "joined", device="cpu", workers=0)
    old = read_bundle(tmp_path / "joined").network.backbone
    assert isinstance(old, JoinedBackbone)
    classes = ("agate", "beryl", "copper")
    start = read_start(tmp_path / "joined", classes, (), None)
    for joined in (True, False):
        new = start_network(
            start, recipe.model_copy(update={"pretrained_features": joined}), classes, None
        )
        states = [new.backbone.state_dict(), (old if joined else old.fine_tuned).state_dict()]
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    # As `pretrained`, the run folder gives the fine-tuned half.
    plain = read_recipe("baseline", [*TINY, "epochs=1", f"pretrained={tmp_path / 'joined'}"])
    training.train(prepared, plain, tmp_path / "plain", device="cpu", workers=0)


def test_run_from_a_model_is_recorded_and_resumed(
    changed: Path, recipe: Recipe, trained: Path, tmp_path: Path, recorder: Recorder
) -> None:
    options: dict[str, Any] = {"device": "cpu", "workers": 0, "progress": recorder}
    training.train(changed, recipe, tmp_path / "whole", start_from=trained, **options)
    bundle = read_bundle(tmp_path / "whole")
    assert bundle.classes == ("agate", "dolomite", "自然铜")
    assert bundle.provenance["started from the model in"] == trained.name
    assert bundle.provenance["fingerprint of that model"] == read_bundle(trained).fingerprint()
    assert str(trained.parent) not in (tmp_path / "whole/model/config.json").read_text()
    said = [line for line in recorder.notices if "in place of" in line]
    assert [line.split(":")[0] for line in said] == ["backbone", "image_size"]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    # Before the first checkpoint, and after the first epoch.
    cases: dict[str, dict[str, Any]] = {"early": {}, "late": {"on_epoch": stop}}
    for name, when in cases.items():
        run = tmp_path / name
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            if not when:
                patch.setattr("mineral_recog.training.run.Trainer.run", stop)
            training.train(changed, recipe, run, start_from=trained, **options, **when)
        training.resume(changed, run, device="cpu", workers=0)
        assert have_same_weights(run, tmp_path / "whole")


def test_changed_model_is_reported_on_resume(
    changed: Path, recipe: Recipe, trained: Path, tmp_path: Path
) -> None:
    classes = ("agate", "dolomite", "自然铜")
    start = read_start(trained, classes, (), None).model_copy(update={"fingerprint": "other"})
    with pytest.raises(UserError, match="has changed since this run was started"):
        start_network(start, adapt_recipe(recipe, trained), classes, None)


def test_model_with_another_head_is_refused(trained: Path) -> None:
    with pytest.raises(UserError, match=r"needs head: cosine.*has linear.*--set pretrained="):
        adapt_recipe(read_recipe("ldam_drw"), trained)


def test_run_does_not_replace_the_model_it_goes_on_from(
    changed: Path, recipe: Recipe, trained: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    for model in (run, run / "model"):
        with pytest.raises(UserError, match="choose another --out"):
            training.train(
                changed, recipe, run, device="cpu", workers=0, force=True, start_from=model
            )
    assert json.loads((run / "model" / "config.json").read_text())["classes"]
