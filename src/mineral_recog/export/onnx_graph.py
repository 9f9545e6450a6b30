"""A trained network as an ONNX file: pixels of a view in, features, logits and class maps out."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import numpy as np
import torch
from torch import Tensor, nn

from mineral_recog.errors import UserError, is_out_of_memory, reason_of
from mineral_recog.i18n import tr
from mineral_recog.models.gate_network import GateNetwork
from mineral_recog.models.heads import CosineHead
from mineral_recog.models.network import Network
from mineral_recog.models.onnx_engine import INPUT, OnnxEngine, gate_outputs
from mineral_recog.models.onnx_file import check_onnx
from mineral_recog.models.torch_engine import TorchEngine, feature_map
from mineral_recog.models.views import other_views
from mineral_recog.text import one_line

OPSET = 20  # written and read by every release of onnxruntime since 1.17
BATCH = 3  # views that the graph is traced and checked with
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # which torch's exporter puts into its messages
TOLERANCE = 1e-3  # of logits and features, relative to their largest value


@dataclass(frozen=True)
class OnnxGraph:
    """An ONNX file.

    Attributes:
        content: Its bytes.
        opset: Version of its operators.
        map_side: Rows and columns of its class maps; None without them.
    """

    content: bytes
    opset: int
    map_side: tuple[int, int] | None


class _Graph(nn.Module):
    """What the ONNX file computes: normalisation, network, other views and class maps."""

    def __init__(self, network: Network, with_maps: bool) -> None:
        super().__init__()
        self.network, self.with_maps = network, with_maps

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return features [B, D], logits [B, C] and class maps [B, C, rows, columns]."""
        network = self.network
        photos = (pixels.permute(0, 3, 1, 2).float() - network.mean) / network.std
        count = network.preprocessing.test_views
        # As one batch, so that each layer, and with int8 its weights, is in the file once.
        views = torch.cat([photos, *other_views(photos, count)]) if count > 1 else photos
        if self.with_maps:
            maps = network.backbone.forward_features(views)  # type: ignore[operator]
            features = maps.mean(dim=(2, 3))
        else:
            features = network.backbone(views)
        outputs = [features, network.classifier(features)]
        if count > 1:
            outputs = [rows.unflatten(0, (count, -1)) for rows in outputs]
        if self.with_maps:  # of the photo alone
            first = [rows[0] for rows in outputs] if count > 1 else outputs
            gradients = self._gradients(*first)
            batch = "b" if gradients.ndim == 3 else ""
            maps = maps.unflatten(0, (count, -1))[0] if count > 1 else maps
            outputs.append(torch.einsum(f"{batch}cd,bdhw->bchw", gradients, maps))
        if count > 1:
            outputs[:2] = [rows.mean(dim=0) for rows in outputs[:2]]
        return tuple(outputs)

    def _gradients(self, features: Tensor, logits: Tensor) -> Tensor:
        """Return the gradient of each class's logit minus the mean logit, [B, C, D] or [C, D]."""
        head = self.network.classifier
        weight = head.weight
        if isinstance(head, CosineHead):  # of s cos(w, f): s / |f| (w / |w| - cos(w, f) f / |f|)
            norm = features.norm(dim=1)[:, None, None].clamp(min=1e-12)
            direction = features[:, None, :] / norm
            rows = nn.functional.normalize(weight)[None]
            gradients = (head.scale * rows - logits[:, :, None] * direction) / norm
        else:
            gradients = weight
        centred: Tensor = gradients - gradients.mean(dim=-2, keepdim=True)
        return centred


def build_onnx(network: Network) -> OnnxGraph:
    """Return a network as an ONNX file, checked against the network itself.

    Args:
        network: Network on the CPU, in evaluation mode.

    Raises:
        UserError: The network cannot be written as ONNX, or the file would answer otherwise.
    """
    size = network.preprocessing.image_size
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    pixels = torch.from_numpy(views)
    maps = feature_map(network, pixels.permute(0, 3, 1, 2))
    side = None if maps is None else (int(maps.shape[2]), int(maps.shape[3]))
    try:
        names = ["features", "logits", *(["class_maps"] if side is not None else [])]
        content, opset = _export(_Graph(network, side is not None).eval(), pixels, names)
        check_onnx(content)
        _refuse_other_answers(network, OnnxEngine(content), views)
    except Exception as error:  # exporter and onnxruntime raise errors of many libraries
        if is_out_of_memory(error):
            raise
        raise _unsupported_error(network, reason_of(error)) from None
    return OnnxGraph(content, opset, side)


