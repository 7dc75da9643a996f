"""Convolutions as matrix products: the same samples, by the operator that CPUs are best at.

An image ``(N, C, H, W)`` becomes *rows*, the C values of a pixel in each. A convolution gathers the rows below its
kernel, for each of its *windows*, and multiplies them with the weights (Chellapilla et al., 2006). A transposed
convolution of stride s is one with a kernel s times smaller, whose windows make s x s pixels each (Shi et al., 2016);
where it has few windows, all of them are one product. Rows are never put in order: it is known which is which pixel,
and the next convolution gathers them from where they are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ganzoo.util.optional import needs

with needs():
    import onnx
    from onnx import helper, numpy_helper, shape_inference

POINTWISE = ("Relu", "LeakyRelu", "Tanh", "Sigmoid", "Elu", "Softplus")
THIN = 8  # channels; with fewer, a product is mostly gathering
FEW = 16  # pixels, what a register holds: a convolution to no more of them leaves it half empty

Indices = NDArray[np.int64]
NOWHERE = -1  # the row of a pixel outside the image


@dataclass(frozen=True)
class Rows:
    """Images as rows: a tensor of ``count`` rows a sample, and the row ``at`` each pixel (y, x)."""

    tensor: str
    count: int
    channels: int
    at: Indices


@dataclass(frozen=True)
class Plan:
    """A convolution as a product.

    Attributes:
        taps: ``(windows, taps)``, the pixels that are read.
        weight: the matrix, or ``(taps, inputs, outputs)`` of which it is made.
        bias: one for each column.
        count: rows that come out.
        at: which of them each pixel is.
        blocks: ``(pixels, pixels)``, the part of the weight that leads from one to the other.
    """

    taps: Indices
    weight: NDArray[Any]
    bias: NDArray[Any]
    count: int
    at: Indices
    blocks: Indices | None = None


def multiply(proto: onnx.ModelProto, *, eighths: bool = False) -> None:
    """Turn convolutions into products where that is faster, in float32 or in ``eighths`` of it."""
    graph = proto.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inferred = [*shape_inference.infer_shapes(proto).graph.value_info, *graph.output]
    shapes = {value.name: [side.dim_value for side in value.type.tensor_type.shape.dim] for value in inferred}
    plans = {node.output[0]: planned(node, constants, shapes, eighths) for node in graph.node}
    if not any(plans.values()):
        return
    uses = Counter([name for node in graph.node for name in node.input])
    makers = {name: node for node in graph.node for name in node.output}
    made = Nodes(graph)
    rows: dict[str, Rows] = {}
    for node in list(graph.node):
        given, output = node.input[0] if node.input else "", node.output[0]
        dense, shape = makers.get(given), shapes.get(output, [])
        if node.op_type in POINTWISE and given in rows:
            numbers = attributes(node)
            rows[output] = replace(rows[given], tensor=made.add(node.op_type, [rows[given].tensor], **numbers))
        elif plan := plans[output]:
            source = rows[given] if given in rows else made.rows(given, shapes[given])
            product = made.add("Gemm", [made.gather(source, plan.taps), made.matrix(plan), plan.bias])
            rows[output] = Rows(product, plan.count, shape[1], plan.at)
        elif (
            node.op_type == "Reshape" and len(shape) == 4 and dense is not None and uses[given] == 1
            and dense.op_type == "Gemm" and set(dense.input[1:]) <= constants.keys() and all(shape[1:])
            and all(constants[bias].ndim == 1 for bias in dense.input[2:])
        ):  # fmt: skip
            rows[output] = in_rows(dense, constants, shape, made)
        else:
            for name in node.input:
                if name in rows:
                    made.image(rows.pop(name), name)
            made.nodes.append(node)
    for value in graph.output:
        if value.name in rows:
            made.image(rows[value.name], value.name)
    del graph.node[:]
    graph.node.extend(made.nodes)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes of a node, by name."""
    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


