"""Smaller forms of a graph: half precision, and products in eight bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.export.contract import Form
from ganzoo.export.conv_to_gemm import multiply
from ganzoo.export.graph import quiet, strip
from ganzoo.export.quantize import quantise
from ganzoo.util.optional import needs

with needs():
    import onnx
    import onnx_ir


def formed(proto: onnx.ModelProto, form: Form, header: Mapping[str, Any]) -> onnx.ModelProto:
    """A traced graph in the form that it is written in. Inputs and output stay float32."""
    branches = any(entry.type == onnx.AttributeProto.GRAPH for node in proto.graph.node for entry in node.attribute)
    if form == "fp16":
        proto = halves(proto)
    elif not branches:  # which name values of the graph around them
        multiply(proto, eighths=form == "int8")
        if form == "int8":
            quantise(proto, header)
    strip(proto)
    return proto


def halves(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Weights and arithmetic in float16, half the size."""
    with quiet(), needs():
        from onnxruntime.transformers.float16 import convert_float_to_float16

        converted: onnx.ModelProto = convert_float_to_float16(proto, keep_io_types=True)
    made = onnx_ir.from_proto(converted)
    made.graph.sort()  # the converter puts its casts last
    return onnx_ir.to_proto(made)
