"""What an ONNX file of ganzoo holds, on both sides: what the exporter writes, and what a reader may rely on.

The graph has the inputs ``z``, float32 ``(N, latent)``, and for a conditional GAN ``labels``, int64 ``(N,)``, or
``conditions``, float32 ``(N, p)``. It has one output, ``samples``: float32 ``(N, *shape)`` in the stated range, or
uint8 ``(N, H, W, C)``. N is the only dynamic axis and may be anything from 1. There are standard operators only, and
all weights are inside the file.

``metadata_props`` has one entry, ``ganzoo``: the header of the weights (:mod:`ganzoo.generators.header`) as JSON, with further
keys that :func:`describe` and :func:`ganzoo.export.export` add.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from ganzoo.generators import onnx_reader as onnxfile
from ganzoo.generators.base import Stage
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

with needs():
    import onnx
    from google.protobuf.message import DecodeError, Message
    from onnx import checker, helper, shape_inference

OPSET = 20
"""torch's own default, so what its exporter is tested with most. onnxruntime reads it, in the file format that comes
with it, since 1.18 (May 2024), and ganzoo asks for a later one."""

DTYPES: Mapping[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.UINT8: "uint8",
}

Form = Literal["fp32", "fp16", "int8"]
Metadata = dict[str, Any]


def inputs(header: Mapping[str, Any]) -> list[Metadata]:
    """Name, dtype and shape of every input, in order."""
    listed: list[Metadata] = [
        {"name": "z", "dtype": "float32", "shape": ["N", header["latent_dim"]], "distribution": header["distribution"]}
    ]
    if header["num_classes"]:
        listed.append({"name": "labels", "dtype": "int64", "shape": ["N"], "classes": header["data"]["classes"]})
    elif header["condition_dim"]:
        listed.append({"name": "conditions", "dtype": "float32", "shape": ["N", header["condition_dim"]]})
    return listed


def output(header: Mapping[str, Any], *, uint8: bool) -> Metadata:
    """Name, dtype, layout, shape and range of the output."""
    shape, image = header["shape"], len(header["shape"]) == 3
    if uint8:
        if not image or header["range"] is None:
            raise GanzooError(f"{header['gan']} makes no images, so it cannot make bytes; leave out --uint8")
        channels, *plane = shape
        shape, limits, layout = [*plane, channels], [0, 255], "NHWC"
    else:
        limits, layout = header["range"], "NCHW" if image else "vector"
    dtype = "uint8" if uint8 else "float32"
    return {"name": "samples", "dtype": dtype, "shape": ["N", *shape], "layout": layout, "range": limits}


def describe(header: Mapping[str, Any], *, form: Form, uint8: bool, stage: Stage) -> Metadata:
    """What a file says of itself, from what its weights say."""
    described = {"inputs": inputs(header), "output": output(header, uint8=uint8), "form": form, "stage": stage}
    return {**header, **described}


def write_metadata(proto: onnx.ModelProto, metadata: Mapping[str, Any]) -> None:
    """Put metadata into a model, in place of what it had."""
    del proto.metadata_props[:]
    helper.set_model_props(proto, {"ganzoo": json.dumps(metadata, allow_nan=False)})


def read(path: str | Path) -> tuple[onnx.ModelProto, Metadata]:
    """A model and its metadata, from a file that may be anything.

    Raises:
        GanzooError: it is no ONNX file, or none that keeps the contract. Nothing outside the file is opened, and
            nothing is allocated by what the file claims.
    """
    content, metadata = onnxfile.read(path)
    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise GanzooError(f"{path} is no readable ONNX file: {first_line(error)}") from None
    agrees(metadata, path)
    examine(proto, metadata, path)
    return proto, metadata


def examine(proto: onnx.ModelProto, metadata: Metadata, path: str | Path) -> None:
    """Refuse a graph that is not valid, or not the one that its metadata describe."""
    refuse_foreign(proto, path)
    fits(proto, metadata, path)
    try:
        checker.check_model(proto, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError, ValueError) as error:
        raise GanzooError(f"{path} holds no valid graph: {first_line(error)}") from None


def agrees(metadata: Metadata, path: str | Path) -> None:
    """Refuse metadata whose further keys do not follow from the header."""
    uint8 = metadata["output"]["dtype"] == "uint8"
    good = {
        "form": metadata.get("form") in get_args(Form),
        "stage": metadata.get("stage") in get_args(Stage),
        "inputs": metadata.get("inputs") == inputs(metadata),
        "output": metadata["output"] == output(metadata, uint8=uint8),
    }
    for name in (name for name, holds in good.items() if not holds):
        raise GanzooError(f"{path} has bad metadata: '{name}' is {shown(metadata.get(name))}")


def refuse_foreign(proto: onnx.ModelProto, path: str | Path) -> None:
    """Refuse operators that are not ONNX's own, and sparse tensors, which may be far larger than they look."""
    for message in messages(proto):
        if isinstance(message, onnx.SparseTensorProto):
            raise GanzooError(f"{path} holds a sparse tensor, which no export of ganzoo does")
        if isinstance(message, onnx.NodeProto) and message.domain:
            raise GanzooError(f"{path} needs operators of {shown(message.domain)}, which ONNX does not have")


