"""Tracing of a generator to an ONNX graph, and rewrites of that graph."""

from __future__ import annotations

import copy
import io
import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ganzoo.export import contract
from ganzoo.generators.int8 import requantize
from ganzoo.generators.metadata import ExportMetadata
from ganzoo.generators.onnx_reader import MAX_FILE_BYTES
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

with needs():
    import onnx
    import onnxscript  # noqa: F401  torch's exporter needs it, and reports its absence late
    from onnx import helper, numpy_helper

Quantized = tuple[NDArray[np.int8], NDArray[np.float32]]
TRACED_BATCH = 2  # torch would take a batch of 1 for a constant


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings, logs and prints of exporters and converters. Their result is checked instead."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class WithSettings(nn.Module):
    """A generator with settings of sampling: some of fixed values, some given as scalars after its other inputs."""

    def __init__(self, generator: nn.Module, metadata: ExportMetadata) -> None:
        super().__init__()
        self.generator, self.fixed = generator, dict(metadata.sampling)
        self.names = tuple(metadata.sampling_inputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        count = len(inputs) - len(self.names)
        given = dict(zip(self.names, inputs[count:], strict=True))
        samples: Tensor = self.generator(*inputs[:count], **self.fixed, **given)
        return samples


class Entry(nn.Module):
    """A method of a network as a network of its own."""

    def __init__(self, networks: nn.Module, entry: str) -> None:
        super().__init__()
        root, _, self.path = entry.partition(".")
        self.network = networks.get_submodule(root)

    def forward(self, *inputs: Tensor) -> Tensor:
        method: Any = self.network
        for name in filter(None, self.path.split(".")):
            method = getattr(method, name)
        outputs: Tensor = method(*inputs)
        return outputs


def standalone(generator: nn.Module, metadata: ExportMetadata) -> nn.Module:
    """A copy on the CPU in evaluation mode, with the settings of sampling of a file.

    Parametrised weights (spectral normalisation, ...) become plain ones.
    """
    copied = copy.deepcopy(generator).cpu().eval().requires_grad_(False)
    for module in copied.modules():
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name)
    return WithSettings(copied, metadata) if metadata.sampling or metadata.sampling_inputs else copied


def trace(generator: nn.Module, metadata: ExportMetadata, opset: int) -> onnx.ModelProto:
    """The graph of a generator in float32, for an opset of at least 18. N is dynamic, and H and W if sizes are free.

    Raises:
        GanzooError: its forward pass cannot be traced, or its weights are too large for one file.
    """
    gan, inputs = metadata.gan, metadata.inputs
    size = sum(tensor.nbytes for tensor in generator.state_dict().values())
    if size > MAX_FILE_BYTES:
        raise GanzooError(f"the generator of {gan} has {size:,} bytes; a file may have {MAX_FILE_BYTES:,}")
    dtypes = {"float32": torch.float32, "int64": torch.int64}
    height, width = metadata.condition_image[1:] if metadata.free else (0, 0)
    sizes = {"N": TRACED_BATCH, "H": height, "W": width + 8}  # equal sides would be taken for one
    example = tuple(
        torch.full(
            [sizes[side] if isinstance(side, str) else side for side in input.shape],
            metadata.sampling_inputs.get(input.name, 0),
            dtype=dtypes[input.dtype],
        )
        for input in inputs
    )
    dims = {side: torch.export.Dim(side) for side in (sizes if metadata.free else "N")}
    shapes = tuple(
        {axis: dims[side] for axis, side in enumerate(input.shape) if isinstance(side, str)} for input in inputs
    )
    try:
        with quiet():
            program = torch.onnx.export(
                generator,
                example,
                dynamo=True,
                external_data=False,
                verbose=False,
                opset_version=opset,
                input_names=[input.name for input in inputs],
                output_names=[metadata.output.name],
                dynamic_shapes=(shapes,) if isinstance(generator, WithSettings | Entry) else shapes,
            )
        assert program is not None
        proto = program.model_proto
    except Exception as error:  # the exporter has no common base class for what it cannot trace
        raise GanzooError(
            f"the generator of {gan} cannot be exported: {first_line(error)} (ganzoo check {gan})"
        ) from error
    fold_norms(proto.graph)
    strip(proto)
    for side, name in zip(
        proto.graph.output[0].type.tensor_type.shape.dim,
        replace(metadata, output_dtype="float32").output.shape,
        strict=False,  # another number of sides is refused later
    ):
        if isinstance(name, str):  # torch writes how it follows from the sides of the input
            side.dim_param = name
    return proto


