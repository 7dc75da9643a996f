"""The contract of ganzoo's ONNX files, which the exporter and the checks share.

The graph has the inputs ``z``, float32 ``(N, latent_dim)``, and for a conditional GAN ``labels``, int64 ``(N,)``,
``conditions``, float32 ``(N, condition_dim)``, or both. Conditions that are images are float32 ``(N, c, h, w)`` in the
range of the samples. Its one output is ``samples``: float32 ``(N, *shape)``, or uint8 ``(N, H, W, C)``. N is the only
dynamic axis, and at least 1; of a generator that takes images of any size, H and W are dynamic too. The graph uses
standard operators only, and all weights are inside the file. ``metadata_props`` has one entry, ``ganzoo``: the JSON of
:class:`ganzoo.generators.metadata.ExportMetadata`.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganzoo.generators import onnx_reader
from ganzoo.generators.metadata import ExportMetadata, Tensor, shown
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

with needs():
    import onnx
    from google.protobuf.message import DecodeError, Message
    from onnx import checker, helper, shape_inference

OPSETS = range(13, 21)
"""Opsets that are written and read. 13 is the first with scales for each channel, which int8 needs."""

DTYPES: Mapping[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.UINT8: "uint8",
}


def write_metadata(proto: onnx.ModelProto, metadata: ExportMetadata) -> None:
    """Replace the metadata of a model."""
    del proto.metadata_props[:]
    helper.set_model_props(proto, {"ganzoo": json.dumps(metadata.to_json(), allow_nan=False)})


def read(path: str | Path) -> tuple[onnx.ModelProto, ExportMetadata]:
    """The model and metadata of a file that is not trusted.

    Raises:
        GanzooError: it is no ONNX file, or breaks the contract. Nothing outside the file is opened, and nothing is
            allocated because the file asks for it.
    """
    content, metadata = onnx_reader.read(path)
    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise GanzooError(f"{path} is no readable ONNX file: {first_line(error)}") from None
    check_graph(proto, metadata, path)
    return proto, metadata


def check_graph(proto: onnx.ModelProto, metadata: ExportMetadata, path: str | Path) -> None:
    """Refuse a graph that is invalid, or that its metadata do not describe."""
    check_operators(proto, path)
    check_signature(proto, metadata, path)
    try:
        checker.check_model(proto, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError, ValueError) as error:
        raise GanzooError(f"{path} holds no valid graph: {first_line(error)}") from None


def check_operators(proto: onnx.ModelProto, path: str | Path) -> None:
    """Refuse operators that are not ONNX's own, and sparse tensors, which can be far larger than their bytes."""
    for message in messages(proto):
        if isinstance(message, onnx.SparseTensorProto):
            raise GanzooError(f"{path} holds a sparse tensor, which no export of ganzoo does")
        if isinstance(message, onnx.NodeProto) and message.domain:
            raise GanzooError(f"{path} needs operators of {shown(message.domain)}, which ONNX does not have")


def messages(message: Message) -> Iterator[Message]:
    """A protobuf message and all messages inside it, at any depth."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in [value] if isinstance(value, Message) else value:
                yield from messages(inner)


def check_signature(proto: onnx.ModelProto, metadata: ExportMetadata, path: str | Path) -> None:
    """Refuse a graph whose opset, inputs or output differ from its metadata."""
    opsets = {(used.domain, used.version) for used in proto.opset_import}
    if opsets != {("", metadata.opset)} or metadata.opset not in OPSETS:
        raise GanzooError(
            f"{path} uses the opsets {shown(sorted(opsets))}, its metadata say {metadata.opset}, and ganzoo writes one "
            f"of {OPSETS[0]} to {OPSETS[-1]}"
        )
    expected = [*metadata.inputs, metadata.output]
    found = [tensor_of(value) for value in (*proto.graph.input, *proto.graph.output)]
    for there, wanted in zip(found, expected, strict=False):
        if there != wanted:
            raise GanzooError(f"{path} does not fit its metadata: it has {text(there)}, expected {text(wanted)}")
    if len(found) != len(expected):
        raise GanzooError(f"{path} has {len(found)} inputs and outputs, expected {len(expected)}")


def tensor_of(value: onnx.ValueInfoProto) -> Tensor:
    """Name, dtype and shape of an input or output."""
    kind = value.type.tensor_type
    dtype = DTYPES.get(kind.elem_type, f"type {kind.elem_type}")
    return Tensor(value.name, dtype, tuple(side.dim_param or side.dim_value for side in kind.shape.dim))


def text(tensor: Tensor) -> str:
    """A tensor from a file in one bounded line."""
    return f"{tensor.name[:40]} {tensor.dtype} ({', '.join(str(side)[:20] for side in tensor.shape[:6])})"


def largest_tensors(
    proto: onnx.ModelProto, path: str | Path, sides: Mapping[str, int] | None = None
) -> tuple[int, int]:
    """Values in the largest tensor that depends on the batch, for one sample, and in the largest that does not.

    Args:
        proto: the model.
        path: of the file, for errors.
        sides: of inputs whose height and width are dynamic, by their names.
    """
    if sides:
        proto = copy.deepcopy(proto)
        del proto.graph.output[:]  # they follow from the inputs
        for side in (side for value in proto.graph.input for side in value.type.tensor_type.shape.dim):
            if side.dim_param in sides:
                side.dim_value = sides[side.dim_param]
    try:
        inferred = shape_inference.infer_shapes(proto, data_prop=True)
    except (shape_inference.InferenceError, ValueError) as error:
        raise GanzooError(f"{path} holds no valid graph: {first_line(error)}") from None
    graph = inferred.graph
    shapes = [value.type.tensor_type.shape.dim for value in [*graph.value_info, *graph.input, *graph.output]]
    fixed = [all(side.HasField("dim_value") for side in shape) for shape in shapes]
    sizes = [math.prod(int(side.dim_value) or 1 for side in shape) for shape in shapes]
    return (
        max(size for size, is_fixed in zip(sizes, fixed, strict=True) if not is_fixed),
        max((size for size, is_fixed in zip(sizes, fixed, strict=True) if is_fixed), default=0),
    )
