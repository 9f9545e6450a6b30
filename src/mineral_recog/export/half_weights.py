"""Weights of 16 bits in an ONNX file that computes with 32: half the size."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Numbers; smaller tensors save little, and their rounding would change the answers most.
MIN_SIZE = 2**15
MAX_VALUE = float(np.finfo(np.float16).max)


def halve_weights(content: bytes) -> bytes:
    """Return an ONNX file whose large float32 tensors are stored as float16.

    The first use of a tensor casts it, which onnxruntime does once, when it loads the file.
    """
    model = onnx.load_from_string(content)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < MIN_SIZE or np.abs(values).max() > MAX_VALUE:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_16"))
        casts.append(helper.make_node("Cast", [f"{name}_16"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]  # those of the tensors say float32
    halved: bytes = model.SerializeToString()
    return halved
