"""Bundles: reading returns what was saved, and refuses anything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from mineral_recog.calibration.calibration import Arrays, Calibration, fit_calibration
from mineral_recog.calibration.distance_ood import DistanceOodDetector
from mineral_recog.calibration.gate import fit_gate
from mineral_recog.errors import UserError
from mineral_recog.models import bundle_config
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.gate_network import build_gate, gate_features
from mineral_recog.models.heads import build_head
from mineral_recog.models.network import build_network

GROUPS = ("head", "tail")


def fit_test_calibration(width: int) -> Calibration:
    """Fit a calibration on two classes with three photos each."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    features = np.eye(2, width, dtype=np.float32)[labels]
    logits = np.array([[2, 0], [1, 0], [0, 1], [0, 2], [0, 3], [1, 0]], dtype=np.float32)
    return fit_calibration(features, labels, features, logits, labels, GROUPS)


def build_bundle(joined: bool = False) -> Bundle:
    """Return a bundle whose gate has weights of its own, or those of a joined backbone."""
    network = build_network("test_resnet", False, "auto", 32, classes=2, pretrained_features=joined)
    original = build_network("test_resnet", False, "auto", 32, classes=2).backbone
    gate = build_gate(network, None if joined else original)
    rng = np.random.default_rng(0)
    parts = [rng.random((6, width), dtype=np.float32) for width in gate.widths()]
    labels = np.repeat([0, 1], 3)
    calibration = replace(
        fit_test_calibration(network.classifier.in_features),
        gate=fit_gate(gate.image_size, parts, labels, parts, labels, np.arange(6.0)),
    )
    return Bundle(
        network, "test_resnet", "linear", ("金", "opal"), (9, 2), GROUPS, calibration, {}, gate
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build_bundle().save(tmp_path / "model")
    return tmp_path / "model"


def test_saved_bundle_is_read(folder: Path) -> None:
    bundle = read_bundle(folder.parent)
    assert bundle.classes == ("金", "opal")
    assert bundle.groups == ("head", "tail")
    same_bundle = read_bundle(folder)
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(bundle.network(pixels)[1], same_bundle.network(pixels)[1])
    names = {"config.json", "model.safetensors", "trust.safetensors", "gate.safetensors"}
    assert {path.name for path in folder.iterdir()} == names


@pytest.mark.parametrize("joined", [False, True])
def test_gate_is_read_and_its_weights_are_stored_once(tmp_path: Path, joined: bool) -> None:
    bundle = build_bundle(joined)
    bundle.save(tmp_path / "model")
    assert (tmp_path / "model" / "gate.safetensors").exists() == (not joined)
    read = read_bundle(tmp_path)
    assert bundle.gate is not None
    assert read.gate is not None
    pixels = torch.randint(0, 256, (2, 3, 160, 160), dtype=torch.uint8)
    expected = gate_features(bundle.network.eval(), bundle.gate, pixels)
    for mine, theirs in zip(gate_features(read.network, read.gate, pixels), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_bundle_of_version_6_is_bilinear(folder: Path) -> None:
    def as_version_6(config: dict[str, Any]) -> None:
        config["version"] = 6
        del config["preprocessing"]["interpolation"]

    edit_config(as_version_6, folder)
    assert read_bundle(folder).network.preprocessing.interpolation == "bilinear"


def test_bundle_of_version_4_has_no_gate(folder: Path) -> None:
    def as_version_4(config: dict[str, Any]) -> None:
        config["version"] = 4
        del config["gate_has_weights"], config["calibration"]["gate"]

    edit_config(as_version_4, folder)
    keep_arrays(folder, "gate_", wanted=False)
    bundle = read_bundle(folder)
    assert bundle.gate is None
    assert bundle.calibration.gate is None


def keep_arrays(folder: Path, prefix: str, wanted: bool) -> None:
    arrays = load_arrays(folder / "trust.safetensors")
    kept = {name: array for name, array in arrays.items() if name.startswith(prefix) == wanted}
    save_arrays(kept, folder / "trust.safetensors")


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_damaged_weights_of_the_gate_are_refused(folder: Path, damage: str) -> None:
    file = folder / "gate.safetensors"
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        save_file({"weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match=r"gate\.safetensors is damaged") as error:
        read_bundle(folder)
    assert "\n" not in str(error.value)


def test_gate_that_does_not_fit_the_backbone_is_refused(folder: Path) -> None:
    def without_second_part(config: dict[str, Any]) -> None:
        gate = config["calibration"]["gate"]
        gate["typical"], gate["spread"] = gate["typical"][1:], gate["spread"][1:]
        gate["novelty_overall"] = gate["novelty_weight"] = None

    edit_config(without_second_part, folder)
    for prefix in ("gate_1", "gate_novelty"):
        keep_arrays(folder, prefix, wanted=False)
    arrays = load_arrays(folder / "trust.safetensors")
    for kind in ("means", "directions"):
        arrays[f"gate_0_{kind}"] = arrays[f"gate_0_{kind}"][..., 1:].copy()
    save_arrays(arrays, folder / "trust.safetensors")
    with pytest.raises(UserError, match="gate does not fit the backbone"):
        read_bundle(folder)


def test_gate_of_version_5_has_no_part_in_the_ood_score(folder: Path) -> None:
    def as_version_5(config: dict[str, Any]) -> None:
        config["version"] = 5
        for name in ("texture_weight", "novelty_overall", "novelty_weight"):
            del config["calibration"]["gate"][name]

    edit_config(as_version_5, folder)
    keep_arrays(folder, "gate_novelty", wanted=False)
    gate = read_bundle(folder).calibration.gate
    assert gate is not None
    assert gate.novelty is None
    assert gate.texture_weight is None


def test_fingerprint_is_that_of_what_answers_depend_on(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert read_bundle(folder).fingerprint() == bundle.fingerprint()
    warmer = replace(bundle.calibration, temperature=bundle.calibration.temperature * 1.01)
    others = [
        replace(bundle, classes=("opal", "金")),
        replace(bundle, calibration=warmer),
        replace(bundle, provenance={"seed": "1"}),
    ]
    fingerprints = [other.fingerprint() for other in others]
    assert bundle.fingerprint() not in fingerprints[:2]
    assert bundle.fingerprint() == fingerprints[2]
    with torch.no_grad():
        next(bundle.network.classifier.parameters()).add_(1)
    assert bundle.fingerprint() not in fingerprints


def test_backbone_that_cannot_be_built_on_the_meta_device_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = timm.create_model

    def read_values(name: str, **settings: Any) -> torch.nn.Module:
        torch.linspace(0, 0.1, 3).tolist()  # as some timm models do; fails on the meta device
        return create(name, **settings)

    monkeypatch.setattr(timm, "create_model", read_values)
    assert read_bundle(folder).classes == ("金", "opal")


def test_saved_calibration_is_read(folder: Path) -> None:
    calibration = read_bundle(folder).calibration
    expected = fit_test_calibration(calibration.arrays()["class_means"].shape[1])
    assert replace(calibration, gate=None).values() == expected.values()
    assert replace(calibration, gate=None).arrays().keys() == expected.arrays().keys()
    for name, array in expected.arrays().items():
        assert np.array_equal(calibration.arrays()[name], array)
    assert calibration.conformal.groups == GROUPS


def edit_config(edit: Callable[[dict[str, Any]], None], folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text("utf-8"))
    edit(config)
    file.write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda c: c.update(version=1), "older version .*format 1.*train again"),
        (lambda c: (c.update(version=1), c.pop("calibration")), "older version"),
        (lambda c: c.update(version=9, new=1, provenance={"mineral-recog": "9.1"}),
         r"newer version .*mineral-recog 9\.1; format 9, this one reads 8.*pip install -U"),
        (lambda c: c.update(version=9, provenance=7), "newer version"),
        (lambda c: c.update(version="2"), "damaged .*version"),
        (lambda c: c["calibration"].update(temperature=0), "calibration.temperature"),
        (lambda c: c["calibration"].update(novelty_threshold=float("nan")), "novelty_threshold"),
        (lambda c: c["calibration"].update(val_counts=[6]), "val_counts of 1 classes, not 2"),
        (lambda c: c["calibration"].update(val_counts=[3, 4]), "conformal_scores"),
        (lambda c: c.update(classes=["金"]), "classes"),
        (lambda c: c.update(train_counts=[1]), "differ in length"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c["preprocessing"].update(image_size=10**9), "image_size"),
        (lambda c: c.update(classes=["a", "b", "c"], train_counts=[1] * 3, groups=["head"] * 3),
         "classifier"),
        (lambda c: c.update(backbone="test_vit"), r"32 px|do not fit"),
        (lambda c: c.update(classes=["../../etc", "opal"]), r"classes\.0: not a class name"),
        (lambda c: c.update(classes=["..", "opal"]), "not a class name"),
        (lambda c: c.update(classes=["\x1b[2J", "opal"]), "not a class name"),
        (lambda c: c.update(classes=["opal", "opal"]), "a class name is repeated"),
        (lambda c: c.update(backbone="\x1b[2Jresnet"), r"No backbone \\x1b\[2Jresnet"),
    ],
)  # fmt: skip
def test_invalid_config_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], None], reason: str
) -> None:
    edit_config(edit, folder)
    with pytest.raises(UserError, match=reason) as error:
        read_bundle(folder)
    assert "\n" not in str(error.value)


