"""Checks an ONNX file before any of it is run, by reading its protobuf fields.

Numbers of fields are those of onnx.proto (https://github.com/onnx/onnx).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from mineral_recog.i18n import tr

# Operators of networks that classify photos. None has a body of its own (Loop, If, Scan), none is
# a vendor's, and none reads a file.
_NAMES = """
    Add And AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv
    DequantizeLinear Div Dropout Einsum Equal Erf Exp Expand Flatten Gather GatherElements GatherND
    Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GroupNormalization HardSigmoid HardSwish
    Identity InstanceNormalization LayerNormalization LeakyRelu Less Log MatMul Max MaxPool Min
    Mish Mod Mul Neg Not Or Pad Pow PRelu QuantizeLinear Range Reciprocal ReduceL2 ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    RMSNormalization Round ScatterND Shape Sigmoid Size Slice Softmax Softplus Split Sqrt Squeeze
    Sub Sum Swish Tanh Tile Transpose Trilu Unsqueeze Where
"""
OPERATORS = frozenset(_NAMES.split())
_FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # TensorProto.DataType
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}


def check_onnx(content: bytes) -> None:
    """Check that an ONNX file is whole in itself and has only known operators and finite weights.

    Raises:
        ValueError: It is not, with the reason.
    """
    graphs = 0
    for field, value in _fields(memoryview(content)):
        if field == 7:  # graph
            graphs += 1
            _check_graph(_message(value))
        elif field == 25:  # functions
            raise ValueError(tr("it defines functions", "其中定义了函数"))
    if graphs != 1:
        raise ValueError(tr("it holds no network", "其中没有网络"))


def _check_graph(graph: memoryview) -> None:
    for field, value in _fields(graph):
        if field == 1:
            _check_node(_message(value))
        elif field == 5:
            _check_tensor(_message(value))
        elif field == 15:
            raise ValueError(tr("it holds sparse tensors", "其中有稀疏张量"))


def _check_node(node: memoryview) -> None:
    fields = list(_fields(node))
    _refuse_repeated(fields, (4, 7))
    operator = next((_text(value) for field, value in fields if field == 4), "")
    domain = next((_text(value) for field, value in fields if field == 7), "")
    if domain not in ("", "ai.onnx") or operator not in OPERATORS:
        name = f"{domain}.{operator}".strip(".")[:60]
        raise ValueError(tr(f"unknown operator {name}", f"未知的算子 {name}"))
    for field, attribute in fields:
        if field != 5:
            continue
        for part, value in _fields(_message(attribute)):
            if part in (6, 11):  # graphs
                raise ValueError(tr(f"operator {operator} has a body", f"算子 {operator} 含有子图"))
            if part in (5, 10):
                _check_tensor(_message(value))


def _check_tensor(tensor: memoryview) -> None:
    """Refuse a tensor that is elsewhere, larger than its bytes, or not finite."""
    shape: list[int] = []
    kind, raw = 0, memoryview(b"")
    fields = list(_fields(tensor))
    _refuse_repeated(fields, (2, 9, 14))
    for field, value in fields:
        if field == 1:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 9:
            raw = _message(value)
        elif field in (4, 10):  # numbers one by one, of float and double
            _refuse_infinite(_message(value), "<f4" if field == 4 else "<f8")
        elif field == 13 or (field == 14 and value != 0):
            raise ValueError(tr("its weights are in another file", "其权重在另一个文件里"))
    size = math.prod(shape) * _ELEMENT_BYTES.get(kind, 1)
    if size > len(tensor) * 8 or (len(raw) and size != len(raw)):
        raise ValueError(tr("a tensor has a wrong size", "有张量的大小不对"))
    if kind in _FLOATS:
        _refuse_infinite(raw, _FLOATS[kind])


def _refuse_infinite(numbers: memoryview, kind: str) -> None:
    if not np.isfinite(np.frombuffer(numbers, kind)).all():
        raise ValueError(tr("weights are not finite", "权重含有非有限的数"))


def _refuse_repeated(fields: list[tuple[int, int | memoryview]], single: tuple[int, ...]) -> None:
    """Refuse repeated fields of which only one counts: readers differ in which one they take."""
    for number in single:
        if sum(field == number for field, _ in fields) > 1:
            raise ValueError(tr("a field is repeated", "有字段重复"))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field of a protobuf message.

    Raises:
        ValueError: The message is cut short, or is no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key >= 2**32:  # protobuf would cut it, and read another field
            raise ValueError(tr("not an ONNX file", "不是 ONNX 文件"))
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(tr("not an ONNX file", "不是 ONNX 文件"))
        if at + length > len(message):
            raise ValueError(tr("it is cut short", "文件不完整"))
        yield field, message[at : at + length]
        at += length


def _varints(message: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(message):
        number, at = _varint(message, at)
        numbers.append(number)
    return numbers


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that starts at a position, and the position after it."""
    number = shift = 0
    while shift < 64:
        if at >= len(message):
            raise ValueError(tr("it is cut short", "文件不完整"))
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
    raise ValueError(tr("not an ONNX file", "不是 ONNX 文件"))


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError(tr("not an ONNX file", "不是 ONNX 文件"))
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "replace")
