"""Writes the few parts of an ONNX file that a model of ours has (https://onnx.ai/onnx/repo-docs/IR.html, onnx.proto): the format is
protocol buffers, of which writing takes two rules, so that no library for either has to be installed."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

FLOAT, INT8, INT64 = 1, 3, 7  # TensorProto.DataType
_TYPES = {"f": FLOAT, "b": INT8, "q": INT64}
_IR_VERSION = 9
_OPSET = 20  # the first with Gelu
_INT, _INTS, _FLOAT_ATTRIBUTE = 2, 7, 1  # AttributeProto.AttributeType


@dataclass
class Graph:
    """Operators in the order in which they run, and the constants that they read."""

    nodes: list[bytes] = field(default_factory=list)
    constants: dict[str, bytes] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: int | float | list[int]) -> str:
        """Adds an operator with one result; returns the result's name."""
        name = name or f"v{len(self.nodes)}"
        node = b"".join(_text(1, each) for each in inputs) + _text(2, name) + _text(4, operator)
        node += b"".join(_bytes(5, _attribute(*pair)) for pair in attributes.items())
        self.nodes.append(node)
        return name

    def constant(self, name: str, shape: Sequence[int], values: array[float] | array[int]) -> str:
        """Adds a tensor, once; returns its name."""
        if name not in self.constants:
            dimensions = b"".join(_number(1, each) for each in shape)
            tensor = dimensions + _number(2, _TYPES[values.typecode]) + _text(8, name) + _bytes(9, values.tobytes())
            self.constants[name] = tensor
        return name

    def model(self, input_name: str, output_name: str, output_size: int) -> bytes:
        """The file: one input of as many token ids as there are, one output of a fixed size."""
        graph = b"".join(_bytes(1, node) for node in self.nodes) + _text(2, "graph")
        graph += b"".join(_bytes(5, tensor) for tensor in self.constants.values())
        graph += _bytes(11, _value(input_name, INT64, _text(2, "tokens")))
        graph += _bytes(12, _value(output_name, FLOAT, _number(1, output_size)))
        return _number(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, _number(2, _OPSET))


def _attribute(name: str, value: float | list[int]) -> bytes:
    if isinstance(value, list):
        return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, _INTS)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _number(20, _FLOAT_ATTRIBUTE)


def _value(name: str, kind: int, dimension: bytes) -> bytes:
    tensor = _number(1, kind) + _bytes(2, _bytes(1, dimension))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value & (1 << 64) - 1)  # a negative one is written as 64 bits


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
