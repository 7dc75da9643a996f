"""Products in eight bits, quantised once and for all: a sample does not depend on the others in its batch.

The operators stay those of float32, between pairs of QuantizeLinear and DequantizeLinear, of which onnxruntime makes
operators of whole numbers. Values are moved as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.export import parity
from ganzoo.export.conv_to_gemm import Nodes, attributes
from ganzoo.generators.base import CHUNK
from ganzoo.util.optional import needs

with needs():
    import onnx
    from onnx import numpy_helper

SEEDS = range(2**40, 2**40 + 1024)
"""Whose samples show the ranges of activations; others than those that :mod:`ganzoo.export.parity` judges."""
LAYERS = ("Gemm", "MatMul", "Conv", "ConvTranspose")
LARGE = 10_000  # weights, for fewer of which it is not worth a loss to be smaller
MOVES = ("Reshape", "Transpose", "Gather", "Pad", "Flatten")  # what leaves values as they are


class Scale(NamedTuple):
    """Bytes b stand for ``(b - zero) * step``."""

    step: NDArray[np.float32]
    zero: NDArray[np.uint8]


def quantise(proto: onnx.ModelProto, header: Mapping[str, Any]) -> None:
    """Let matrix products take bytes: weights as int8, by the largest of each column, and activations as uint8.

    The range of an activation is what the samples of :data:`SEEDS` show. A layer that reads the inputs themselves stays
    float32, since eight bits are too few for a latent.
    """
    graph = proto.graph
    small = _Quantised(graph)
    products = {node.output[0] for node in graph.node if small.takes(node)}
    wanted = {small.moves(node.input[0])[0] for node in graph.node if node.output[0] in products}
    # onnxruntime gives bytes out of a product only if they are wanted of it at once.
    wanted |= {node.output[0] for node in graph.node if node.op_type == "Relu" and node.input[0] in products}
    small.scales = scales(proto, sorted(wanted), header)
    for node in graph.node:
        if node.op_type not in MOVES:
            small.take(node, node.output[0] in products)
        else:
            small.nodes.append(node)
    used = {value.name for value in graph.output}
    kept = []
    for node in reversed(small.nodes):
        if used & {*node.output}:
            used |= {*node.input}
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def scales(proto: onnx.ModelProto, tensors: Sequence[str], header: Mapping[str, Any]) -> dict[str, Scale]:
    """The scale of every activation, zero being among its values."""
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    session = parity.open_session(watched) if tensors else None
    ends = dict.fromkeys(tensors, (0.0, 0.0))
    for start in range(SEEDS.start, SEEDS.stop, CHUNK if session else len(SEEDS)):
        given = parity.feed(header, range(start, start + CHUNK))
        for name, values in zip(tensors, session.run(tensors, given) if session else (), strict=True):
            low, high = ends[name]
            ends[name] = min(low, float(values.min())), max(high, float(values.max()))
    found = {}
    for name, (low, high) in ends.items():
        step = np.float32((high - low) / 255) or np.float32(1)
        found[name] = Scale(np.asarray(step), np.asarray(-low / step).round().astype(np.uint8))
    return found


class _Quantised(Nodes):
    """A graph on its way to eight bits."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        super().__init__(graph, "int8")
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.scales: dict[str, Scale] = {}

    def takes(self, node: onnx.NodeProto) -> bool:
        """Whether a node is a product with constant weights, and not the first one after the inputs."""
        plain = all(entry.f == 1 for entry in node.attribute if entry.name in ("alpha", "beta"))
        if node.op_type not in ("Gemm", "MatMul") or not plain:
            return False
        (weight, path), *bias = (self.moves(name) for name in node.input[1:])
        if not self.constants.keys() >= {weight, *(name for name, _ in bias)}:
            return False
        known = self.constants[weight].ndim == (3 if path else 2)  # with three axes, the last stays that of the columns
        return known and all(self.constants[name].ndim == 1 for name, _ in bias) and self.layers_before(node.input[0])

    def layers_before(self, tensor: str) -> bool:
        """Whether there are weights between the inputs and a tensor."""
        waiting, seen = [tensor], set[str]()
        while waiting:
            name = waiting.pop()
            if name in self.makers and name not in seen:
                seen.add(name)
                if self.makers[name].op_type in LAYERS:
                    return True
                waiting += self.makers[name].input
        return False

    def size(self, tensor: str) -> int:
        """Of a constant; 0 of others."""
        return self.constants[tensor].size if tensor in self.constants else 0

    def moves(self, tensor: str) -> tuple[str, list[onnx.NodeProto]]:
        """Where values come from, and what moved them since."""
        path: list[onnx.NodeProto] = []
        while tensor in self.makers and self.makers[tensor].op_type in MOVES:
            path.insert(0, self.makers[tensor])
            tensor = path[0].input[0]
        return tensor, path

    def moved(self, tensor: str, path: list[onnx.NodeProto], *zero: NDArray[Any]) -> str:
        """The same moves of other values."""
        for node in path:
            more = [node.input[1], *zero] if node.op_type == "Pad" else node.input[1:]
            tensor = self.add(node.op_type, [tensor, *more], **attributes(node))
        return tensor

    def take(self, node: onnx.NodeProto, product: bool) -> None:
        """A node, whose inputs come as bytes if they have a scale."""
        read, numbers = [self.activation(name) for name in node.input], attributes(node)
        if product:
            read[1:] = self.weights(node, self.scales[self.moves(node.input[0])[0]].step)
        elif node.op_type in ("Gemm", "MatMul") and self.size(node.input[1]) >= LARGE:
            small, steps = self.rounded(node, [])
            # Undone as the file is loaded: the arithmetic is that of float32.
            read[1] = self.add("Mul", [self.add("Cast", [small], to=onnx.TensorProto.FLOAT), steps])
        if read[1:] != node.input[1:]:
            numbers.pop("transB", None)
        self.add(node.op_type, read, node.output[0], **numbers)

    def activation(self, tensor: str) -> str:
        source, path = self.moves(tensor)
        if source not in self.scales:
            return tensor
        scale = self.scales[source]
        small = self.moved(self.add("QuantizeLinear", [source, *scale]), path, scale.zero)
        return self.add("DequantizeLinear", [small, *scale])

    def rounded(self, node: onnx.NodeProto, path: list[onnx.NodeProto]) -> tuple[str, NDArray[np.float32]]:
        """A weight as int8, and the steps of its columns."""
        matrix = self.constants[path[0].input[0] if path else node.input[1]]
        if attributes(node).get("transB"):
            matrix = matrix.T
        largest = np.abs(matrix).max(axis=tuple(range(matrix.ndim - 1)))
        steps = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
        return self.constant(np.rint(matrix / steps).astype(np.int8), f"{node.output[0]}.weight"), steps

    def weights(self, node: onnx.NodeProto, step: NDArray[np.float32]) -> list[str]:
        """Weight and bias of a product, whose activations have a step."""
        _, path = self.moves(node.input[1])
        small, steps = self.rounded(node, path)
        bias = [self.constants[name] for name in node.input[2:]]
        steps = np.resize(steps, len(bias[0]) if path else len(steps))  # moves repeat the columns
        made = [self.add("DequantizeLinear", [self.moved(small, path), steps, np.zeros(len(steps), np.int8)], axis=1)]
        for values in bias:
            whole = np.rint(values / (steps * step)).clip(-(2**31), 2**31 - 1).astype(np.int32)
            made.append(self.add("DequantizeLinear", [whole, steps * step], axis=0))
        return made
