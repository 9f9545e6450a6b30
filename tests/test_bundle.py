"""Bundles: whole, and refused when they are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mineral_recog.bundle import Bundle, read_bundle
from mineral_recog.errors import UserError
from mineral_recog.method.model import build_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    groups = ("head", "tail")
    Bundle(network, "test_resnet", "linear", ("金", "opal"), (9, 2), groups, {}).save(
        tmp_path / "model"
    )
    return tmp_path / "model"


def test_what_is_saved_is_read(folder: Path) -> None:
    bundle = read_bundle(folder.parent)
    assert bundle.classes == ("金", "opal")
    assert bundle.groups == ("head", "tail")
    again = read_bundle(folder)
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(bundle.network(pixels)[1], again.network(pixels)[1])
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}


def change(edit: Callable[[dict[str, Any]], None], folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text("utf-8"))
    edit(config)
    file.write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda c: c.update(version=2), "version"),
        (lambda c: c.update(classes=["金"]), "classes"),
        (lambda c: c.update(train_counts=[1]), "differ in length"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c["preprocessing"].update(image_size=10**9), "image_size"),
        (lambda c: c.update(classes=["a", "b", "c"], train_counts=[1] * 3, groups=["head"] * 3),
         "classifier"),
        (lambda c: c.update(backbone="test_vit"), r"32 px|do not fit"),
    ],
)  # fmt: skip
def test_a_config_that_is_wrong_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], None], reason: str
) -> None:
    change(edit, folder)
    with pytest.raises(UserError, match=reason) as told:
        read_bundle(folder)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["", "[]", "{" * 100_000, "nul"])
def test_a_config_that_is_no_json_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        read_bundle(folder)


def test_weights_that_are_torn_or_not_finite_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["classifier.bias"] = torch.tensor([float("nan"), 0.0])
    save_file(weights, file)
    with pytest.raises(UserError, match="not finite"):
        read_bundle(folder)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        read_bundle(folder)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained model"):
        read_bundle(tmp_path)
