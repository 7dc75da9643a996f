"""Convolutions as matrix products (Gemm): the same samples, computed by the operator that CPUs are fastest at.

An image ``(N, C, H, W)`` becomes *rows* of the C values of a pixel. A convolution gathers the rows under its kernel at
each position (a *window*, im2col), and multiplies them by its weights (Chellapilla et al., 2006). A transposed
convolution of stride s is a convolution with a kernel s times smaller, each of whose windows gives s x s pixels (Shi et
al., 2016); with few windows it is a single dense product. Rows stay in the order in which a product returns them. The
rewrite knows the row of each pixel, so the next convolution gathers from there.
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
MIN_CHANNELS = 8  # with fewer, gathering takes longer than the product
FEW_PIXELS = 16  # as many as a vector register holds: a convolution to fewer pixels leaves it half empty

Indices = NDArray[np.int64]
PADDING = -1  # the row of a pixel outside the image


@dataclass(frozen=True)
class Rows:
    """Images as rows.

    Attributes:
        tensor: its name; ``count`` rows of ``channels`` values for each sample.
        count, channels: see there.
        at: ``(H, W)``, the row of each pixel.
    """

    tensor: str
    count: int
    channels: int
    at: Indices


@dataclass(frozen=True)
class Plan:
    """A convolution as a matrix product.

    Attributes:
        taps: ``(windows, taps)``, the pixels that each window reads.
        weight: the matrix; with ``blocks``, ``(taps, inputs, outputs)`` from which it is assembled.
        bias: one value for each column of the matrix.
        count: rows of the result.
        at: ``(H, W)``, the row of each pixel of the result.
        blocks: ``(pixels in, pixels out)``, the tap of the weight that connects them.
    """

    taps: Indices
    weight: NDArray[Any]
    bias: NDArray[Any]
    count: int
    at: Indices
    blocks: Indices | None = None


def conv_to_gemm(proto: onnx.ModelProto, *, all_convs: bool = False) -> None:
    """Replace convolutions by matrix products, in place: where that is faster in fp32, or ``all_convs`` for int8."""
    graph = proto.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inferred = [*shape_inference.infer_shapes(proto).graph.value_info, *graph.output]
    shapes = {value.name: [side.dim_value for side in value.type.tensor_type.shape.dim] for value in inferred}
    plans = {node.output[0]: plan_for(node, constants, shapes, all_convs) for node in graph.node}
    if not any(plans.values()):
        return
    uses = Counter([name for node in graph.node for name in node.input])
    makers = {name: node for node in graph.node for name in node.output}
    new = Nodes(graph)
    rows: dict[str, Rows] = {}
    for node in list(graph.node):
        given, output = node.input[0] if node.input else "", node.output[0]
        dense, shape = makers.get(given), shapes.get(output, [])
        if node.op_type in POINTWISE and given in rows:
            tensor = new.add(node.op_type, [rows[given].tensor], **attributes(node))
            rows[output] = replace(rows[given], tensor=tensor)
        elif plan := plans[output]:
            source = rows[given] if given in rows else new.rows(given, shapes[given])
            product = new.add("Gemm", [new.gather(source, plan.taps), new.matrix(plan), plan.bias])
            rows[output] = Rows(product, plan.count, shape[1], plan.at)
        elif (
            node.op_type == "Reshape" and len(shape) == 4 and dense is not None and uses[given] == 1
            and dense.op_type == "Gemm" and set(dense.input[1:]) <= constants.keys() and all(shape[1:])
            and all(constants[bias].ndim == 1 for bias in dense.input[2:])
        ):  # fmt: skip
            rows[output] = dense_rows(dense, constants, shape, new)
        else:
            for name in node.input:
                if name in rows:
                    new.image(rows.pop(name), name)
            new.nodes.append(node)
    for value in graph.output:
        if value.name in rows:
            new.image(rows[value.name], value.name)
    del graph.node[:]
    graph.node.extend(new.nodes)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes of a node, by name."""
    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


class Nodes:
    """The nodes of a graph that is being rewritten. Methods add nodes and return the names of their outputs."""

    def __init__(self, graph: onnx.GraphProto, stem: str = "product") -> None:
        self.graph, self.stem = graph, stem
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, values: NDArray[Any], name: str) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def add(self, kind: str, inputs: Sequence[str | NDArray[Any]], output: str = "", **options: Any) -> str:
        """A node. Inputs are names of tensors, or arrays that become constants."""
        output = output or f"{self.stem}_{len(self.nodes)}"
        names = [
            given if isinstance(given, str) else self.constant(given, f"{output}.{index}")
            for index, given in enumerate(inputs)
        ]
        self.nodes.append(helper.make_node(kind, names, [output], name=output, **options))
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
        """The image of rows, in a tensor of that name."""
        picked = self.pick(rows, rows.at)
        if rows.channels > 1:
            picked = self.add("Transpose", [picked], perm=[0, 2, 1])
        self.reshape(picked, -1, rows.channels, *rows.at.shape, output=name)

    def matrix(self, plan: Plan) -> str | NDArray[Any]:
        """The weight matrix of a product. With ``blocks`` it is assembled when the file is loaded."""
        if plan.blocks is None:
            return plan.weight
        inputs, columns = plan.blocks.shape[0] * plan.weight.shape[1], len(plan.bias)
        gathered = self.add("Gather", [plan.weight, plan.blocks], axis=0)
        return self.reshape(self.add("Transpose", [gathered], perm=[0, 2, 1, 3]), inputs, columns)

    def gather(self, rows: Rows, taps: Indices) -> str:
        """A matrix with a row for each window of each sample: the rows that it reads, one after the other."""
        pixels = np.append(rows.at, PADDING)
        return self.reshape(self.pick(rows, pixels[taps]), -1, taps.shape[1] * rows.channels)

    def pick(self, rows: Rows, chosen: Indices) -> str:
        """The chosen rows, ``(N, chosen, C)``; zeros for :data:`PADDING`."""
        tensor = self.reshape(rows.tensor, -1, rows.count, rows.channels)
        if (chosen == PADDING).any():
            tensor = self.add("Pad", [tensor, np.array([0, 0, 0, 0, 1, 0])])
            chosen = np.where(chosen == PADDING, rows.count, chosen)
        if chosen.size == rows.count and (chosen.ravel() == np.arange(rows.count)).all():
            return tensor
        return self.add("Gather", [tensor, chosen.ravel()], axis=1)


