"""The engine of an export: onnxruntime, without torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from mineral_recog.calibration.calibration import Calibration, restore_calibration
from mineral_recog.cores import thread_count
from mineral_recog.data.evaluation_view import Pixels, Preprocessing
from mineral_recog.errors import UserError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.models.engine import Floats, Model
from mineral_recog.models.export_config import (
    CALIBRATION,
    CONFIG,
    MODEL,
    ExportConfig,
    damaged_export_error,
    read_export_config,
)
from mineral_recog.models.onnx_file import check_onnx

MAX_BYTES = 2 * 2**30  # of a file of an export; protobuf allows no more
INPUT = "pixels"


class OnnxEngine:
    """Runs the network of an export on the processor.

    Args:
        content: Bytes of model.onnx, checked by `check_onnx`.
        threads: Threads of the network; by default `thread_count`.
    """

    def __init__(self, content: bytes, threads: int | None = None) -> None:
        self.session = _build_session(content, threads or thread_count())
        self.has_maps = any(output.name == "class_maps" for output in self.session.get_outputs())

    def predict(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Return features and logits, see `Engine`."""
        features, logits = self.session.run(["features", "logits"], {INPUT: pixels})
        return features, logits

    def class_map(self, pixels: Pixels, label: int) -> Floats | None:
        """Return the map of a class, see `Engine`."""
        if not self.has_maps:
            return None
        maps: Floats = self.session.run(["class_maps"], {INPUT: pixels[None]})[0]
        return np.asarray(maps[0, label])


def _build_session(content: bytes, threads: int) -> Any:
    """Return an onnxruntime session for the bytes of a checked ONNX file.

    Raises:
        ValueError: onnxruntime cannot run it, with the reason.
    """
    import onnxruntime  # only exports need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait take the cores of those that decode photos.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised
    try:
        return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own without a common base
        raise ValueError(str(error)) from None


def is_export(folder: Path) -> bool:
    """Return whether a folder holds an export."""
    return (folder / CONFIG).is_file()


def read_export(folder: Path, device: str = "auto") -> Model:
    """Read an export.

    Args:
        folder: Folder with model.json, model.onnx and trust.safetensors.
        device: `auto` or `cpu`; an export runs on the processor.

    Raises:
        UserError: A file is missing, damaged, of another version, or does not fit the others; or
            the device is another one.
    """
    if device not in ("auto", "cpu"):
        raise UserError(
            tr(
                f"An export runs on the processor, not on {device}: use --device auto, or give the "
                "run folder.",
                f"导出的模型在处理器上运行，不能用 {device}：请用 --device auto，"
                "或给出运行文件夹。",
            )
        )
    config, digest = read_export_config(folder / CONFIG)
    try:
        path = folder / MODEL
        content = _read(path, config.sha256["model.onnx"])
        check_onnx(content)
        engine = OnnxEngine(content)
        _check_shapes(engine.session, config)
        path = folder / CALIBRATION
        calibration = _calibration(config, _read(path, config.sha256["trust.safetensors"]))
    except (OSError, ValueError, SafetensorError) as error:
        raise damaged_export_error(path, reason_of(error)) from None
    return Model(
        engine,
        config.classes,
        Preprocessing(**config.preprocessing.model_dump()),
        calibration,
        config.features,
        digest,  # it covers the digests of the other files
        config.provenance,
    )


def _read(path: Path, sha256: str) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(tr("too large", "文件过大"))
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(tr("it is not the file that model.json describes", "与 model.json 不符"))
    return content


def _check_shapes(session: Any, config: ExportConfig) -> None:
    """Refuse a network whose input or outputs are not those of model.json."""
    size = config.preprocessing.image_size
    inputs = [(i.name, i.type, i.shape[1:]) for i in session.get_inputs()]
    outputs = {o.name: (o.type, o.shape[1:2]) for o in session.get_outputs()}
    expected = {"features": config.features, "logits": len(config.classes)}
    if "class_maps" in outputs:
        expected["class_maps"] = len(config.classes)
    fits = inputs == [(INPUT, "tensor(uint8)", [size, size, 3])] and outputs == {
        name: ("tensor(float)", [width]) for name, width in expected.items()
    }
    if not fits:
        raise ValueError(
            tr("its input or outputs do not fit model.json", "输入或输出与 model.json 不符")
        )


def _calibration(config: ExportConfig, content: bytes) -> Calibration:
    arrays = load_arrays(content)
    return restore_calibration(config.calibration, arrays, config.groups, config.features)