class Nodes:
    """The nodes of a graph as it is rewritten."""

    def __init__(self, graph: onnx.GraphProto, stem: str = "product") -> None:
        self.graph, self.stem = graph, stem
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, values: NDArray[Any], name: str) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def add(self, kind: str, inputs: Sequence[str | NDArray[Any]], output: str = "", **numbers: Any) -> str:
        """A further node, of tensors by their names and of constants; the name of its output."""
        output = output or f"{self.stem}_{len(self.nodes)}_{kind.lower()}"
        names = [
            given if isinstance(given, str) else self.constant(given, f"{output}.{index}")
            for index, given in enumerate(inputs)
        ]
        self.nodes.append(helper.make_node(kind, names, [output], name=output, **numbers))
        return output

    def reshape(self, tensor: str, *shape: int, output: str = "") -> str:
        return self.add("Reshape", [tensor, np.array(shape)], output)

    def rows(self, image: str, shape: Sequence[int]) -> Rows:
        """The rows of an image ``(N, C, H, W)``."""
        _, channels, height, width = shape
        count = height * width
        return Rows(
            self.add("Transpose", [image], perm=[0, 2, 3, 1]), count, channels, np.arange(count).reshape(height, width)
        )

    def image(self, rows: Rows, name: str) -> None:
        """The image of rows, under its name."""
        picked = self.pick(rows, rows.at)
        if rows.channels > 1:
            picked = self.add("Transpose", [picked], perm=[0, 2, 1])
        self.reshape(picked, -1, rows.channels, *rows.at.shape, output=name)

    def matrix(self, plan: Plan) -> str | NDArray[Any]:
        """The weights of a product. A matrix that repeats them is made when the file is loaded, and is not in it."""
        if plan.blocks is None:
            return plan.weight
        inputs, columns = plan.blocks.shape[0] * plan.weight.shape[1], len(plan.bias)
        gathered = self.add("Gather", [plan.weight, plan.blocks], axis=0)
        return self.reshape(self.add("Transpose", [gathered], perm=[0, 2, 1, 3]), inputs, columns)

    def gather(self, rows: Rows, taps: Indices) -> str:
        """A matrix with a row for each window of each sample, in which the rows that it reads follow each other."""
        pixels = np.append(rows.at, NOWHERE)
        return self.reshape(self.pick(rows, pixels[taps]), -1, taps.shape[1] * rows.channels)

    def pick(self, rows: Rows, chosen: Indices) -> str:
        """Some of the rows, ``(N, chosen, C)``; nowhere are zeros."""
        tensor = self.reshape(rows.tensor, -1, rows.count, rows.channels)
        if (chosen == NOWHERE).any():
            tensor = self.add("Pad", [tensor, np.array([0, 0, 0, 0, 1, 0])])
            chosen = np.where(chosen == NOWHERE, rows.count, chosen)
        if chosen.size == rows.count and (chosen.ravel() == np.arange(rows.count)).all():
            return tensor
        return self.add("Gather", [tensor, chosen.ravel()], axis=1)


def in_rows(dense: onnx.NodeProto, constants: dict[str, NDArray[Any]], shape: Sequence[int], made: Nodes) -> Rows:
    """Let a dense layer before an image make its pixels in the order of rows."""
    _, channels, height, width = shape
    order = np.arange(channels * height * width).reshape(channels, -1).T.ravel()
    transposed = any(entry.name == "transB" and entry.i for entry in dense.attribute)
    for index, name in enumerate(dense.input[1:], 1):
        axis = 0 if index == 2 or transposed else 1
        dense.input[index] = made.constant(constants[name].take(order, axis), f"{name}.rows")
    return Rows(dense.output[0], height * width, channels, np.arange(height * width).reshape(height, width))


def planned(
    node: onnx.NodeProto, constants: dict[str, NDArray[Any]], shapes: dict[str, list[int]], eighths: bool
) -> Plan | None:
    """How a convolution becomes a product; nothing if it is none, or is better as it is."""
    if node.op_type not in ("Conv", "ConvTranspose") or not set(node.input[1:]) <= constants.keys():
        return None
    weight = constants[node.input[1]]
    sides, made = shapes.get(node.input[0], []), shapes[node.output[0]]
    numbers = attributes(node)
    plain = numbers.get("group", 1) == 1 and {*numbers.get("dilations", [1])} == {1}
    known = len(sides) == len(made) == 4 and all([*sides[1:], *made[1:]])
    if not plain or not known or numbers.get("auto_pad", b"NOTSET") != b"NOTSET" or min(weight.shape[:2]) < THIN:
        return None
    bias = constants[node.input[2]] if len(node.input) > 2 else np.zeros(made[1], np.float32)
    pads, strides = numbers.get("pads", [0] * 4), numbers.get("strides", [1, 1])
    image, target = np.arange(math.prod(sides[2:])).reshape(sides[2:]), tuple(made[2:])
    if node.op_type == "Conv":
        few = math.prod(target) < FEW
        return convolved(image, weight, bias, pads, strides) if eighths or few else None
    if math.prod(target) <= math.prod(weight.shape[2:]):
        return unrolled(image, weight, bias, pads, strides, target)
    return enlarged(image, weight, bias, pads, strides, target) if eighths else None