def fold_norms(graph: onnx.GraphProto) -> None:
    """Fold batch normalisations that follow a dense layer and a reshape into that layer.

    torch's exporter folds only those that follow a layer directly.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        reshape = makers.get(norm.input[0])
        dense = makers.get(reshape.input[0]) if reshape is not None and reshape.op_type == "Reshape" else None
        if reshape is None or dense is None or dense.op_type != "Gemm":
            continue
        options = {entry.name: helper.get_attribute_value(entry) for entry in dense.attribute}
        plain = options.get("alpha", 1.0) == options.get("beta", 1.0) == 1.0
        known = {*dense.input[1:], *norm.input[1:], reshape.input[1]} <= constants.keys()
        if not (plain and known and uses[reshape.output[0]] == uses[dense.output[0]] == 1):
            continue
        gain, bias, mean, variance = (constants[name].astype(np.float64) for name in norm.input[1:])
        weight = constants[dense.input[1]]
        features = weight.shape[0 if options.get("transB") else 1]
        channels, *plane = constants[reshape.input[1]][1:].tolist()
        if channels != len(gain) or channels * math.prod(plane) != features:
            continue
        epsilon = {entry.name: entry.f for entry in norm.attribute}.get("epsilon", 1e-5)
        gain /= np.sqrt(variance + epsilon)
        scale, shift = (values.repeat(math.prod(plane)) for values in (gain, bias - mean * gain))
        weight = weight * (scale[:, None] if options.get("transB") else scale)
        if len(dense.input) > 2:
            shift += constants[dense.input[2]] * scale
        folded = {f"{norm.input[1]}.folded": weight, f"{norm.input[2]}.folded": shift}
        for name, values in folded.items():
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
        del dense.input[1:]
        dense.input.extend(folded)
        reshape.output[0] = norm.output[0]
        graph.node.remove(norm)


def strip(proto: onnx.ModelProto) -> None:
    """Remove debugging information, which has local paths in it, and unused weights."""
    for message in list(contract.messages(proto)):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    graph = proto.graph
    del graph.value_info[:]
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def find_int8(proto: onnx.ModelProto) -> dict[str, Quantized]:
    """The float32 weights that came from an int8 file (:mod:`ganzoo.generators.int8`), by name, as int8 and scales."""
    found = {tensor.name: requantize(numpy_helper.to_array(tensor)) for tensor in proto.graph.initializer}
    return {name: quantized for name, quantized in found.items() if quantized is not None}


def keep_int8(proto: onnx.ModelProto, found: Mapping[str, Quantized]) -> None:
    """Store weights as int8 again, in place. onnxruntime dequantises them once, in float32, when it loads the file."""
    graph = proto.graph
    dequantizing = []
    for tensor in [tensor for tensor in graph.initializer if tensor.name in found]:
        quantized, scales, floats, products = (
            f"{tensor.name}.{part}" for part in ("int8", "scales", "floats", "product")
        )
        integers, steps = found[tensor.name]
        graph.initializer.extend([numpy_helper.from_array(integers, quantized), numpy_helper.from_array(steps, scales)])
        is_half = tensor.data_type == onnx.TensorProto.FLOAT16  # CPUs multiply float16 in each run, not at the start
        result = products if is_half else tensor.name
        dequantizing += [
            helper.make_node("Cast", [quantized], [floats], name=f"cast_{tensor.name}", to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [floats, scales], [result], name=f"dequantize_{tensor.name}"),
        ]
        if is_half:
            dequantizing.append(helper.make_node("Cast", [result], [tensor.name], to=tensor.data_type))
        graph.initializer.remove(tensor)
    for node in reversed(dequantizing):
        graph.node.insert(0, node)


def output_bytes(proto: onnx.ModelProto, metadata: ExportMetadata) -> None:
    """Convert the output to images inside the graph, as :func:`ganzoo.generators.images.to_uint8` does outside it."""
    assert metadata.range is not None
    low, high = metadata.range
    graph = proto.graph
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == "samples":
                node.output[index] = "floats"
    steps: list[tuple[str, list[str], dict[str, Any]]] = [
        ("Sub", ["floats", "low"], {}),
        ("Mul", ["from_zero", "levels_per_unit"], {}),
        ("Round", ["levels"], {}),
        ("Clip", ["whole", "black", "white"], {}),
        ("Cast", ["clipped"], {"to": onnx.TensorProto.UINT8}),
        ("Transpose", ["pixels"], {"perm": [0, 2, 3, 1]}),
    ]
    names = ["from_zero", "levels", "whole", "clipped", "pixels", "samples"]
    for (kind, given, attributes), name in zip(steps, names, strict=True):
        graph.node.append(helper.make_node(kind, given, [name], name=f"bytes_{kind.lower()}", **attributes))
    for name, value in {"low": low, "levels_per_unit": 255 / (high - low), "black": 0, "white": 255}.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("samples", onnx.TensorProto.UINT8, metadata.output.shape))


def set_model_info(proto: onnx.ModelProto, metadata: ExportMetadata, paper: str) -> None:
    """Set the producer, name and description, which every ONNX tool shows, and the metadata."""
    gan, data, iterations = metadata.gan, metadata.data.name, metadata.iterations
    proto.producer_name, proto.producer_version = "ganzoo", version("ganzoo-kit")
    proto.graph.name = gan
    subject = f"Generator of {gan}" if metadata.stage == "child" else f"Parent inside a generator of {gan}"
    source = f" ({paper})" if paper else ""
    proto.doc_string = f"{subject}{source}, trained on {data} for {iterations:,} iterations"
    contract.write_metadata(proto, metadata)
