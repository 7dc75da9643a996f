"""From a generator in torch to an ONNX graph: traced, folded, and stripped of what is of no use elsewhere."""

from __future__ import annotations

import copy
import io
import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from ganzoo.export import contract
from ganzoo.generators.int8 import packed_already
from ganzoo.generators.onnx_reader import LARGEST_FILE
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

with needs():
    import onnx
    import onnxscript  # noqa: F401  torch's exporter asks for it late, and less clearly
    from onnx import helper, numpy_helper

TRACED = 2  # samples in the traced batch; torch takes a batch of 1 for a constant


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters and converters talk to their own developers; what matters here is what comes out, which is checked."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def standalone(generator: nn.Module) -> nn.Module:
    """A copy on the CPU in evaluation mode, its parametrised weights (spectral normalisation, ...) made plain."""
    alone = copy.deepcopy(generator).cpu().eval().requires_grad_(False)
    for module in alone.modules():
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name)
    return alone


def trace(generator: nn.Module, header: Mapping[str, Any]) -> onnx.ModelProto:
    """The graph of a generator: float32, with N as its only dynamic axis.

    Raises:
        GanzooError: its forward cannot be traced, or the weights are more than one file can hold.
    """
    described = contract.inputs(header)
    size = sum(tensor.nbytes for tensor in generator.state_dict().values())
    if size > LARGEST_FILE:
        raise GanzooError(f"the generator of {header['gan']} has {size:,} bytes; a file may have {LARGEST_FILE:,}")
    dtypes = {"float32": torch.float32, "int64": torch.int64}
    example = tuple(torch.zeros(TRACED, *value["shape"][1:], dtype=dtypes[value["dtype"]]) for value in described)
    batch = torch.export.Dim("N")
    try:
        with quiet():
            program = torch.onnx.export(
                generator,
                example,
                dynamo=True,
                external_data=False,
                verbose=False,
                opset_version=contract.OPSET,
                input_names=[value["name"] for value in described],
                output_names=["samples"],
                dynamic_shapes=tuple({0: batch} for _ in example),
            )
        assert program is not None
        proto = program.model_proto
    except Exception as error:  # whatever the exporter raises, it is the generator's forward that it cannot take
        raise GanzooError(
            f"the generator of {header['gan']} cannot be exported: {contract.first_line(error)} "
            f"(ganzoo check {header['gan']})"
        ) from error
    fold_norms(proto.graph)
    strip(proto)
    return proto


def fold_norms(graph: onnx.GraphProto) -> None:
    """Fold normalisations that follow a dense layer and a reshape into that layer.

    The exporter folds those that follow a layer directly, and does not look through a reshape.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        reshape = makers.get(norm.input[0])
        dense = makers.get(reshape.input[0]) if reshape is not None and reshape.op_type == "Reshape" else None
        if reshape is None or dense is None or dense.op_type != "Gemm":
            continue
        numbers = {entry.name: helper.get_attribute_value(entry) for entry in dense.attribute}
        plain = numbers.get("alpha", 1.0) == numbers.get("beta", 1.0) == 1.0
        known = {*dense.input[1:], *norm.input[1:], reshape.input[1]} <= constants.keys()
        if not (plain and known and uses[reshape.output[0]] == uses[dense.output[0]] == 1):
            continue
        gain, bias, mean, variance = (constants[name].astype(np.float64) for name in norm.input[1:])
        weight = constants[dense.input[1]]
        features = weight.shape[0 if numbers.get("transB") else 1]
        channels, *plane = constants[reshape.input[1]][1:].tolist()
        if channels != len(gain) or channels * math.prod(plane) != features:
            continue
        epsilon = {entry.name: entry.f for entry in norm.attribute}.get("epsilon", 1e-5)
        gain /= np.sqrt(variance + epsilon)
        scale, shift = (values.repeat(math.prod(plane)) for values in (gain, bias - mean * gain))
        weight = weight * (scale[:, None] if numbers.get("transB") else scale)
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
    """Take out what only a debugger reads, local paths among it, and weights that nothing uses."""
    for message in list(contract.messages(proto)):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    graph = proto.graph
    del graph.value_info[:]
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def keep_packed(proto: onnx.ModelProto) -> None:
    """Store weights that were packed (:mod:`ganzoo.generators.int8`) as the bytes they are; the graph computes what it did.

    onnxruntime multiplies levels and scales when it loads the file, so nothing is slower afterwards.
    """
    graph = proto.graph
    unpacking = []
    for tensor in list(graph.initializer):
        packed = packed_already(numpy_helper.to_array(tensor))
        if packed is None:
            continue
        levels, scales, floats = (f"{tensor.name}.{part}" for part in ("levels", "scales", "floats"))
        graph.initializer.append(numpy_helper.from_array(packed[0], levels))
        graph.initializer.append(numpy_helper.from_array(packed[1], scales))
        unpacking += [
            helper.make_node("Cast", [levels], [floats], name=f"cast_{tensor.name}", to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [floats, scales], [tensor.name], name=f"unpack_{tensor.name}"),
        ]
        graph.initializer.remove(tensor)
    for node in reversed(unpacking):
        graph.node.insert(0, node)


def emit_bytes(proto: onnx.ModelProto, header: Mapping[str, Any]) -> None:
    """Turn the samples into images within the graph, as :func:`ganzoo.generators.images.to_uint8` does outside it."""
    described = contract.output(header, uint8=True)
    low, high = header["range"]
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
    graph.output.append(helper.make_tensor_value_info("samples", onnx.TensorProto.UINT8, described["shape"]))


def sign(proto: onnx.ModelProto, metadata: Mapping[str, Any], paper: str) -> None:
    """Say what it is, in the fields that every ONNX tool shows as well as in the metadata."""
    gan, data = metadata["gan"], metadata["data"]["name"]
    proto.producer_name, proto.producer_version = "ganzoo", version("ganzoo-kit")
    proto.graph.name = gan
    who = f"Generator of {gan}" if metadata["stage"] == "child" else f"The parent within a generator of {gan}"
    source = f" ({paper})" if paper else ""
    proto.doc_string = f"{who}{source}, trained on {data} for {metadata['iterations']:,} iterations"
    contract.write_metadata(proto, metadata)