def messages(message: Message) -> Iterator[Message]:
    """A message and all within it, at any depth."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in [value] if isinstance(value, Message) else value:
                yield from messages(inner)


def fits(proto: onnx.ModelProto, metadata: Mapping[str, Any], path: str | Path) -> None:
    """Refuse a graph whose inputs or output are not those that its metadata describe."""
    opsets = {(used.domain, used.version) for used in proto.opset_import}
    if opsets != {("", OPSET)}:
        raise GanzooError(f"{path} has the operators of {shown(sorted(opsets))}; ganzoo writes opset {OPSET} alone")
    described = [*metadata["inputs"], metadata["output"]]
    found = [*proto.graph.input, *proto.graph.output]
    expected = [(value["name"], value["dtype"], value["shape"]) for value in described]
    signature = [signature_of(value) for value in found]
    for there, wanted in zip(signature, expected, strict=False):
        if there != wanted:
            raise GanzooError(f"{path} does not fit its metadata: it has {text(there)}, expected {text(wanted)}")
    if len(signature) != len(expected):
        raise GanzooError(f"{path} has {len(signature)} inputs and outputs, expected {len(expected)}")


def signature_of(value: onnx.ValueInfoProto) -> tuple[str, str, list[int | str]]:
    """Name, dtype and shape of an input or output."""
    kind = value.type.tensor_type
    dtype = DTYPES.get(kind.elem_type, f"type {kind.elem_type}")
    return value.name, dtype, [side.dim_param or side.dim_value for side in kind.shape.dim]


def text(signature: tuple[str, str, list[int | str]]) -> str:
    name, dtype, shape = signature
    return f"{name[:40]} {dtype} ({', '.join(map(str, shape[:6]))})"


def widest(proto: onnx.ModelProto, path: str | Path) -> tuple[int, int]:
    """Values that the largest tensor on the way holds for one sample, and those of the largest without samples."""
    try:
        inferred = shape_inference.infer_shapes(proto, data_prop=True)
    except (shape_inference.InferenceError, ValueError) as error:
        raise GanzooError(f"{path} holds no valid graph: {first_line(error)}") from None
    graph = inferred.graph
    shapes = [value.type.tensor_type.shape.dim for value in [*graph.value_info, *graph.input, *graph.output]]
    fixed = [all(side.HasField("dim_value") for side in shape) for shape in shapes]
    sizes = [math.prod(int(side.dim_value) or 1 for side in shape) for shape in shapes]
    return (
        max(size for size, known in zip(sizes, fixed, strict=True) if not known),
        max((size for size, known in zip(sizes, fixed, strict=True) if known), default=0),
    )


def shown(value: object) -> str:
    """A value that came with a file, short enough for one line."""
    text = repr(value)
    return f"{text[:60]}{'...' * (len(text) > 60)}"


def first_line(error: Exception) -> str:
    """What an error of a foreign library says, short enough for one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
