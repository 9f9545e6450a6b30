"""Backbones of timm, by name."""

from __future__ import annotations

from typing import Any

import timm
from torch import nn

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr

CUSTOM_PREFIX = "given:"  # of the name of a backbone that is not from timm
# Errors that networks raise for images of a size that they do not support.
SIZE_ERRORS = (RuntimeError, AssertionError, ValueError)


def backbone_name(backbone: nn.Module) -> str:
    """Return the name in recipes and bundles of a backbone that is given in Python."""
    return f"{CUSTOM_PREFIX}{type(backbone).__name__}"


def create_backbone(name: str, image_size: int, pretrained: bool = False) -> nn.Module:
    """Create a backbone with random weights, or with those of timm's hub.

    Raises:
        UserError: The name is unknown, or the backbone does not support the image size.
    """
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
        raise unsupported_size_error(image_size, error) from None
    return backbone


def unsupported_size_error(size: int, error: Exception) -> UserError:
    """Return the error of a backbone for images of a size that it does not support."""
    return UserError(
        tr(
            f"This backbone does not support images of {size} px ({error}): set another "
            "image_size.",
            f"此骨干网络不支持 {size} 像素的图像（{error}）：请改 image_size。",
        )
    )
