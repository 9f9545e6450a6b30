"""int8 weights and activations for an ONNX file, measured on validation photos."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
from onnxruntime.quantization.shape_inference import quant_pre_process

from mineral_recog.data.evaluation_view import Pixels
from mineral_recog.i18n import tr
from mineral_recog.models.engine import Floats
from mineral_recog.models.onnx_engine import INPUT, OnnxEngine
from mineral_recog.progress import Progress

LAYERS = ("Conv", "Gemm", "MatMul", "Add")  # in pairs with what follows them; all else is cheap
MAX_PHOTOS = 128  # to calibrate with; more change the ranges of activations little
MAX_TRIED_PHOTOS = 32  # to measure the layers one by one with
MAX_ERROR = 0.05  # of the logits, by one layer, over their standard deviation
BATCH = 8


@dataclass(frozen=True)
class Int8Graph:
    """An ONNX file with int8 layers.

    Attributes:
        content: Its bytes.
        layers: Number of its layers that could be int8.
        left_out: Those of them that are float32, since int8 would change the logits too much.
    """

    content: bytes
    layers: int
    left_out: tuple[str, ...]


def quantise(content: bytes, views: Pixels, progress: Progress) -> Int8Graph:
    """Return an ONNX file with int8 layers: static, weights per channel.

    Each layer is tried in int8 alone. Those that change the logits by more than MAX_ERROR stay
    float32: of efficientnet-lite0 the first two or three, which have few channels of very different
    size.

    Args:
        content: ONNX file of float32.
        views: Views of validation photos, [M, S, S, 3], in random order.
        progress: Receives progress.

    Raises:
        ValueError: onnxruntime cannot quantise the network.
    """
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # onnxruntime advises steps that are done here
    try:
        with tempfile.TemporaryDirectory() as folder:
            quantiser = _Quantiser(content, views[:MAX_PHOTOS], Path(folder))
            tried = views[:MAX_TRIED_PHOTOS]
            expected = _logits(content, tried)
            task = progress.start(tr("trying int8 layers", "逐层试用 int8"), len(quantiser.layers))
            left_out = []
            for layer in quantiser.layers:
                error = _logits(quantiser.quantised([layer]), tried) - expected
                if np.sqrt(np.square(error).mean()) > MAX_ERROR * expected.std():
                    left_out.append(layer)
                task.step()
            kept = [layer for layer in quantiser.layers if layer not in left_out]
            return Int8Graph(
                quantiser.quantised(kept) if kept else content,
                len(quantiser.layers),
                tuple(left_out),
            )
    finally:
        logging.disable(disabled)


class _Quantiser:
    """A float32 network with the ranges of its activations.

    Args:
        content: ONNX file of float32.
        views: Views to measure the ranges on.
        folder: Folder for temporary files.
    """

    def __init__(self, content: bytes, views: Pixels, folder: Path) -> None:
        original, prepared = folder / "original.onnx", folder / "prepared.onnx"
        original.write_bytes(content)
        # Folds normalisation into convolutions, and names the shapes.
        quant_pre_process(str(original), str(prepared), skip_symbolic_shape=True)
        self.model = load_model_with_shape_infer(prepared)
        self.layers = [node.name for node in self.model.graph.node if node.op_type in LAYERS]
        calibrator = create_calibrator(
            prepared,
            list(LAYERS),
            augmented_model_path=str(folder / "augmented.onnx"),
            calibrate_method=CalibrationMethod.MinMax,
        )
        calibrator.collect_data(_Reader(views))
        self.ranges = calibrator.compute_data()

    def quantised(self, layers: Sequence[str]) -> bytes:
        """Return the ONNX file with some of its layers, at least one, in int8."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        quantiser = QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=self.ranges,
            nodes_to_quantize=list(layers),
            nodes_to_exclude=[],
            op_types_to_quantize=list(LAYERS),
            extra_options={},
        )
        quantiser.quantize_model()
        content: bytes = quantiser.model.model.SerializeToString()
        return content


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands views to onnxruntime's calibration, one by one."""

    def __init__(self, views: Pixels) -> None:
        self.views: Iterator[Pixels] = iter(views)

    def get_next(self) -> dict[str, Pixels] | None:
        """Return the next input; None after the last."""
        view = next(self.views, None)
        return None if view is None else {INPUT: view[None]}


def _logits(content: bytes, views: Pixels) -> Floats:
    engine = OnnxEngine(content)
    starts = range(0, len(views), BATCH)
    return np.concatenate([engine.predict(views[start : start + BATCH])[1] for start in starts])
