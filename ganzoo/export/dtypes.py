"""Conversion of a traced graph to the precision of its file: fp32, fp16 or int8."""

from __future__ import annotations

from ganzoo.export.conv_to_gemm import conv_to_gemm
from ganzoo.export.graph import find_int8, keep_int8, quiet, strip
from ganzoo.export.quantize import quantize, shrink_constants
from ganzoo.generators.metadata import ExportMetadata
from ganzoo.util.optional import needs

with needs():
    import onnx
    import onnx_ir


def convert(proto: onnx.ModelProto, metadata: ExportMetadata) -> onnx.ModelProto:
    """A traced graph in ``metadata.precision``. Inputs and output stay float32."""
    branches = any(entry.type == onnx.AttributeProto.GRAPH for node in proto.graph.node for entry in node.attribute)
    if not branches and metadata.precision != "fp16":  # a rewrite would lose the tensors that a branch refers to
        conv_to_gemm(proto, all_convs=metadata.precision == "int8")
        if metadata.precision == "int8":
            quantize(proto, metadata)
    strip(proto)
    found = find_int8(proto)
    if metadata.precision == "fp16":
        proto = to_fp16(proto)
    keep_int8(proto, found)
    if metadata.precision == "int8":
        shrink_constants(proto)
    strip(proto)
    return proto


def to_fp16(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights and arithmetic in float16: half the size."""
    with quiet(), needs():
        from onnxruntime.transformers.float16 import convert_float_to_float16

        converted: onnx.ModelProto = convert_float_to_float16(proto, keep_io_types=True)
    model = onnx_ir.from_proto(converted)
    model.graph.sort()  # the converter appends its casts at the end
    return onnx_ir.to_proto(model)
