"""Trained weights in safetensors files, with metadata that suffice to rebuild and sample the generator."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ganzoo.generators import int8
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.locate import find as find
from ganzoo.generators.metadata import Metadata, Stage, read_metadata
from ganzoo.parts.build import build
from ganzoo.parts.networks import MissingDiscriminator, Networks, load_state, state_tensors
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import Recipe, Setting, check_parent, resolve_recorded, signature
from ganzoo.registry.registry import Registry, registry
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line
from ganzoo.util.files import atomic_write


@dataclass(frozen=True, repr=False)
class Model(TrainedGenerator):
    """A trained generator in torch, ready to be sampled.

    Attributes:
        networks: generator and discriminator in evaluation mode, frozen.
        metadata: see :class:`ganzoo.generators.metadata.Metadata`.
        recipe: the parts and settings that the networks were built with.
        sampling: settings of sampling that were chosen.
    """

    networks: Networks
    metadata: Metadata
    recipe: Recipe
    sampling: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sampling_settings(self) -> Mapping[str, Setting]:
        return signature("sampling", self.networks.generator.forward)

    def _with_sampling(self, sampling: Mapping[str, Any]) -> Model:
        return replace(self, sampling=sampling)

    @property
    def has_parent(self) -> bool:
        """Whether the generator has an attribute ``parent``, a generator whose samples of the same z it refines."""
        return isinstance(getattr(self.networks.generator, "parent", None), nn.Module)

    def generator(self, stage: Stage = "child") -> nn.Module:
        """The generator, or with ``stage="parent"`` the parent inside it."""
        if stage == "child":
            return self.networks.generator
        if not self.has_parent:
            raise GanzooError(f"{self.metadata.gan} has no parent to sample; leave out --stage parent")
        return self.networks.generator.get_submodule("parent")

    def run(self, stage: Stage, z: NDArray[np.float32], *condition: NDArray[Any]) -> NDArray[np.float32]:
        """One forward pass, on the generator's device."""
        generator = self.generator(stage)
        device = next((weight.device for weight in generator.parameters()), torch.device("cpu"))
        with torch.inference_mode():
            inputs = (torch.from_numpy(values).to(device) for values in (z, *condition))
            samples = generator(*inputs, **self._sampling_of(stage))
        return samples.float().numpy(force=True)  # type: ignore[no-any-return]

    def _sampling_of(self, stage: Stage) -> Mapping[str, Any]:
        if stage == "parent" and self.sampling:
            raise GanzooError(f"'{next(iter(self.sampling))}' is a setting of the child; leave it out, or the stage")
        return self.sampling

    def call(self, entry: str, *inputs: NDArray[Any]) -> NDArray[Any]:
        """Another end of the networks, such as an encoder: ``model.call("generator.encode", images)``.

        Args:
            entry: a method of a network or of a module within one, or a module; such as ``generator.encode`` and
                ``discriminator``.
            inputs: float32; labels int64; images uint8 ``(N, C, H, W)``, or float32 in the range of the samples.

        Returns:
            What it gives, as an array.

        Raises:
            GanzooError: there is no such method, it fails with these inputs, or it gives no tensor.
        """
        method = find_entry(self.networks, entry)
        device = next((weight.device for weight in self.networks.parameters()), torch.device("cpu"))
        given = []
        for values in inputs:
            array = self._scaled(values) if values.dtype == np.uint8 or values.dtype.kind == "f" else values
            given.append(torch.from_numpy(np.ascontiguousarray(array)).to(device))
        try:
            with torch.inference_mode():
                outputs = method(*given)
        except FOREIGN_ERRORS as error:
            raise GanzooError(f"{entry} of {self.metadata.gan} fails with these inputs: {first_line(error)}") from error
        if not isinstance(outputs, Tensor):
            raise GanzooError(f"{entry} of {self.metadata.gan} gives {type(outputs).__name__}, not a tensor")
        return outputs.numpy(force=True)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file that :func:`ganzoo.load` reads."""
        save_weights(path, self)


def find_entry(networks: Networks, entry: str) -> Callable[..., Any]:
    """The module or method of that dotted name in the networks, such as ``generator.encode``.

    Raises:
        GanzooError: there is none, or it does not belong to the networks.
    """
    root, *path = entry.split(".")
    found: Any = getattr(networks, root) if root in ("generator", "discriminator") else None
    for name in path:
        is_public = name.isidentifier() and not name.startswith("_") and isinstance(found, nn.Module)
        found = getattr(found, name, None) if is_public or name.isdigit() else None
    own = isinstance(found, nn.Module) or (callable(found) and not hasattr(nn.Module, entry.rpartition(".")[2]))
    if not own:
        raise GanzooError(
            f"there is no '{entry[:60]}' to call; name a method such as generator.encode, or discriminator"
        )
    method: Callable[..., Any] = found
    return method


def write(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and a JSON object into one safetensors file, atomically."""
    entries = {"ganzoo": json.dumps(metadata)}
    data = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, entries)
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def read(path: str | Path) -> tuple[dict[str, Tensor], Metadata]:
    """The tensors and metadata of a weights file or checkpoint.

    Raises:
        GanzooError: the file cannot be read, was not written by ganzoo, or has bad metadata.
    """
    metadata = read_metadata(path)
    return read_tensors(path), metadata


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, dequantised where they are int8."""
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise GanzooError(f"{path} is no readable safetensors file: {first_line(error)}") from None
    return dequantize(tensors, path)


def save_weights(path: str | Path, model: Model, *, quantized: bool = False, discriminator: bool = True) -> None:
    """Write a model as a safetensors file.

    Args:
        path: of the file.
        model: the generator that is sampled, and its discriminator.
        quantized: write large tensors as int8 (:mod:`ganzoo.generators.int8`): about a quarter of the bytes.
        discriminator: write all networks, as a training that begins with the file needs them; else the generator alone.
    """
    tensors = quantize(model.networks) if quantized else state_tensors(model.networks)
    if not discriminator:
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith("generator.")}
    write(path, tensors, model.metadata.to_json())


SCALES = "@scales"
"""Follows the name of an int8 tensor in the name of its scales. No module has a tensor of such a name."""


def quantize(networks: Networks) -> dict[str, Tensor]:
    """The tensors of the networks; the large float32 ones as int8 with their scales."""
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)  # their output channels are axis 1
    on_axis_1 = {f"{name}.weight" for name, module in networks.named_modules() if isinstance(module, transposed)}
    tensors = {}
    for name, tensor in state_tensors(networks).items():
        tensors[name] = tensor
        if tensor.dtype == torch.float32 and tensor.ndim > 1 and tensor.numel() >= int8.MIN_SIZE:
            values, scales = int8.quantize(tensor.numpy(force=True), axis=1 if name in on_axis_1 else 0)
            tensors |= {name: torch.from_numpy(values), name + SCALES: torch.from_numpy(scales)}
    return tensors


def dequantize(tensors: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """The inverse of :func:`quantize`; :class:`GanzooError` where int8 values and scales do not fit each other."""
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith(SCALES)}
    for name in tensors.keys() - plain.keys():
        scales, values = tensors[name], plain.get(name := name.removesuffix(SCALES))
        if (
            values is None
            or (values.dtype, scales.dtype) != (torch.int8, torch.float32)
            or len(values.shape) != len(scales.shape)
            or any(few not in (1, many) for few, many in zip(scales.shape, values.shape, strict=True))
        ):
            raise GanzooError(f"{path} does not fit: the scales of '{name}' do not match its int8 values")
        plain[name] = torch.from_numpy(int8.dequantize(values.numpy(), scales.numpy()))
    return plain


def load(path: str | Path, *, among: Registry | None = None) -> Model:
    """The trained generator in a weights file.

    The networks are first built on torch's meta device. So a file whose metadata ask for more than its tensors hold
    is refused before any memory is allocated.

    Args:
        path: of the safetensors file.
        among: where the GAN is registered; the installed ones by default.

    Raises:
        GanzooError: the file cannot be read, was not written by ganzoo, or does not fit the GAN that it names.
    """
    tensors, metadata = read(path)
    among = among or registry()
    recipe = resolve_recorded(among.gan(metadata.gan), metadata.settings, among=among)
    for device in ("meta", "cpu"):
        with torch.device(device):
            networks = build(recipe, task_of(metadata, recipe))
        networks = networks.without_parent()
        if not any(name.startswith("discriminator.") for name in tensors):
            networks.discriminator = MissingDiscriminator()
        load_state(networks, tensors, str(path))
    if networks.latent_dim != metadata.latent_dim:
        raise GanzooError(
            f"{path} does not fit: latent_dim is {metadata.latent_dim} in its metadata, and {networks.latent_dim} in "
            "its generator"
        )
    return Model(networks.freeze(), metadata, recipe)


def task_of(metadata: Metadata, recipe: Recipe) -> Task:
    """The task that the networks of a file were built for, with new networks for the parent."""
    return Task(
        shape=metadata.shape,
        range=metadata.range,
        latent_dim=recipe.loop.latent_dim,
        num_classes=metadata.num_classes if recipe.gan.conditional else 0,
        condition=metadata.condition if recipe.gan.conditional else (),
        parent=build(recipe.parent, task_of(metadata, recipe.parent)) if recipe.parent else None,
    )


def with_parent(recipe: Recipe, parent: Model | None, shape: tuple[int, ...]) -> Recipe:
    """The recipe of a child with the recipe of the parent that was trained for it.

    Args:
        recipe: of the child.
        parent: the trained parent, if there is one.
        shape: of the samples of the data, which the parent has to generate too.

    Raises:
        GanzooError: the GAN has no parent, or this one does not fit.
    """
    if parent is None:
        return recipe
    if recipe.parent is None:
        raise GanzooError(f"{recipe.gan.name} has no parent, so none can be given (ganzoo show {recipe.gan.name})")
    if recipe.loop.parent_training == "joint":
        raise GanzooError("parent_training=joint trains its own parent; leave out the trained one, or set it to first")
    if parent.metadata.shape != shape:
        raise GanzooError(f"the parent makes samples of shape {parent.metadata.shape}, and the data have {shape}")
    check_parent(recipe, parent.recipe)
    return replace(recipe, parent=parent.recipe)