def build_gate_onnx(network: Network, gate: GateNetwork) -> bytes:
    """Return the gate of a network as an ONNX file, checked against the gate itself.

    Args:
        network: Network of the classifier, on the CPU, in evaluation mode.
        gate: Its gate, on the CPU.

    Raises:
        UserError: The gate cannot be written as ONNX, or the file would answer otherwise.
    """
    size = gate.image_size
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    names = gate_outputs(len(gate.widths()))
    try:
        content, _ = _export(_GateGraph(network, gate).eval(), torch.from_numpy(views), names)
        check_onnx(content)
        engines = TorchEngine(network, gate), OnnxEngine(content)
        engines[1].add_gate(content)
        for batch in (views, views[:1]):
            parts = [engine.gate_features(batch) for engine in engines]
            _refuse_differences(zip(*parts, strict=True))
    except Exception as error:  # exporter and onnxruntime raise errors of many libraries
        if is_out_of_memory(error):
            raise
        raise _unsupported_error(network, reason_of(error)) from None
    return content


class _GateGraph(nn.Module):
    """What the ONNX file of a gate computes: normalisation and features."""

    def __init__(self, network: Network, gate: GateNetwork) -> None:
        super().__init__()
        self.network, self.gate = network, gate

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return the features of each part of the gate, [B, D]."""
        photos = (pixels.permute(0, 3, 1, 2).float() - self.network.mean) / self.network.std
        features: tuple[Tensor, ...] = self.gate(photos)
        return features


def _export(graph: nn.Module, pixels: Tensor, names: list[str]) -> tuple[bytes, int]:
    """Return the bytes of an ONNX file with outputs of these names, and its operators' version."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.ERROR)
        try:
            program = torch.onnx.export(
                graph,
                (pixels,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=names,
                dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
                external_data=False,
                verbose=False,
            )
        finally:
            logging.disable(before)
    assert program is not None
    proto = program.model_proto
    opset = next(entry.version for entry in proto.opset_import if entry.domain == "")
    return proto.SerializeToString(), opset


def _refuse_other_answers(network: Network, engine: OnnxEngine, views: np.ndarray) -> None:
    """Refuse a file whose outputs differ from those of the network, for one view or several."""
    if not isinstance(engine.session.get_inputs()[0].shape[0], str):
        raise ValueError(tr("it takes batches of one size only", "只接受一种批大小"))
    torch_engine = TorchEngine(network)
    for batch in (views, views[:1]):
        pairs = list(zip(torch_engine.predict(batch), engine.predict(batch), strict=True))
        maps = [runner.class_map(batch[0], 1) for runner in (torch_engine, engine)]
        if maps[0] is not None and maps[1] is not None:
            pairs.append((maps[0], maps[1]))
        _refuse_differences(pairs)


def _refuse_differences(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    """Refuse outputs that differ from the expected ones, which come first in each pair."""
    for expected, actual in pairs:
        difference = np.abs(actual - expected).max()
        if actual.shape != expected.shape or not difference <= TOLERANCE * np.abs(expected).max():
            raise ValueError(
                tr(
                    f"its outputs differ from those of torch by {difference:.2g}",
                    f"其输出与 torch 的输出相差 {difference:.2g}",
                )
            )


def _unsupported_error(network: Network, reason: str) -> UserError:
    name = type(network.backbone).__name__
    reason = one_line(_COLOUR.sub("", reason))
    return UserError(
        tr(
            f"The backbone {name} cannot be written as ONNX ({reason}): keep the run, or train "
            "with another backbone.",
            f"骨干网络 {name} 无法写成 ONNX（{reason}）：请继续使用运行文件夹，或换用其他骨干网络"
            "训练。",
        )
    )
