"""Weights of 16 bits: half the size, nearly the same outputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mineral_recog.export import half_weights
from mineral_recog.export.half_weights import halve_weights
from mineral_recog.models.onnx_file import check_onnx


@pytest.fixture
def content() -> bytes:
    """A network that multiplies by a large matrix and adds a small vector."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(64, 32)), "b": rng.normal(size=32)}
    tensors = [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["y"]),
    ]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, width])
        for name, width in (("x", 64), ("y", 32))
    )
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    return bytes(model.SerializeToString())


def test_large_weights_have_16_bits(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_weights, "MIN_SIZE", 1000)
    halved = halve_weights(content)
    check_onnx(halved)
    types = {t.name: t.data_type for t in onnx.load_from_string(halved).graph.initializer}
    assert types == {"w_16": TensorProto.FLOAT16, "b": TensorProto.FLOAT}
    x = np.random.default_rng(1).normal(size=(3, 64)).astype(np.float32)
    before, after = (_run(part, x) for part in (content, halved))
    np.testing.assert_allclose(after, before, atol=0.02)
    assert (after != before).any()


def test_weights_too_large_for_16_bits_stay(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half_weights, "MIN_SIZE", 1000)
    model = onnx.load_from_string(content)
    large = np.full((64, 32), 1e5, np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(large, "w"))
    halved = onnx.load_from_string(halve_weights(model.SerializeToString()))
    assert {t.name for t in halved.graph.initializer} == {"w", "b"}


def _run(content: bytes, x: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    return np.asarray(y)
