"""Trained weights in safetensors files, whose JSON header says all that sampling needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ganzoo import packing
from ganzoo.files import atomic_write
from ganzoo.header import check, of_file
from ganzoo.model import Model
from ganzoo.networks import Absent, Networks, build, load_state, state
from ganzoo.settings import Recipe, resolve
from ganzoo.sources import find as find
from ganzoo.spec import GanzooError, Task
from ganzoo.zoo import Zoo, zoo


def write(path: str | Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a header into one safetensors file, whole or not at all."""
    data = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, {"ganzoo": json.dumps(header)})
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file that :func:`write` wrote; :class:`GanzooError` for any other file."""
    header = of_file(path)
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise GanzooError(f"{path} is no readable safetensors file: {reason}") from None
    return unpack(tensors, path), header


def save_weights(path: str | Path, model: Model, *, packed: bool = False) -> None:
    """Write a generator as it is sampled, and its discriminator, which a child may want to ask.

    With ``packed``, the generator alone, in about a quarter of its bytes (:mod:`ganzoo.packing`): to give away.
    """
    write(path, pack(model.networks) if packed else state(model.networks), model.header)


SCALES = "@scales"  # after the name of a tensor whose levels are in the file; no module's tensor has such a name


def pack(networks: Networks) -> dict[str, Tensor]:
    """The generator's tensors, those of some size as levels and scales."""
    turned = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)  # their output channels come second
    modules = networks.generator.named_modules(prefix="generator")
    second = {f"{name}.weight" for name, module in modules if isinstance(module, turned)}
    tensors = {}
    for name, tensor in state(networks).items():
        if not name.startswith("generator."):
            continue
        tensors[name] = tensor
        if tensor.dtype == torch.float32 and tensor.ndim > 1 and tensor.numel() >= packing.SMALLEST:
            levels, scales = packing.pack(tensor.numpy(force=True), axis=1 if name in second else 0)
            tensors |= {name: torch.from_numpy(levels), name + SCALES: torch.from_numpy(scales)}
    return tensors


def unpack(tensors: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """Tensors as :func:`pack` found them; :class:`GanzooError` where levels and scales do not fit each other."""
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith(SCALES)}
    for name in tensors.keys() - plain.keys():
        scales, levels = tensors[name], plain.get(name := name.removesuffix(SCALES))
        fits = (
            levels is not None
            and (levels.dtype, scales.dtype) == (torch.int8, torch.float32)
            and len(levels.shape) == len(scales.shape)
            and all(few in (1, many) for few, many in zip(scales.shape, levels.shape, strict=True))
        )
        if levels is None or not fits:
            raise GanzooError(f"{path} does not fit: the scales of '{name}' are not those of its levels")
        plain[name] = torch.from_numpy(packing.unpack(levels.numpy(), scales.numpy()))
    return plain


def load(path: str | Path, *, among: Zoo | None = None) -> Model:
    """The trained generator in a weights file.

    The networks are first made without memory, so that a header that asks for more than the file holds is refused
    before anything is allocated.

    Raises:
        GanzooError: the file cannot be read, was not written by ganzoo, or does not fit the GAN that it names.
    """
    tensors, header = read(path)
    check(header, path)
    among = among or zoo()
    recipe = resolve(among.gan(header["gan"]), header["settings"], among=among)
    for device in ("meta", "cpu"):
        with torch.device(device):
            networks = build(recipe, task_in(header, recipe))
        networks = networks.alone()
        if not any(name.startswith("discriminator.") for name in tensors):
            networks.discriminator = Absent()
        load_state(networks, tensors, str(path))
    if networks.latent != header["latent"]:
        raise GanzooError(
            f"{path} does not fit: its header says latent {header['latent']}, its generator {networks.latent}"
        )
    return Model(networks.freeze(), header, recipe)


def task_in(header: Mapping[str, Any], recipe: Recipe) -> Task:
    """The task that the networks in a file were made for, with fresh networks for the parent."""
    parent = build(recipe.parent, task_in(header, recipe.parent)) if recipe.parent else None
    return Task(
        shape=tuple(header["shape"]),
        range=tuple(header["range"]) if header["range"] else None,
        latent=recipe.loop.latent,
        classes=header["labels"] if recipe.gan.conditional else 0,
        conditions=header["conditions"] if recipe.gan.conditional else 0,
        parent=parent,
    )
