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
MIN_WEIGHTS = 4096  # with fewer in a product, scales and nodes have more bytes than int8 weights save
MIN_VECTOR = 128  # values that save more bytes in a smaller type than the nodes have that convert them back
INT8_ZERO = numpy_helper.from_array(np.zeros(1, np.int8))
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


def shrink_constants(proto: onnx.ModelProto) -> None:
    """Store the other constants of a graph in smaller types, in place: float32 in float16, and indices in bytes.

    onnxruntime converts them back when it loads the file, so the arithmetic stays the same.
    """
    graph = proto.graph
    new = _QuantizedNodes(graph, "small")
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.size < MIN_VECTOR:
            continue
        if values.dtype == np.float32 and np.isfinite(values).all():
            graph.initializer.remove(tensor)
            new.half(values, tensor.name)
        elif values.dtype == np.int64 and values.min() >= 0 and values.max() < 2**16:
            graph.initializer.remove(tensor)
            indices = values.astype(np.min_scalar_type(values.max()))
            new.add("Cast", [indices], tensor.name, to=onnx.TensorProto.INT64)
    nodes = [*new.nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


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

    def __init__(self, graph: onnx.GraphProto, stem: str = "int8") -> None:
        super().__init__(graph, stem)
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
        known = self.constants[weight].ndim == (3 if path else 2) and self.constants[weight].size >= MIN_WEIGHTS
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

    def half(self, values: NDArray[np.float32], output: str = "") -> tuple[str, NDArray[np.float32]]:
        """A constant in float16, relative to its largest value, and the float32 values that it stands for."""
        largest = np.abs(values).max() or np.float32(1)
        ratios = (values / largest).astype(np.float16)
        floats = self.add("Cast", [ratios], f"{output}.floats" if output else "", to=onnx.TensorProto.FLOAT)
        return self.add("Mul", [floats, np.asarray(largest)], output), ratios.astype(np.float32) * largest

    def append(self, node: onnx.NodeProto, is_product: bool) -> None:
        """Add a node of the old graph. Inputs that have a scale come as bytes."""
        inputs, options = [self.activation(name) for name in node.input], attributes(node)
        if is_product:
            inputs[1:] = self.weights(node, self.scales[self.source(node.input[0])[0]].step)
        elif node.op_type in ("Gemm", "MatMul") and self.size(node.input[1]) >= LARGE:
            quantized, steps, _ = self.weight(node, [])
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

    def weight(self, node: onnx.NodeProto, path: list[onnx.NodeProto]) -> tuple[str, str, NDArray[np.float32]]:
        """The weight matrix as int8, and the step of each column: the tensor and its values."""
        matrix = self.constants[path[0].input[0] if path else node.input[1]]
        if attributes(node).get("transB"):
            matrix = matrix.T
        largest = np.abs(matrix).max(axis=tuple(range(matrix.ndim - 1)))
        steps = (np.where(largest > 0, largest, largest.max() or 1) / 127).astype(np.float32)
        tensor, steps = self.half(np.maximum(steps, steps.max() / 2**14))  # float16 has no smaller normal ratio
        integers = np.rint(matrix / steps).clip(-127, 127).astype(np.int8)
        return self.constant(integers, f"{node.output[0]}.weight"), tensor, steps

    def weights(self, node: onnx.NodeProto, step: NDArray[np.float32]) -> list[str]:
        """The quantised weight and bias of a product, whose activations have that step."""
        _, path = self.source(node.input[1])
        quantized, tensor, steps = self.weight(node, path)
        moved = self.move(quantized, path)
        biases = [self.constants[name] for name in node.input[2:]]
        integers = [np.rint(values / np.resize(steps * step, len(values))) for values in biases]
        repeats = np.array([len(biases[0]) // len(steps)]) if path else None  # moves repeat the columns
        count = len(steps) if repeats is None else len(biases[0])
        if repeats is not None:
            tensor = self.add("Tile", [tensor, repeats])
        zeros = self.add("ConstantOfShape", [np.array([count])], value=INT8_ZERO)  # fusion needs them
        inputs = [self.add("DequantizeLinear", [moved, tensor, zeros], axis=1)]
        for values in integers:
            bias: str | NDArray[np.int32] = values.clip(-(2**31), 2**31 - 1).astype(np.int32)
            if repeats is not None and np.array_equal(values, np.resize(values[: len(steps)], count)):
                bias = self.add("Tile", [bias[: len(steps)], repeats])
            inputs.append(self.add("DequantizeLinear", [bias, self.add("Mul", [tensor, step])], axis=0))
        return inputs
