"""Export of generators to ONNX. A file is written only if onnxruntime gives the samples of torch.

    report = export(ganzoo.load("dcgan"), "dcgan.onnx")

A generator is traced in evaluation mode, and its normalisations are folded into its weights. Its graph is then run in
onnxruntime, and compared with torch on many seeds in batches of several sizes. The contract of the files is in
:mod:`ganzoo.export.contract`.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from torch import nn

from ganzoo.export import contract, dtypes, graph, parity
from ganzoo.export import opset as opsets
from ganzoo.export.parity import TOLERANCE, Report
from ganzoo.generators.metadata import ENTRY_INPUTS, ExportMetadata, Precision, Stage, shown
from ganzoo.generators.weights import Model, find_entry
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write

__all__ = ["TOLERANCE", "Precision", "Report", "check", "export", "verify"]


def export(
    model: Model,
    path: str | Path,
    *,
    precision: Precision = "fp32",
    uint8: bool = False,
    stage: Stage = "child",
    opset: int | None = None,
    inputs: Sequence[str] = (),
    entry: str = "",
    tolerance: float = TOLERANCE,
) -> Report:
    """Write a generator to an ONNX file, if its graph gives the samples of torch.

    Args:
        model: a trained generator; it is not changed. Settings of sampling that were chosen with
            :meth:`~ganzoo.generators.base.TrainedGenerator.with_settings` are fixed in the file.
        path: of the file, which is replaced if it exists.
        precision: of weights and arithmetic: ``fp32``, or ``fp16`` or ``int8``, which change samples a little. Inputs
            and output stay float32.
        uint8: make the output images, uint8 ``(N, H, W, C)``, as :func:`ganzoo.generators.images.to_uint8` does.
        stage: ``parent`` exports the parent inside a child.
        opset: version of the ONNX operators, one of :data:`ganzoo.export.contract.OPSETS`; by default the lowest that
            the graph needs, which the most runtimes read.
        inputs: settings of sampling that become inputs of the graph, float32 scalars.
        entry: export this method instead of the generator, such as ``generator.encode``. Its arguments are called
            ``z``, ``labels``, ``conditions`` or ``samples`` (also ``x`` or ``images``); its output is ``outputs``.
        tolerance: largest difference from torch in fp32, see :data:`ganzoo.export.parity.TOLERANCE`. With ``uint8`` it
            is one level. ``fp16`` and ``int8`` are checked by :data:`ganzoo.export.parity.MIN_PSNR` instead.

    Returns:
        The differences from torch, which the metadata of the file hold too.

    Raises:
        GanzooError: the generator cannot be traced, differs too much from torch, needs a newer ``opset``, or makes no
            images where ``uint8`` is asked for; or the file cannot be written. No file is written then.
    """
    if uint8 and not model.metadata.is_image:
        raise GanzooError(f"{model.metadata.gan} makes no images, so it cannot make bytes; leave out --uint8")
    if precision not in get_args(Precision):
        raise GanzooError(f"precision={precision!r:.60} is not one of {', '.join(get_args(Precision))}")
    if not 0 < tolerance < math.inf:
        raise GanzooError(f"tolerance={tolerance} is out of range; give a number above 0")
    opsets.check_choice(opset)
    sampling_inputs = scalar_inputs(model, inputs)
    if entry and (uint8 or stage != "child" or model.sampling or inputs):
        raise GanzooError(f"{entry} makes no samples; leave out --uint8, --stage, --set and --input")
    metadata = ExportMetadata(
        **vars(model.metadata),
        output_dtype="uint8" if uint8 else "float32",
        precision=precision,
        stage=stage,
        sampling=dict(model.sampling),
        sampling_inputs=sampling_inputs,
        weights_sha256=weights_sha256(model),
    )
    if entry:
        metadata = described(replace(metadata, entry=entry), model)
    generator = network_of(model, metadata)
    proto = dtypes.convert(graph.trace(generator, metadata, max(opsets.TRACED, opset or 0)), metadata)
    if uint8:
        graph.output_bytes(proto, metadata)
    metadata = replace(metadata, opset=opsets.set_opset(proto, metadata, opset))
    graph.set_model_info(proto, metadata, model.recipe.gan.paper)
    contract.check_graph(proto, metadata, path)
    report = parity.compare(proto, metadata, generator, tolerance)
    report.require(str(path), "no file was written")
    contract.write_metadata(proto, replace(metadata, parity=report.to_json()))
    with atomic_write(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
        contract.read(temporary)
    return report


def network_of(model: Model, metadata: ExportMetadata) -> nn.Module:
    """What a file is a graph of: the generator, its parent, or a method of the networks."""
    whole = graph.Entry(model.networks, metadata.entry) if metadata.entry else model.generator(metadata.stage)
    return graph.standalone(whole, metadata)


NAMES = {"x": "samples", "images": "samples"}
"""Other names of what a method takes."""


def described(metadata: ExportMetadata, model: Model) -> ExportMetadata:
    """The metadata of an entry with what its method takes and gives.

    Raises:
        GanzooError: there is no such method, or an argument is none of those that a file can have.
    """
    entry = metadata.entry
    found = find_entry(model.networks, entry)
    arguments = inspect.signature(found.forward if isinstance(found, nn.Module) else found).parameters.values()
    names = [NAMES.get(each.name, each.name) for each in arguments if each.kind is each.POSITIONAL_OR_KEYWORD]
    if isinstance(found, nn.Module) and len(names) == 1 and names[0] not in ENTRY_INPUTS:
        names = ["samples"]  # torch's own layers call it input
    possible = replace(metadata, entry_inputs=ENTRY_INPUTS)
    if unknown := [name for name in names if name not in {one.name for one in possible.inputs}]:
        raise GanzooError(
            f"{entry} takes '{unknown[0][:60]}', which {metadata.gan} has not; an exported method takes some of: "
            f"{', '.join(one.name for one in possible.inputs)} (or x for samples)"
        )
    metadata = replace(metadata, entry_inputs=tuple(names))
    shapes = []
    for extra in (0, 8):
        feeds = parity.feeds_of(metadata, range(2), (extra, 2 * extra))
        shapes.append((feeds, model.call(entry, *feeds.values()).shape[1:]))
    (feeds, shape), (larger, other) = shapes
    sides = {values.shape[2:]: larger[name].shape[2:] for name, values in feeds.items() if values.ndim == 4}
    if shape != other:
        if len(shape) != 3 or sides.get(shape[1:]) != other[1:]:
            raise GanzooError(f"{entry} gives {shape} and {other} for images of two sizes, which no file describes")
        return replace(metadata, entry_shape=(shape[0], "H", "W"))
    return replace(metadata, entry_shape=shape)


def scalar_inputs(model: Model, names: Sequence[str]) -> dict[str, float]:
    """The defaults of settings of sampling that become inputs of a graph.

    Raises:
        GanzooError: there is no such setting, it is no number, or it has a fixed value already.
    """
    defaults = {}
    for name in dict.fromkeys(names):
        default = model.sampling_setting(name).default
        if name in model.sampling:
            raise GanzooError(f"'{name}' has the fixed value {model.sampling[name]}; leave that out, or the input")
        if not isinstance(default, float):
            raise GanzooError(f"'{name}' is {default!r:.60} by default, and an input is a number like 0.5; fix it")
        defaults[name] = default
    return defaults


def verify(path: str | Path, model: Model, *, tolerance: float = TOLERANCE) -> Report:
    """Compare an existing ONNX file with the generator that it was exported from.

    Raises:
        GanzooError: the file breaks the contract, is of another generator, or differs too much from this one.
    """
    proto, metadata = contract.read(path)
    for name in ("gan", "shape", "range", "latent_dim", "distribution", "num_classes", "condition", "free"):
        found, wanted = getattr(metadata, name), getattr(model.metadata, name)
        if found != wanted:
            raise GanzooError(f"{path} is of another generator: its {name} is {shown(found)}, not {shown(wanted)}")
    generator = network_of(model, metadata)
    report = parity.compare(proto, metadata, generator, tolerance)
    report.require(str(path), "it is not of these weights, or is damaged")
    return report


def check(path: str | Path) -> ExportMetadata:
    """Check an ONNX file without the weights: its contract, and that its samples are finite and in range.

    Returns:
        The metadata of the file.

    Raises:
        GanzooError: the file breaks the contract, or its samples are not finite or out of range.
    """
    proto, metadata = contract.read(path)
    parity.check_samples(proto, metadata, str(path))
    return metadata


def weights_sha256(model: Model) -> str:
    """SHA-256 of the weights file of a model: what ``sha256sum weights.safetensors`` prints after ``model.save``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        model.save(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
