"""Generators as ONNX files that are checked before they exist, and the same checks for files that exist already.

    report = export(ganzoo.load("dcgan"), "dcgan.onnx")

A generator is traced in evaluation mode, its normalisations are folded into its weights, and the graph is run in
onnxruntime beside torch on many seeds in batches of several sizes. Only a graph that agrees becomes a file; what it
says of itself is described in :mod:`ganzoo.export.contract`.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from ganzoo.export import contract, graph, parity
from ganzoo.export import dtypes as forms
from ganzoo.export.contract import Form
from ganzoo.export.parity import TOLERANCE, Report
from ganzoo.generators.base import Stage
from ganzoo.generators.weights import Model
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write

__all__ = ["TOLERANCE", "Form", "Report", "check", "export", "verify"]


def export(
    model: Model,
    path: str | Path,
    *,
    form: Form = "fp32",
    uint8: bool = False,
    stage: Stage = "child",
    tolerance: float = TOLERANCE,
) -> Report:
    """Write a generator into an ONNX file, once it is proved to make what torch makes.

    Args:
        model: a trained generator; it is not changed.
        path: of the file, which is replaced if it exists.
        form: numbers in the graph: ``fp32``, or ``fp16`` or ``int8``, which lose some quality. Inputs stay as they are.
        uint8: images leave the graph as bytes ``(N, H, W, C)``, rounded as :func:`ganzoo.generators.images.to_uint8` does.
        stage: ``parent`` exports the parent within a child.
        tolerance: largest difference of float32 values from torch, see :data:`ganzoo.export.parity.TOLERANCE`; bytes
            may be off by one level, and smaller forms are judged by :data:`ganzoo.export.parity.FLOORS`.

    Returns:
        How far the file is from torch. The file says it too.

    Raises:
        GanzooError: the generator cannot be traced, differs too much from torch or loses too much quality, samples
            that are no images are wanted as bytes, or the file cannot be written. There is no new file then.
    """
    generator = graph.standalone(model.generator(stage))
    proto = forms.formed(graph.trace(generator, model.header), form, model.header)
    graph.keep_packed(proto)
    if uint8:
        graph.emit_bytes(proto, model.header)
    metadata = contract.describe(model.header, form=form, uint8=uint8, stage=stage)
    metadata |= {"weights_sha256": weights_sha256(model), "opset": contract.OPSET}
    graph.sign(proto, metadata, model.recipe.gan.paper)
    contract.examine(proto, metadata, path)
    report = parity.compare(proto, metadata, generator, tolerance)
    report.require(str(path), "no file was written")
    contract.write_metadata(proto, metadata | {"parity": report.entry()})
    with atomic_write(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
        contract.read(temporary)
    return report


def verify(path: str | Path, model: Model, *, tolerance: float = TOLERANCE) -> Report:
    """Compare an ONNX file with the generator that it should hold, as :func:`export` did; nothing is written.

    Raises:
        GanzooError: the file is none that :func:`export` writes, is of another generator, or differs too much from it.
    """
    proto, metadata = contract.read(path)
    for key in ("gan", "shape", "range", "latent_dim", "distribution", "num_classes", "condition_dim"):
        if metadata[key] != model.header[key]:
            there, wanted = contract.shown(metadata[key]), contract.shown(model.header[key])
            raise GanzooError(f"{path} is of another generator: its {key} is {there}, not {wanted}")
    generator = graph.standalone(model.generator(metadata["stage"]))
    report = parity.compare(proto, metadata, generator, tolerance)
    report.require(str(path), "it is not of these weights, or is damaged")
    return report


def check(path: str | Path) -> contract.Metadata:
    """Judge an ONNX file by itself: its contract, and that what it makes is finite and in range.

    Returns:
        The file's metadata.

    Raises:
        GanzooError: whatever is wrong first.
    """
    proto, metadata = contract.read(path)
    parity.sound(proto, metadata, str(path))
    return metadata


def weights_sha256(model: Model) -> str:
    """Of the weights file that holds this model: what ``sha256sum weights.safetensors`` prints."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        model.save(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
