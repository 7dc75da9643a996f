"""Published weights of ESRGAN's generator, in any of the three styles in which their tensors are named."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo import GanzooError
from ganzoo.parts import needs, torch

SIDE = 32  # of the image in the metadata; any other size is taken too
UNSHUFFLED = {1: 1, 4: 2, 16: 4}  # sides of squares by how many pixels they have

WRAPPERS = ("params_ema.", "params.")
"""What precedes all names of one network in a file that holds a training; the first is preferred."""

NAMES = (
    (r"model\.0\.", "conv_first."),  # the first release, in which all layers are numbered
    (r"model\.1\.sub\.(\d+)\.RDB([1-3])\.conv([1-5])\.0\.", r"body.\1.rdb\2.conv\3."),
    (r"model\.1\.sub\.\d+\.", "conv_body."),
    (r"RRDB_trunk\.(\d+)\.RDB([1-3])\.conv([1-5])\.", r"body.\1.rdb\2.conv\3."),  # ESRGAN
    (r"trunk_conv\.", "conv_body."),
    (r"upconv(\d)\.", r"conv_up\1."),
    (r"HRconv\.", "conv_hr."),
    (r"(conv_first|conv_last)\.", r"\1."),  # ESRGAN and BasicSR
    (r"body\.(\d+)\.rdb([1-3])\.conv([1-5])\.", r"body.\1.rdb\2.conv\3."),  # BasicSR and Real-ESRGAN
    (r"(conv_body|conv_hr|conv_up\d)\.", r"\1."),
)
"""Patterns of names without ``weight`` and ``bias``, and the names in this network."""

NUMBERED = re.compile(r"model\.([2-9]|1\d)\.")


def load_published(path: str | Path) -> Any:
    """The generator in a safetensors file of published ESRGAN or Real-ESRGAN weights.

    Sizes, number of blocks and factor are read from the tensors. Files of the first release, of ESRGAN and of BasicSR
    are known, whole or below ``params_ema`` or ``params``. Half precision becomes float32.

    Args:
        path: of the file. Published ``.pth`` files are pickles and not read; the page of esrgan says how to convert
            one.

    Returns:
        A trained generator as :func:`ganzoo.load` gives it, without a discriminator. It takes images of any size, as
        bytes or in [0, 1], and can be saved, sampled and exported.

    Raises:
        GanzooError: the file cannot be read, or holds another network.
    """
    tensors = renamed(unwrapped(read(path), path), path)
    sizes, shape, condition = sizes_of(tensors, path)
    require_all(tensors, sizes, path)
    metadata = {
        "format": 2,
        "gan": "esrgan",
        "settings": {f"generator.{name}": size for name, size in sizes.items() if name != "factor"}
        | {"loop.pixel_range": "unit"},
        "data": {"name": Path(path).stem[:100], "classes": []},
        "shape": shape,
        "range": [0.0, 1.0],
        "num_classes": 0,
        "condition_dim": 0,
        "condition_image": condition,
        "free": True,
        "reach": network(sizes, condition[0], shape[0]).reach,
        "multiple": sizes["unshuffle"],
        "latent_dim": 0,
        "distribution": "normal",
        "iterations": 0,
    }
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "generator.safetensors"
        own = {f"generator.{name}": tensor.contiguous() for name, tensor in tensors.items()}
        save_file(own, file, {"ganzoo": json.dumps(metadata)})
        model = ganzoo.load(file)
    return replace(model, metadata=replace(model.metadata, settings=model.recipe.flat()))


def read(path: str | Path) -> dict[str, Any]:
    """The tensors of a safetensors file."""
    with needs():
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0][:100]
        raise GanzooError(
            f"{path} is no readable safetensors file ({reason}); docs/gans/esrgan.md says how to convert a .pth file"
        ) from None


def unwrapped(tensors: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """The tensors of one network: the averaged one of a training if there is one. What is left out is said."""
    for wrapper in WRAPPERS:
        inside = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items() if name.startswith(wrapper)}
        if inside:
            if left := len(tensors) - len(inside):
                warnings.warn(f"{path}: {left} tensors outside {wrapper[:-1]} are left out", stacklevel=3)
            tensors = inside
            break
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def renamed(tensors: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """The same tensors as float32, by the names in this network."""
    numbers = sorted({int(match[1]) for name in tensors if (match := NUMBERED.match(name))})
    after = [*(f"conv_up{number + 1}." for number in range(len(numbers) - 2)), "conv_hr.", "conv_last."]
    numbered = [(rf"model\.{number}\.", own) for number, own in zip(numbers, after, strict=False)]
    found = {}
    for name, tensor in tensors.items():
        for pattern, own in (*NAMES, *numbered):
            if match := re.fullmatch(f"{pattern}(weight|bias)", name):
                new = match.expand(own) + match[match.re.groups]
                break
        else:
            raise unfit(path, f"'{name[:60]}' is no tensor of an RRDB network")
        if new in found:
            raise unfit(path, f"'{name[:60]}' is there a second time under another name")
        if not tensor.is_floating_point():
            raise unfit(path, f"'{name[:60]}' holds {str(tensor.dtype).removeprefix('torch.')}, not floating point")
        found[new] = tensor.float()
        if not torch.isfinite(found[new]).all():
            raise unfit(path, f"'{name[:60]}' holds values that are not finite")
    return found


def sizes_of(tensors: Mapping[str, Any], path: str | Path) -> tuple[dict[str, int], list[int], list[int]]:
    """Sizes of the network, and shapes of a sample and of the smaller image that it is made from."""
    shapes = {}
    for name in ("conv_first", "body.0.rdb1.conv1", "conv_last"):
        tensor = tensors.get(f"{name}.weight")
        if tensor is None or tensor.ndim != 4:
            raise unfit(path, f"it lacks the layer {name}")
        shapes[name] = tensor.shape
    (width, inputs, *_), (growth, *_), (outputs, *_) = shapes.values()
    blocks = len({name.split(".")[1] for name in tensors if name.startswith("body.")})
    doublings = sum(name.startswith("conv_up") for name in tensors) // 2
    unshuffle = UNSHUFFLED.get(inputs // outputs, 0) if outputs else 0
    factor = 2**doublings // unshuffle if unshuffle else 0
    if not factor or inputs != outputs * unshuffle**2 or not 1 <= doublings <= 3:
        raise unfit(path, f"{doublings} doublings of {inputs} input channels make no enlarged image of {outputs}")
    sizes = {"blocks": blocks, "width": width, "growth": growth, "unshuffle": unshuffle, "factor": factor}
    return sizes, [outputs, factor * SIDE, factor * SIDE], [outputs, SIDE, SIDE]


def network(sizes: Mapping[str, int], inputs: int, outputs: int) -> Any:
    """A network of these sizes without memory (torch's meta device)."""
    from .networks import RRDBNet

    with torch.device("meta"):
        return RRDBNet(inputs, outputs, **sizes, limits=None)


def require_all(tensors: Mapping[str, Any], sizes: Mapping[str, int], path: str | Path) -> None:
    """Refuse a file that lacks a tensor, or has one too many or of another shape."""
    first, last = tensors["conv_first.weight"], tensors["conv_last.weight"]
    expected = network(sizes, first.shape[1] // sizes["unshuffle"] ** 2, last.shape[0]).state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise unfit(path, f"it lacks '{name}' of {sizes['blocks']} blocks")
        if name not in expected:
            raise unfit(path, f"'{name}' is one too many for {sizes['blocks']} blocks")
        if tensors[name].shape != expected[name].shape:
            found, right = (tuple(each[name].shape) for each in (tensors, expected))
            raise unfit(path, f"'{name}' has the shape {found}, expected {right}")


def unfit(path: str | Path, reason: str) -> GanzooError:
    return GanzooError(f"{path} does not fit esrgan: {reason}")
