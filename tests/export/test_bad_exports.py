"""A damaged or hostile export is refused in one line, before anything of it runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays

from mineral_recog.errors import UserError
from mineral_recog.identify.identifier import load
from mineral_recog.models.onnx_file import check_onnx

Config = dict[str, Any]


def change_graph(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change model.onnx, and let model.json describe the new file."""
    model = onnx.load(folder / "model.onnx")
    change(model)
    write_onnx(folder, model.SerializeToString())


def write_onnx(folder: Path, content: bytes) -> None:
    (folder / "model.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_config(folder, lambda config: config["sha256"].update({"model.onnx": digest}))


def change_config(folder: Path, change: Callable[[Config], object]) -> None:
    path = folder / "model.json"
    config = json.loads(path.read_text("utf-8"))
    change(config)
    path.write_text(json.dumps(config), "utf-8")


def swap_gate(folder: Path) -> None:
    """Put another network in the place of the gate."""
    content = (folder / "model.onnx").read_bytes()
    (folder / "gate.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_config(folder, lambda config: config["sha256"].update({"gate.onnx": digest}))


def weights_of(model: onnx.ModelProto) -> TensorProto:
    largest: TensorProto = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    return largest


def nan_weights(model: onnx.ModelProto) -> None:
    weights = weights_of(model)
    values = numpy_helper.to_array(weights).copy()
    values.flat[0] = np.nan
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))


def external_weights(model: onnx.ModelProto) -> None:
    weights = weights_of(model)
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "../../secret.bin"


def huge_weights(model: onnx.ModelProto) -> None:
    weights = weights_of(model)
    del weights.dims[:]
    weights.dims.extend([2**20, 2**20, 2**10])


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "Launch"


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def loop(model: onnx.ModelProto) -> None:
    model.graph.node.append(
        helper.make_node("Loop", [], [], body=helper.make_graph([], "b", [], []))
    )


def body(model: onnx.ModelProto) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    node.attribute.append(helper.make_attribute("g", helper.make_graph([], "b", [], [])))
    model.graph.node.append(node)


def other_output(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def nan_numbers(model: onnx.ModelProto) -> None:
    weights = weights_of(model)
    count = np.prod(weights.dims)
    weights.ClearField("raw_data")
    weights.float_data.extend([float("nan")] * int(count))


def hide_operator(content: bytes) -> bytes:
    """Repeat the operator of a node: protobuf takes the last, a careless reader the first."""
    node = helper.make_node("Relu", ["x"], ["y"]).SerializeToString()
    hidden = node + helper.make_node("Loop", [], []).SerializeToString()
    graph = bytes([0x0A, len(hidden)]) + hidden
    hidden_graph: bytes = bytes([0x3A, len(graph)]) + graph
    return hidden_graph + content


def hide_field(content: bytes) -> bytes:
    """Give a field a number that protobuf cuts to that of functions."""
    number, tag = (1 << 32) | (25 << 3) | 2, bytearray()
    while number >= 128:
        tag.append(number & 127 | 128)
        number >>= 7
    return content + bytes([*tag, number, 0])


def divide_logits_by_zero(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "zero"))
    for node in model.graph.node:
        for position, name in enumerate(node.output):
            if name == "logits":
                node.output[position] = "before"
    model.graph.node.append(helper.make_node("Div", ["before", "zero"], ["logits"]))