def test_bundle_of_version_2_has_the_center_share_of_that_version(folder: Path) -> None:
    def as_version_2(config: dict[str, Any]) -> None:
        config["version"] = 2
        del config["preprocessing"]["center_share"]

    edit_config(as_version_2, folder)
    assert read_bundle(folder).network.preprocessing.center_share == 0.875


def test_bundle_of_version_6_has_the_scale_of_that_version(folder: Path) -> None:
    def as_version_6(config: dict[str, Any]) -> None:
        config["version"], config["head"] = 6, "cosine"
        del config["head_scale"]

    edit_config(as_version_6, folder)
    assert bundle_config.read_config(folder / "config.json").head_scale == 30


def test_bundle_of_version_4_has_the_ood_score_of_that_version(folder: Path) -> None:
    def as_version_4(config: dict[str, Any]) -> None:
        config["version"] = 4
        del config["calibration"]["novelty_overall"]
        config["calibration"]["novelty_ordinary"] = 1.0

    edit_config(as_version_4, folder)
    arrays = load_arrays(folder / "trust.safetensors")
    del arrays["overall_mean"], arrays["overall_directions"]
    save_arrays(arrays, folder / "trust.safetensors")
    assert isinstance(read_bundle(folder).calibration.ood, DistanceOodDetector)