def convolved(
    image: Indices, weight: NDArray[Any], bias: NDArray[Any], pads: Sequence[int], strides: Sequence[int]
) -> Plan:
    """A convolution: each window makes one pixel."""
    top, left, bottom, right = pads
    padded = np.pad(image, ((top, bottom), (left, right)), constant_values=NOWHERE)
    windows = sliding_window_view(padded, weight.shape[2:])[:: strides[0], :: strides[1]]
    count = math.prod(windows.shape[:2])
    matrix = weight.transpose(2, 3, 1, 0).reshape(-1, len(bias))
    return Plan(windows.reshape(count, -1), matrix, bias, count, np.arange(count).reshape(windows.shape[:2]))


def unrolled(
    image: Indices,
    weight: NDArray[Any],
    bias: NDArray[Any],
    pads: Sequence[int],
    strides: Sequence[int],
    target: tuple[int, ...],
) -> Plan:
    """A transposed convolution to no more pixels than its kernel has: a dense layer, with no more multiplications."""
    inputs, outputs, height, width = weight.shape
    weights = weight.transpose(2, 3, 0, 1).reshape(-1, inputs, outputs)
    nothing = np.zeros((1, inputs, outputs), np.float32)
    (top, left), (y, x) = (np.indices(side).reshape(2, -1) for side in (image.shape, target))
    down, right = y + pads[0] - strides[0] * top[:, None], x + pads[1] - strides[1] * left[:, None]
    inside = (down >= 0) & (down < height) & (right >= 0) & (right < width)
    blocks = np.where(inside, down * width + right, len(weights))
    count = math.prod(target)
    return Plan(
        image.reshape(1, -1), np.concatenate([weights, nothing]), np.tile(bias, count), count,
        np.arange(count).reshape(target), blocks,
    )  # fmt: skip


def enlarged(
    image: Indices,
    weight: NDArray[Any],
    bias: NDArray[Any],
    pads: Sequence[int],
    strides: Sequence[int],
    target: tuple[int, ...],
) -> Plan:
    """A transposed convolution of stride s: each window makes s x s pixels."""
    inputs, outputs, *kernel = weight.shape
    small = [-(-side // stride) for side, stride in zip(kernel, strides, strict=True)]
    filled = np.zeros((inputs, outputs, small[0], strides[0], small[1], strides[1]), np.float32)
    filled.reshape(inputs, outputs, small[0] * strides[0], -1)[:, :, : kernel[0], : kernel[1]] = weight
    matrix = filled[:, :, ::-1, :, ::-1].transpose(2, 4, 0, 3, 5, 1).reshape(-1, math.prod(strides) * outputs)
    padded = np.pad(
        image,
        [(side - 1, side - 1 + stride) for side, stride in zip(small, strides, strict=True)],
        constant_values=NOWHERE,
    )
    y, x = np.mgrid[: target[0], : target[1]]
    y, x = y + pads[0], x + pads[1]
    first, last = (y[0, 0] // strides[0], x[0, 0] // strides[1]), (y[-1, -1] // strides[0], x[-1, -1] // strides[1])
    windows = sliding_window_view(padded, small)[first[0] : last[0] + 1, first[1] : last[1] + 1]
    count = math.prod(windows.shape[:2])
    window = (y // strides[0] - first[0]) * windows.shape[1] + x // strides[1] - first[1]
    at = (window * strides[0] + y % strides[0]) * strides[1] + x % strides[1]
    return Plan(windows.reshape(count, -1), matrix, np.tile(bias, math.prod(strides)), count * math.prod(strides), at)