def test_infinite_outputs_are_no_answer(exported: Path, prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(exported, folder)
    change_graph(folder, divide_logits_by_zero)
    photo = next((prepared / "test").rglob("*.png"))
    with pytest.raises(UserError, match=r"cannot answer .*export the run again"):
        load(folder).identify(photo)


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda f: change_graph(f, nan_weights), "model.onnx is damaged .*not finite"),
        (lambda f: change_graph(f, nan_numbers), "model.onnx is damaged .*not finite"),
        (
            lambda f: write_onnx(f, hide_operator((f / "model.onnx").read_bytes())),
            "model.onnx is damaged .*field is repeated",
        ),
        (
            lambda f: write_onnx(f, hide_field((f / "model.onnx").read_bytes())),
            "model.onnx is damaged .*not an ONNX",
        ),
        (lambda f: change_graph(f, external_weights), "model.onnx is damaged .*another file"),
        (lambda f: change_graph(f, huge_weights), "model.onnx is damaged .*wrong size"),
        (lambda f: change_graph(f, unknown_operator), "unknown operator Launch"),
        (lambda f: change_graph(f, foreign_operator), r"unknown operator com\.example"),
        (lambda f: change_graph(f, loop), "unknown operator Loop"),
        (lambda f: change_graph(f, body), "Relu has a body"),
        (lambda f: change_graph(f, other_output), "model.onnx is damaged"),
        (lambda f: write_onnx(f, (f / "model.onnx").read_bytes()[:-1000]), "model.onnx is damaged"),
        (lambda f: write_onnx(f, b""), "holds no network"),
        (lambda f: write_onnx(f, b"\xff" * 100), "model.onnx is damaged .*not an ONNX"),
        (lambda f: (f / "model.onnx").write_bytes(b"x"), "not the file that model.json describes"),
        (lambda f: (f / "model.onnx").unlink(), "model.onnx is damaged"),
        (lambda f: (f / "trust.safetensors").write_bytes(b"x"), "trust.safetensors is damaged"),
        (lambda f: (f / "trust.safetensors").unlink(), "trust.safetensors is damaged"),
        (lambda f: change_config(f, lambda c: c.update(version=9)), "format 9.*reads 4"),
        (lambda f: (f / "gate.onnx").unlink(), "gate.onnx is damaged"),
        (lambda f: (f / "gate.onnx").write_bytes(b"x"), "gate.onnx is damaged"),
        (lambda f: swap_gate(f), "gate.onnx is damaged .*do not fit model.json"),
        (lambda f: change_config(f, lambda c: c["sha256"].pop("gate.onnx")), "incomplete"),
        (lambda f: change_config(f, lambda c: c["calibration"].pop("gate")), "incomplete"),
        (
            lambda f: change_config(f, lambda c: c["calibration"]["gate"].update(image_size=64)),
            "gate.onnx is damaged .*do not fit model.json",
        ),
        (
            lambda f: change_config(f, lambda c: c["calibration"]["gate"].update(spread=[1, 0])),
            "calibration.gate.spread",
        ),
        (lambda f: change_config(f, lambda c: c.update(format="other")), "model.json is damaged"),
        (lambda f: change_config(f, lambda c: c.update(classes=["a", "b"])), "differ in length"),
        (lambda f: change_config(f, lambda c: c.update(new=1)), "model.json is damaged"),
        (lambda f: change_config(f, lambda c: c.update(features=9)), "do not fit model.json"),
        (
            lambda f: change_config(f, lambda c: c["preprocessing"].update(image_size=64)),
            "do not fit model.json",
        ),
        (lambda f: (f / "model.json").write_text("{"), "model.json is damaged"),
    ],
)
def test_broken_export_is_refused(
    exported: Path, tmp_path: Path, break_it: Callable[[Path], object], error: str
) -> None:
    folder = tmp_path / "export"
    shutil.copytree(exported, folder)
    break_it(folder)
    with pytest.raises(UserError, match=error) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_export_of_version_1_has_no_gate(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(exported, folder)
    (folder / "gate.onnx").unlink()
    arrays = load_arrays(folder / "trust.safetensors")
    old = {name: array for name, array in arrays.items() if not name.startswith("gate_")}
    save_arrays(old, folder / "trust.safetensors")
    digest = hashlib.sha256((folder / "trust.safetensors").read_bytes()).hexdigest()

    def as_version_1(config: Config) -> None:
        config["version"] = 1
        del config["sha256"]["gate.onnx"], config["calibration"]["gate"]
        config["sha256"]["trust.safetensors"] = digest

    change_config(folder, as_version_1)
    identifier = load(folder)
    assert identifier.identify(np.zeros((40, 40, 3), np.uint8)).gate_score is None


def test_export_runs_on_the_processor(exported: Path) -> None:
    with pytest.raises(UserError, match="runs on the processor, not on cuda"):
        load(exported, device="cuda")


def test_every_cut_of_an_onnx_file_is_refused_or_whole(exported: Path) -> None:
    content = (exported / "model.onnx").read_bytes()
    check_onnx(content)
    rng = np.random.default_rng(0)
    for end in rng.integers(1, len(content), 50).tolist():
        with pytest.raises(ValueError, match=r"\w"):
            check_onnx(content[:end])
    for position in rng.integers(0, len(content), 200).tolist():  # any byte, changed
        changed = bytearray(content)
        changed[position] ^= 255
        try:
            check_onnx(bytes(changed))
        except ValueError:
            continue
