"""Trained weights in safetensors files, whose JSON header says all that sampling needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ganzoo.generators import int8 as packing
from ganzoo.generators.base import Stage, TrainedGenerator
from ganzoo.generators.header import check, of_file
from ganzoo.generators.locate import find as find
from ganzoo.parts.build import build
from ganzoo.parts.networks import MissingDiscriminator, Networks, load_state, state_tensors
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import Recipe, check_parent, resolve
from ganzoo.registry.registry import Registry, registry
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write


@dataclass(frozen=True)
class Model(TrainedGenerator):
    """A trained generator, ready to be sampled.

    Attributes:
        networks: generator and discriminator in evaluation mode, frozen.
        header: what the file says of itself.
        recipe: parts and numbers that they were made with.
    """

    networks: Networks
    header: Mapping[str, Any]
    recipe: Recipe

    @property
    def has_parent(self) -> bool:
        """Whether the generator works on the images of a parent, its attribute ``parent``, from the same z."""
        return isinstance(getattr(self.networks.generator, "parent", None), nn.Module)

    def generator(self, stage: Stage = "child") -> nn.Module:
        """The generator, or with ``stage="parent"`` that of the parent within it."""
        if stage == "child":
            return self.networks.generator
        if not self.has_parent:
            raise GanzooError(f"{self.header['gan']} has no parent to sample; leave out --stage parent")
        return self.networks.generator.get_submodule("parent")

    def run(self, stage: Stage, z: NDArray[np.float32], *told: NDArray[Any]) -> NDArray[np.float32]:
        """Samples of latents, on the device where the generator is."""
        generator = self.generator(stage)
        device = next((weight.device for weight in generator.parameters()), torch.device("cpu"))
        with torch.inference_mode():
            samples = generator(*(torch.from_numpy(values).to(device) for values in (z, *told)))
        return samples.float().numpy(force=True)  # type: ignore[no-any-return]

    def save(self, path: str | Path) -> None:
        """Write it into a safetensors file, which :func:`ganzoo.load` reads."""
        save_weights(path, self)


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

    With ``packed``, the generator alone, in about a quarter of its bytes (:mod:`ganzoo.generators.int8`): to give away.
    """
    write(path, pack(model.networks) if packed else state_tensors(model.networks), model.header)


SCALES = "@scales"  # after the name of a tensor whose levels are in the file; no module's tensor has such a name


def pack(networks: Networks) -> dict[str, Tensor]:
    """The generator's tensors, those of some size as levels and scales."""
    turned = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)  # their output channels come second
    modules = networks.generator.named_modules(prefix="generator")
    second = {f"{name}.weight" for name, module in modules if isinstance(module, turned)}
    tensors = {}
    for name, tensor in state_tensors(networks).items():
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


def load(path: str | Path, *, among: Registry | None = None) -> Model:
    """The trained generator in a weights file.

    The networks are first made without memory, so that a header that asks for more than the file holds is refused
    before anything is allocated.

    Raises:
        GanzooError: the file cannot be read, was not written by ganzoo, or does not fit the GAN that it names.
    """
    tensors, header = read(path)
    check(header, path)
    among = among or registry()
    recipe = resolve(among.gan(header["gan"]), header["settings"], among=among)
    for device in ("meta", "cpu"):
        with torch.device(device):
            networks = build(recipe, task_in(header, recipe))
        networks = networks.without_parent()
        if not any(name.startswith("discriminator.") for name in tensors):
            networks.discriminator = MissingDiscriminator()
        load_state(networks, tensors, str(path))
    if networks.latent_dim != header["latent_dim"]:
        raise GanzooError(
            f"{path} does not fit: its header says latent {header['latent_dim']}, its generator {networks.latent_dim}"
        )
    return Model(networks.freeze(), header, recipe)


def task_in(header: Mapping[str, Any], recipe: Recipe) -> Task:
    """The task that the networks in a file were made for, with fresh networks for the parent."""
    parent = build(recipe.parent, task_in(header, recipe.parent)) if recipe.parent else None
    return Task(
        shape=tuple(header["shape"]),
        range=tuple(header["range"]) if header["range"] else None,
        latent_dim=recipe.loop.latent_dim,
        num_classes=header["num_classes"] if recipe.gan.conditional else 0,
        condition_dim=header["condition_dim"] if recipe.gan.conditional else 0,
        parent=parent,
    )


def over(recipe: Recipe, parent: Model | None, shape: tuple[int, ...]) -> Recipe:
    """A recipe with the parent that was really trained, whatever settings it has.

    Args:
        recipe: of the child.
        parent: the trained parent, if one is given.
        shape: of the samples to be trained on, which the parent has to make too.

    Raises:
        GanzooError: there is no place for a parent, or it does not go with the child.
    """
    if parent is None:
        return recipe
    if recipe.parent is None:
        raise GanzooError(f"{recipe.gan.name} has no parent, so none can be given (ganzoo show {recipe.gan.name})")
    if recipe.loop.parent_training == "joint":
        raise GanzooError("parent_training=joint trains the parent side by side, so no trained one can be given")
    if tuple(parent.header["shape"]) != shape:
        raise GanzooError(
            f"the parent makes samples of shape {tuple(parent.header['shape'])}, and the data have {shape}"
        )
    check_parent(recipe, parent.recipe)
    return replace(recipe, parent=parent.recipe)
