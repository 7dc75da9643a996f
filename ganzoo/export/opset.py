"""The opset of a file: the lowest that its graph needs, because old runtimes read old opsets only."""

from __future__ import annotations

import numpy as np

from ganzoo.export import parity
from ganzoo.export.contract import OPSETS
from ganzoo.generators.metadata import ExportMetadata
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

with needs():
    import onnx
    from onnx import checker, helper, numpy_helper

TRACED = 18
"""The opset that torch's exporter translates to. It converts the graph for newer ones."""
SEEDS = range(2)


def check_choice(opset: int | None) -> None:
    """Refuse an opset that ganzoo does not write."""
    if opset is not None and opset not in OPSETS:
        raise GanzooError(f"opset {opset} is out of range; give {OPSETS[0]} to {OPSETS[-1]}, or leave it out")


def set_opset(proto: onnx.ModelProto, metadata: ExportMetadata, wanted: int | None = None) -> int:
    """Set the opset of a traced graph and the IR version that belongs to it, in place.

    An operator of a newer opset often is the older one with more types. So each opset from the lowest is tried: it fits
    if the graph is valid, and onnxruntime gives the samples of the graph as it was traced.

    Args:
        proto: the graph.
        metadata: of the graph.
        wanted: one of :data:`OPSETS`; by default the lowest that fits.

    Returns:
        The opset.

    Raises:
        GanzooError: the wanted one does not fit.
    """
    traced = proto.opset_import[0].version
    drop_allowzero(proto)
    lowest = next((opset for opset in OPSETS if opset < traced and fits(proto, metadata, opset, traced)), traced)
    if wanted is not None and wanted < lowest:
        raise GanzooError(
            f"the generator of {metadata.gan} needs opset {lowest}; give --opset {lowest}, or leave it out"
        )
    stamp(proto, wanted or lowest)
    return wanted or lowest


def fits(proto: onnx.ModelProto, metadata: ExportMetadata, opset: int, traced: int) -> bool:
    """Whether a graph is valid and gives the same samples with the older of two opsets."""
    feeds = parity.feeds_of(metadata, SEEDS)
    try:
        stamp(proto, opset)
        checker.check_model(proto, full_check=True)
        (made,) = parity.open_session(proto).run([metadata.output.name], feeds)
        stamp(proto, traced)
        (expected,) = parity.open_session(proto).run([metadata.output.name], feeds)
    except Exception:  # the exceptions of onnx and onnxruntime have no common base class
        return False
    atol = 1e-2 if metadata.precision == "fp16" else 1e-5  # the order of operations depends on the opset
    return made.shape == expected.shape and np.allclose(made, expected, rtol=0, atol=atol, equal_nan=True)


def stamp(proto: onnx.ModelProto, opset: int) -> None:
    """Set the opset, and the oldest IR version that has it."""
    (used,) = proto.opset_import
    used.version = opset
    proto.ir_version = helper.find_min_ir_version_for([used])


def drop_allowzero(proto: onnx.ModelProto) -> None:
    """Remove ``allowzero``, which opset 13 does not have, where no side of the new shape is 0."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Reshape" and constants.get(node.input[1], np.zeros(1)).all():
            for attribute in [attribute for attribute in node.attribute if attribute.name == "allowzero"]:
                node.attribute.remove(attribute)
