"""Static int8 quantisation of matrix products, with fixed scales: a sample does not depend on the others in its batch.

The graph keeps its float32 operators, between pairs of QuantizeLinear and DequantizeLinear. onnxruntime fuses each such
group into an integer operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.export import parity
from ganzoo.export.conv_to_gemm import Nodes, attributes
from ganzoo.generators.base import CHUNK
from ganzoo.generators.metadata import ExportMetadata
from ganzoo.util.optional import needs

with needs():
    import onnx
    from onnx import numpy_helper

SEEDS = range(2**40, 2**40 + 1024)
"""The calibration set, whose samples give the ranges of activations. :mod:`ganzoo.export.parity` uses other seeds."""
LAYERS = ("Gemm", "MatMul", "Conv", "ConvTranspose")
LARGE = 10_000  # weights in a tensor whose size matters
MOVES = ("Reshape", "Transpose", "Gather", "Pad", "Flatten")  # operators that move values and do not change them


class Scale(NamedTuple):
    """The quantisation of an activation: a byte b stands for ``(b - zero) * step``."""

    step: NDArray[np.float32]
    zero: NDArray[np.uint8]


def quantize(proto: onnx.ModelProto, metadata: ExportMetadata) -> None:
    """Quantise matrix products in place: weights to int8 with a scale for each column, activations to uint8.

    A layer that reads the inputs of the graph stays float32, because 8 bits are too few for a latent.
    """
    graph = proto.graph
    new = _QuantizedNodes(graph)
    products = {node.output[0] for node in graph.node if new.can_quantize(node)}
    wanted = {new.source(node.input[0])[0] for node in graph.node if node.output[0] in products}
    # onnxruntime fuses a product with its requantisation only if that follows directly.
    wanted |= {node.output[0] for node in graph.node if node.op_type == "Relu" and node.input[0] in products}
    new.scales = calibrate(proto, sorted(wanted), metadata)
    for node in graph.node:
        if node.op_type not in MOVES:
            new.append(node, node.output[0] in products)
        else:
            new.nodes.append(node)
    used = {value.name for value in graph.output}
    kept = []
    for node in reversed(new.nodes):
        if used & {*node.output}:
            used |= {*node.input}
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def calibrate(proto: onnx.ModelProto, tensors: Sequence[str], metadata: ExportMetadata) -> dict[str, Scale]:
    """The scale of each tensor, from its smallest and largest value for :data:`SEEDS` and 0."""
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    session = parity.open_session(watched) if tensors else None
    ends = dict.fromkeys(tensors, (0.0, 0.0))
    for start in range(SEEDS.start, SEEDS.stop, CHUNK if session else len(SEEDS)):
        feeds = parity.feeds_of(metadata, range(start, start + CHUNK))
        for name, values in zip(tensors, session.run(tensors, feeds) if session else (), strict=True):
            low, high = ends[name]
            ends[name] = min(low, float(values.min())), max(high, float(values.max()))
    scales = {}
    for name, (low, high) in ends.items():
        step = np.float32((high - low) / 255) or np.float32(1)
        scales[name] = Scale(np.asarray(step), np.asarray(-low / step).round().astype(np.uint8))
    return scales


class _QuantizedNodes(Nodes):
    """The nodes of a graph that is being quantised."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        super().__init__(graph, "int8")
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.scales: dict[str, Scale] = {}

    def can_quantize(self, node: onnx.NodeProto) -> bool:
        """Whether a node is a product with constant weights, and not the first layer after the inputs."""
        plain = all(entry.f == 1 for entry in node.attribute if entry.name in ("alpha", "beta"))
        if node.op_type not in ("Gemm", "MatMul") or not plain:
            return False
        (weight, path), *bias = (self.source(name) for name in node.input[1:])
        if not self.constants.keys() >= {weight, *(name for name, _ in bias)}:
            return False
        # A moved weight has three axes, of which the last one stays that of the columns.
        known = self.constants[weight].ndim == (3 if path else 2)
        return known and all(self.constants[name].ndim == 1 for name, _ in bias) and self.is_after_layer(node.input[0])

    def is_after_layer(self, tensor: str) -> bool:
        """Whether there is a layer between the inputs of the graph and a tensor."""
        waiting, visited = [tensor], set[str]()
        while waiting:
            name = waiting.pop()
            if name in self.makers and name not in visited:
                visited.add(name)
                if self.makers[name].op_type in LAYERS:
                    return True
                waiting += self.makers[name].input
        return False

    def size(self, tensor: str) -> int:
        """The size of a constant; 0 for other tensors."""
        return self.constants[tensor].size if tensor in self.constants else 0

    def source(self, tensor: str) -> tuple[str, list[onnx.NodeProto]]:
        """The tensor that computed these values, and the nodes of :data:`MOVES` after it."""
        path: list[onnx.NodeProto] = []
        while tensor in self.makers and self.makers[tensor].op_type in MOVES:
            path.insert(0, self.makers[tensor])
            tensor = path[0].input[0]
        return tensor, path

    def move(self, tensor: str, path: list[onnx.NodeProto], *zero: NDArray[Any]) -> str:
        """Repeat the nodes of a path for another tensor, which is padded with ``zero``."""
        for node in path:
            more = [node.input[1], *zero] if node.op_type == "Pad" else node.input[1:]
            tensor = self.add(node.op_type, [tensor, *more], **attributes(node))
        return tensor

    def append(self, node: onnx.NodeProto, is_product: bool) -> None:
        """Add a node of the old graph. Inputs that have a scale come as bytes."""
        inputs, options = [self.activation(name) for name in node.input], attributes(node)
        if is_product:
            inputs[1:] = self.weights(node, self.scales[self.source(node.input[0])[0]].step)
        elif node.op_type in ("Gemm", "MatMul") and self.size(node.input[1]) >= LARGE:
            quantized, steps = self.weight(node, [])
            # Dequantised when the file is loaded, so the product itself stays float32.
            inputs[1] = self.add("Mul", [self.add("Cast", [quantized], to=onnx.TensorProto.FLOAT), steps])
        if inputs[1:] != node.input[1:]:
            options.pop("transB", None)
        self.add(node.op_type, inputs, node.output[0], **options)

    def activation(self, tensor: str) -> str:
        """An input of a node, quantised before the nodes that move it."""
        source, path = self.source(tensor)
        if source not in self.scales:
            return tensor
        scale = self.scales[source]
        quantized = self.move(self.add("QuantizeLinear", [source, *scale]), path, scale.zero)
        return self.add("DequantizeLinear", [quantized, *scale])

    def weight(self, node: onnx.NodeProto, path: list[onnx.NodeProto]) -> tuple[str, NDArray[np.float32]]:
        """The weight matrix as int8, and the step of each column."""
        matrix = self.constants[path[0].input[0] if path else node.input[1]]
        if attributes(node).get("transB"):
            matrix = matrix.T
        largest = np.abs(matrix).max(axis=tuple(range(matrix.ndim - 1)))
        steps = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
        return self.constant(np.rint(matrix / steps).astype(np.int8), f"{node.output[0]}.weight"), steps

    def weights(self, node: onnx.NodeProto, step: NDArray[np.float32]) -> list[str]:
        """The quantised weight and bias of a product, whose activations have that step."""
        _, path = self.source(node.input[1])
        quantized, steps = self.weight(node, path)
        bias = [self.constants[name] for name in node.input[2:]]
        steps = np.resize(steps, len(bias[0]) if path else len(steps))  # moves repeat the columns
        moved = self.move(quantized, path)
        inputs = [self.add("DequantizeLinear", [moved, steps, np.zeros(len(steps), np.int8)], axis=1)]
        for values in bias:
            integers = np.rint(values / (steps * step)).clip(-(2**31), 2**31 - 1).astype(np.int32)
            inputs.append(self.add("DequantizeLinear", [integers, steps * step], axis=0))
        return inputs
