"""The engine of an export: onnxruntime, without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from mineral_recog.calibration.calibration import Calibration, restore_calibration
from mineral_recog.calibration.gate import Gate
from mineral_recog.cores import thread_count
from mineral_recog.data.evaluation_view import Pixels, Preprocessing
from mineral_recog.errors import BundleError, UserError, reason_of
from mineral_recog.files import open_regular
from mineral_recog.i18n import tr
from mineral_recog.models.engine import Floats, Model
from mineral_recog.models.export_config import (
    CALIBRATION,
    CONFIG,
    GATE,
    MODEL,
    ExportConfig,
    damaged_export_error,
    read_export_config,
)
from mineral_recog.models.onnx_file import check_onnx

MAX_BYTES = 2 * 2**30  # of a file of an export; protobuf allows no more
INPUT = "pixels"


class OnnxEngine:
    """Runs the networks of an export on the processor.

    Args:
        content: Bytes of model.onnx, checked by `check_onnx`.
        threads: Threads of the network; by default `thread_count`.
    """

    def __init__(self, content: bytes, threads: int | None = None) -> None:
        self.session = _build_session(content, threads or thread_count())
        self.has_maps = any(output.name == "class_maps" for output in self.session.get_outputs())
        self.gate: Any = None

    def add_gate(self, content: bytes) -> None:
        """Add the network of the gate: the bytes of gate.onnx, checked by `check_onnx`."""
        self.gate = _build_session(content, thread_count())

    def predict(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Return features and logits, see `Engine`."""
        features, logits = _run(self.session, ["features", "logits"], pixels)
        fits = all(rows.ndim == 2 and len(rows) == len(pixels) for rows in (features, logits))
        if not fits or not _all_finite(features, logits):
            raise _answer_error(tr("wrong or infinite outputs", "输出有误或不是有限数"))
        return features, logits

    def gate_features(self, pixels: Pixels) -> list[Floats]:
        """Return the features of the gate, see `Engine`."""
        assert self.gate is not None
        parts = _run(self.gate, [output.name for output in self.gate.get_outputs()], pixels)
        fits = all(rows.ndim == 2 and len(rows) == len(pixels) for rows in parts)
        if not fits or not _all_finite(*parts):
            raise _answer_error(tr("wrong or infinite outputs", "输出有误或不是有限数"))
        return parts

    def class_map(self, pixels: Pixels, label: int) -> Floats | None:
        """Return the map of a class, see `Engine`."""
        if not self.has_maps:
            return None
        (maps,) = _run(self.session, ["class_maps"], pixels[None])
        if maps.ndim != 4 or len(maps) != 1 or not _all_finite(maps):
            raise _answer_error(tr("wrong or infinite outputs", "输出有误或不是有限数"))
        return np.asarray(maps[0, label])


def gate_outputs(count: int) -> list[str]:
    """Return the names of the outputs of gate.onnx."""
    return [f"gate_{k}" for k in range(count)]


def _run(session: Any, names: list[str], pixels: Pixels) -> list[Floats]:
    """Run a network.

    Raises:
        BundleError: onnxruntime cannot run it.
    """
    try:
        outputs: list[Floats] = session.run(names, {INPUT: pixels})
    except Exception as error:  # onnxruntime raises classes of its own without a common base
        raise _answer_error(str(error)) from None
    return outputs


def _all_finite(*arrays: Floats) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)


def _answer_error(reason: str) -> BundleError:
    reason = " ".join(reason.split())[:160]
    return BundleError(
        tr(
            f"The exported model cannot answer ({reason}): export the run again.",
            f"导出的模型无法回答（{reason}）：请重新导出。",
        )
    )


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
        if calibration.gate is not None:
            path = folder / GATE
            content = _read(path, config.sha256["gate.onnx"])
            check_onnx(content)
            engine.add_gate(content)
            _check_gate(engine.gate, calibration.gate)
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
    if not path.exists():
        raise ValueError(tr("it is missing", "文件缺失"))
    with open_regular(path) as file:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(tr("too large", "文件过大"))
        content = file.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(tr("it is not the file that model.json describes", "与 model.json 不符"))
    return content


def _check_shapes(session: Any, config: ExportConfig) -> None:
    """Refuse a network whose input or outputs are not those of model.json."""
    expected = {"features": [config.features], "logits": [len(config.classes)]}
    if maps := config.outputs.get("class_maps"):
        expected["class_maps"] = [len(config.classes), *map(int, maps[2:4])]
    _refuse_other_shapes(session, config.preprocessing.image_size, expected)


def _check_gate(session: Any, gate: Gate) -> None:
    """Refuse a gate whose input or outputs do not fit the calibration."""
    names = gate_outputs(len(gate.parts))
    expected = {name: [width] for name, width in zip(names, gate.widths, strict=True)}
    _refuse_other_shapes(session, gate.image_size, expected)


def _refuse_other_shapes(session: Any, size: int, expected: Mapping[str, list[int]]) -> None:
    """Refuse a network unless it takes views of a size and has outputs of these shapes."""
    inputs = [(i.name, i.type, i.shape[1:]) for i in session.get_inputs()]
    outputs = {o.name: (o.type, o.shape[1:]) for o in session.get_outputs()}
    fits = inputs == [(INPUT, "tensor(uint8)", [size, size, 3])] and outputs == {
        name: ("tensor(float)", shape) for name, shape in expected.items()
    }
    if not fits:
        raise ValueError(
            tr("its input or outputs do not fit model.json", "输入或输出与 model.json 不符")
        )


def _calibration(config: ExportConfig, content: bytes) -> Calibration:
    arrays = load_arrays(content)
    return restore_calibration(config.calibration, arrays, config.groups, config.features)
