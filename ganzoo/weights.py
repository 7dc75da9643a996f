"""Trained weights in safetensors files, whose JSON header says all that sampling needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganzoo.files import atomic_write
from ganzoo.header import check, of_file
from ganzoo.model import Model
from ganzoo.networks import build, load_state, state
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
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise GanzooError(f"{path} is no readable safetensors file: {reason}") from None


def save_weights(path: str | Path, model: Model) -> None:
    """Write a generator as it is sampled, and its discriminator, which a child may want to ask."""
    write(path, state(model.networks), model.header)


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