def dense_rows(dense: onnx.NodeProto, constants: dict[str, NDArray[Any]], shape: Sequence[int], new: Nodes) -> Rows:
    """Reorder the weights of a dense layer, in place, so that its output is the rows of an image."""
    _, channels, height, width = shape
    order = np.arange(channels * height * width).reshape(channels, -1).T.ravel()
    transposed = any(entry.name == "transB" and entry.i for entry in dense.attribute)
    for index, name in enumerate(dense.input[1:], 1):
        axis = 0 if index == 2 or transposed else 1
        dense.input[index] = new.constant(constants[name].take(order, axis), f"{name}.rows")
    return Rows(dense.output[0], height * width, channels, np.arange(height * width).reshape(height, width))


def plan_for(
    node: onnx.NodeProto, constants: dict[str, NDArray[Any]], shapes: dict[str, list[int]], all_convs: bool
) -> Plan | None:
    """The product that replaces a node; ``None`` if it is no convolution, cannot be replaced, or is faster as it is."""
    if node.op_type not in ("Conv", "ConvTranspose") or not set(node.input[1:]) <= constants.keys():
        return None
    weight = constants[node.input[1]]
    before, after = shapes.get(node.input[0], []), shapes[node.output[0]]
    options = attributes(node)
    plain = options.get("group", 1) == 1 and {*options.get("dilations", [1])} == {1}
    plain = plain and options.get("auto_pad", b"NOTSET") == b"NOTSET"
    known = len(before) == len(after) == 4 and all([*before[1:], *after[1:]])
    if not plain or not known or min(weight.shape[:2]) < MIN_CHANNELS:
        return None
    bias = constants[node.input[2]] if len(node.input) > 2 else np.zeros(after[1], np.float32)
    pads, strides = options.get("pads", [0] * 4), options.get("strides", [1, 1])
    image, target = np.arange(math.prod(before[2:])).reshape(before[2:]), tuple(after[2:])
    if node.op_type == "Conv":
        few = math.prod(target) < FEW_PIXELS
        return conv(image, weight, bias, pads, strides) if all_convs or few else None
    if math.prod(target) <= math.prod(weight.shape[2:]):
        return dense_transposed_conv(image, weight, bias, pads, strides, target)
    return transposed_conv(image, weight, bias, pads, strides, target) if all_convs else None


def conv(image: Indices, weight: NDArray[Any], bias: NDArray[Any], pads: Sequence[int], strides: Sequence[int]) -> Plan:
    """A convolution: each window gives one pixel."""
    top, left, bottom, right = pads
    padded = np.pad(image, ((top, bottom), (left, right)), constant_values=PADDING)
    windows = sliding_window_view(padded, weight.shape[2:])[:: strides[0], :: strides[1]]
    count = math.prod(windows.shape[:2])
    matrix = weight.transpose(2, 3, 1, 0).reshape(-1, len(bias))
    return Plan(windows.reshape(count, -1), matrix, bias, count, np.arange(count).reshape(windows.shape[:2]))


def dense_transposed_conv(
    image: Indices,
    weight: NDArray[Any],
    bias: NDArray[Any],
    pads: Sequence[int],
    strides: Sequence[int],
    target: tuple[int, ...],
) -> Plan:
    """A transposed convolution to no more pixels than its kernel has, as a dense layer with as many multiplications."""
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


def transposed_conv(
    image: Indices,
    weight: NDArray[Any],
    bias: NDArray[Any],
    pads: Sequence[int],
    strides: Sequence[int],
    target: tuple[int, ...],
) -> Plan:
    """A transposed convolution of stride s: each window gives s x s pixels."""
    inputs, outputs, *kernel = weight.shape
    small = [-(-side // stride) for side, stride in zip(kernel, strides, strict=True)]
    filled = np.zeros((inputs, outputs, small[0], strides[0], small[1], strides[1]), np.float32)
    filled.reshape(inputs, outputs, small[0] * strides[0], -1)[:, :, : kernel[0], : kernel[1]] = weight
    matrix = filled[:, :, ::-1, :, ::-1].transpose(2, 4, 0, 3, 5, 1).reshape(-1, math.prod(strides) * outputs)
    padded = np.pad(
        image,
        [(side - 1, side - 1 + stride) for side, stride in zip(small, strides, strict=True)],
        constant_values=PADDING,
    )
    y, x = np.mgrid[: target[0], : target[1]]
    y, x = y + pads[0], x + pads[1]
    first, last = (y[0, 0] // strides[0], x[0, 0] // strides[1]), (y[-1, -1] // strides[0], x[-1, -1] // strides[1])
    windows = sliding_window_view(padded, small)[first[0] : last[0] + 1, first[1] : last[1] + 1]
    count = math.prod(windows.shape[:2])
    window = (y // strides[0] - first[0]) * windows.shape[1] + x // strides[1] - first[1]
    at = (window * strides[0] + y % strides[0]) * strides[1] + x % strides[1]
    return Plan(windows.reshape(count, -1), matrix, np.tile(bias, math.prod(strides)), count * math.prod(strides), at)
