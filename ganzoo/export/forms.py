"""Smaller forms of a graph: half precision, and eight-bit weights."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ganzoo.export.contract import Form
from ganzoo.export.graph import quiet, strip
from ganzoo.lazy import needs

with needs():
    import onnx
    import onnx_ir


def reduced(proto: onnx.ModelProto, form: Form) -> onnx.ModelProto:
    """A float32 graph in another form. Inputs and output stay float32."""
    if form == "fp32":
        return proto
    made = halves(proto) if form == "fp16" else eighths(proto)
    strip(made)
    return made


def halves(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Weights and arithmetic in float16, half the size."""
    with quiet(), needs():
        from onnxruntime.transformers.float16 import convert_float_to_float16

        converted: onnx.ModelProto = convert_float_to_float16(proto, keep_io_types=True)
    made = onnx_ir.from_proto(converted)
    made.graph.sort()  # the converter puts its casts last
    return onnx_ir.to_proto(made)


def eighths(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Dense and convolutional weights as int8, activations quantised as they come, by their range in the batch.

    A sample therefore depends, slightly, on the others in its batch. Transposed convolutions stay float32.
    """
    with quiet(), needs(), tempfile.TemporaryDirectory() as folder:
        from onnxruntime.quantization import quantize_dynamic

        path = Path(folder) / "int8.onnx"
        quantize_dynamic(proto, path)
        made = onnx.load(path)
    used = {node.domain for node in made.graph.node}
    for opset in [opset for opset in made.opset_import if opset.domain not in used]:
        made.opset_import.remove(opset)
    return made