# Of each version, a digest of the names of everything in a bundle. If this fails, the fields have
# changed: give `VERSION` a new number, and add its digest here.
FIELDS = {
    2: "4d06ee81b432f93b",
    3: "04ba2c3d48e5eb2a",
    4: "ac79f393f55e0da2",
    5: "c0b6348dc87ae584",
    6: "2d0ecf56f2ecd7e5",
    7: "d5d5c8045f9aa001",
    8: "a113e02b0592e8bc",
}


def test_fields_change_only_with_the_version(folder: Path) -> None:
    def names(value: object) -> object:
        return {k: names(v) for k, v in value.items()} if isinstance(value, dict) else None

    config = json.loads((folder / "config.json").read_text("utf-8"))
    fields = [
        names(config),
        sorted(load_arrays(folder / "trust.safetensors")),
        *(sorted(build_head(head, 3, 2).state_dict()) for head in ("linear", "cosine")),
    ]
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    assert FIELDS.get(bundle_config.VERSION) == digest[:16], fields


def test_too_large_config_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (folder / "config.json").stat().st_size
    monkeypatch.setattr(bundle_config, "MAX_CONFIG_BYTES", size)
    read_bundle(folder)
    monkeypatch.setattr(bundle_config, "MAX_CONFIG_BYTES", size - 1)
    with pytest.raises(UserError, match=r"config\.json is damaged .*too large"):
        read_bundle(folder)


@pytest.mark.parametrize("text", ["", "[]", "{" * 100_000, "nul"])
def test_config_that_is_not_json_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        read_bundle(folder)


def test_truncated_or_non_finite_weights_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["classifier.bias"] = torch.tensor([float("nan"), 0.0])
    save_file(weights, file)
    with pytest.raises(UserError, match="not finite"):
        read_bundle(folder)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        read_bundle(folder)


def insert_nan(arrays: Arrays) -> None:
    arrays["class_means"][0, 0] = np.nan


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda a: a.update(class_means=a["class_means"][:, 1:].copy()), "class_means is not"),
        (lambda a: a.update(conformal_scores=a["conformal_scores"][1:].copy()), "conformal_scores"),
        (lambda a: a.update(class_means=a["class_means"].astype(np.float64)), "float32"),
        (lambda a: a.pop("class_means"), "wrong set of arrays: conformal_scores"),
        (lambda a: a.update(more=np.zeros(1, dtype=np.float32)), "wrong set of arrays: .*more"),
        (insert_nan, "finite"),
    ],
)
def test_calibration_that_does_not_fit_is_refused(
    folder: Path, edit: Callable[[Arrays], object], reason: str
) -> None:
    file = folder / "trust.safetensors"
    arrays = load_arrays(file)
    edit(arrays)
    save_arrays(arrays, file)
    with pytest.raises(UserError, match=rf"trust\.safetensors is damaged.*{reason}") as error:
        read_bundle(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [0, 7, 100])
def test_truncated_calibration_is_refused(folder: Path, size: int) -> None:
    file = folder / "trust.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(UserError, match=r"trust\.safetensors is damaged"):
        read_bundle(folder)


def test_missing_calibration_is_reported(folder: Path) -> None:
    (folder / "trust.safetensors").unlink()
    with pytest.raises(UserError, match=r"trust\.safetensors is damaged.*No such file"):
        read_bundle(folder)


def test_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained model"):
        read_bundle(tmp_path)


def test_small_file_cannot_allocate_much_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    real = timm.create_model

    def create_model(name: str, **settings: Any) -> torch.nn.Module:
        models.append(real(name, **settings))
        return models[-1]

    monkeypatch.setattr(timm, "create_model", create_model)
    edit_config(lambda c: c.update(backbone="vit_giant_patch14_dinov2"), folder)
    with pytest.raises(UserError, match=r"do not fit the backbone|32 px"):
        read_bundle(folder)
    assert all(value.is_meta for value in models[0].state_dict().values())
    assert len(models) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(position=st.integers(0, 100), value=JSON)
def test_any_value_in_the_config_is_read_or_refused(
    folder: Path, position: int, value: object
) -> None:
    text = (folder / "config.json").read_text("utf-8")
    config = json.loads(text)
    gate = config["calibration"]["gate"]
    parts = [config, config["calibration"], config["preprocessing"], gate]
    entries = [(part, key) for part in parts for key in part]
    part, key = entries[position % len(entries)]
    part[key] = value
    try:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        read_bundle(folder)
    except UserError as error:
        assert str(error).isprintable()
    finally:
        (folder / "config.json").write_text(text, encoding="utf-8")
