"""What a training begins with: trained weights in place of random ones, and layers that stay as they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ganzoo.generators.hub import described
from ganzoo.generators.weights import Model, find, load
from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import Recipe
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.util.errors import GanzooError, printable

MOST_NAMED = 6
"""Tensors or layers that a line names."""


@dataclass(frozen=True)
class Initial:
    """Trained weights that a training begins with, and the layers that it does not train.

    Attributes:
        model: the weights; ``None`` for random ones, or where a checkpoint is loaded afterwards.
        freeze: layers as ``--freeze`` names them, see :func:`chosen_layers`.
        source: what messages call the weights.
        sha256: of their file, in hexadecimal.
    """

    model: Model | None = None
    freeze: Sequence[str] = ()
    source: str = "the given weights"
    sha256: str | None = None


@dataclass(frozen=True)
class Beginning:
    """What :func:`begin` has done.

    Attributes:
        lines: of weights that were taken over and layers that are not trained; none where there are neither.
        layers: all layers with their place and name, as ``--freeze`` takes them, and what was done with them; none
            for random weights.
    """

    lines: Sequence[str] = ()
    layers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, eq=False)
class Layer:
    """A module with parameters of its own. The parametrizations of a module, such as a spectral norm, are part of it.

    Attributes:
        network: that it belongs to.
        name: dotted, within the network.
        kind: class of the module.
        parameters: its own, without those of modules inside it.
    """

    network: str
    name: str
    kind: str
    parameters: list[nn.Parameter]

    @property
    def key(self) -> tuple[str, str]:
        return self.network, self.name

    @property
    def size(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters)


def read_initial(source: str | None, freeze: Sequence[str] = ()) -> Initial:
    """The weights of a run folder, a file or a name, the same in all processes of a training.

    Args:
        source: as :func:`ganzoo.generators.weights.find` takes it; ``None`` for random weights.
        freeze: layers that are not trained.

    Raises:
        GanzooError: there are no such weights, or they differ between processes; or layers are frozen without any.
    """
    if source is None:
        require_weights(None, freeze)
        return Initial()
    path, digest = current_ranks().on_rank_zero(lambda: [str(path := find(source)), sha256_of(path)])
    if sha256_of(Path(path)) != digest:
        raise GanzooError(f"{path} is another file in rank 0; all machines need the same for --init")
    return Initial(load(path), tuple(freeze), described(Path(path)), digest)


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_weights(model: object | None, freeze: Sequence[str]) -> None:
    """Refuse frozen layers of random weights; GanzooError."""
    if freeze and model is None:
        raise GanzooError(
            f"freezing {printable(freeze[0], 60)} would keep random weights for good; begin with trained ones: "
            "--init RUN|FILE|NAME"
        )


def begin(nets: Networks, recipe: Recipe, initial: Initial) -> Beginning:
    """Take over trained weights, and take frozen layers out of training.

    Args:
        nets: new networks, not yet on the device.
        recipe: that they were built from.
        initial: the weights and the layers.

    Raises:
        GanzooError: no tensor of the weights fits, one is not finite, or a layer cannot be frozen.
    """
    if initial.model is None and not initial.freeze:
        return Beginning()
    layers = list(layers_of(nets))
    taken: set[tuple[str, str]] = set()
    lines = []
    if initial.model is not None:
        line, taken = take_over(nets, recipe, initial.model, initial.source)
        lines.append(line)
    frozen = chosen_layers(layers, nets, initial.freeze)
    if initial.model is not None and (wrong := [each for each in frozen if each.key not in taken]):
        raise GanzooError(
            f"--freeze would keep the random weights of {named(full_name(*each.key) for each in wrong)}, which "
            f"{initial.source} does not have; freeze other layers (--dry-run lists them)"
        )
    lines += freeze_layers(nets, layers, frozen)
    rows = [] if initial.model is None else list(rows_of(layers, taken, frozen))
    return Beginning(lines, rows)


# Taking over weights.


def take_over(nets: Networks, recipe: Recipe, model: Model, source: str) -> tuple[str, set[tuple[str, str]]]:
    """Copy the trained layers whose tensors all have the name and shape of one here, buffers included.

    A layer of which one tensor does not fit stays as it is, since half a trained layer is of no use. The networks of a
    parent are left alone.

    Returns:
        A line of what was taken and what was not, and the layers that were, as network and name.

    Raises:
        GanzooError: nothing fits, or a value is not finite.
    """
    own = {name: tensors_of(nets, name) for name in ("generator", "discriminator")}
    theirs = {name: tensors_of(model.networks, name) for name in own}
    taken: set[tuple[str, str]] = set()
    parts = []
    taken_parameters = unused = 0
    for network, tensors in own.items():
        given = theirs[network]
        if not given:
            parts.append(f"the {network} stays random, since the file has none")
            continue
        wrong = {
            layer_of(name) for name, each in tensors.items() if name not in given or given[name].shape != each.shape
        }
        fitting = {name: each for name, each in tensors.items() if layer_of(name) not in wrong}
        for name, each in fitting.items():
            if not given[name].isfinite().all():
                raise GanzooError(f"'{network}.{name}' in {source} is not finite; name other weights with --init")
            with torch.no_grad():
                each.copy_(given[name])
        taken |= {(network, layer_of(name)) for name in fitting}
        count, total = (
            sum(each.numel() for each in some.values() if isinstance(each, nn.Parameter)) for some in (fitting, tensors)
        )
        left = [f"{network}.{name}" for name in tensors if name not in fitting]
        kept = f" (not {named(left)})" if left else ""
        parts.append(
            f"{len(fitting):,} of {len(tensors):,} tensors of the {network}, {count:,} of {total:,} parameters{kept}"
        )
        taken_parameters += count
        unused += len(given.keys() - fitting.keys())
    if not taken_parameters:
        raise GanzooError(
            f"nothing in {source}, of {model.metadata.gan}, fits the networks of {recipe.gan.name}: no layer has the "
            f"same names and sizes; leave out --init, or train the same GAN: ganzoo train {model.metadata.gan}"
        )
    if unused:
        parts.append(f"{unused:,} other tensors of the file are not used")
    for name in ("pixel_range", "distribution"):
        here, there = getattr(recipe.loop, name), getattr(model.recipe.loop, name)
        if here != there:
            parts.append(f"they were trained with {name}={there}, and this is {here}")
    return f"Begins with the weights of {model.metadata.gan} in {source}: {'; '.join(parts)}", taken


def tensors_of(nets: Networks, network: str) -> dict[str, Tensor]:
    """The parameters and buffers of a network by name, each once, without those of a parent inside it."""
    seen = set() if nets.parent is None else set(map(id, nets.parent.state_dict(keep_vars=True).values()))
    found = {}
    for name, tensor in getattr(nets, network).state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor
    return found


def layer_of(tensor: str) -> str:
    """The name of the layer that a tensor belongs to.

    >>> layer_of("down.0.weight"), layer_of("down.0.parametrizations.weight.original"), layer_of("mean_style")
    ('down.0', 'down.0', '')
    """
    return re.sub(r"(^|\.)parametrizations\..*", "", f"{tensor.rpartition('.')[0]}.").rstrip(".")


# Layers that are not trained.


def layers_of(nets: Networks) -> Iterator[Layer]:
    """The layers that an update changes, by network, in the order in which they were defined."""
    for network, module in nets.trainable().items():
        own = set(map(id, nets.parameters_of(network)))
        found: dict[str, Layer] = {}
        for name, parameter in module.named_parameters():
            if id(parameter) in own:
                path = layer_of(name)
                if path not in found:
                    kind = type(module.get_submodule(path)).__name__.removeprefix("Parametrized")
                    found[path] = Layer(network, path, kind, [])
                found[path].parameters.append(parameter)
        yield from found.values()


def chosen_layers(layers: Sequence[Layer], nets: Networks, freeze: Sequence[str]) -> list[Layer]:
    """The layers that are named by place or name, in their order.

    Args:
        layers: all of them.
        nets: their networks.
        freeze: each is ``discriminator.0-3`` or ``discriminator.2``, places in the list of the network's layers, or
            ``discriminator.down.0``, a module and all that is inside it.

    Raises:
        GanzooError: there is no such network or layer, a text names nothing new, or a network would be frozen wholly.
    """
    networks = list(nets.trainable())
    found: list[Layer] = []
    for text in freeze:
        shown = printable(text, 60)
        network = max((each for each in networks if f"{text}.".startswith(f"{each}.")), key=len, default=None)
        if network is None:
            raise GanzooError(f"--freeze {shown}: there is no such network; it begins with {' or '.join(networks)}")
        those = [layer for layer in layers if layer.network == network]
        rest = text[len(network) + 1 :]
        if places := re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", rest):
            first, last = int(places[1]), int(places[2] or places[1])
            if not first <= last < len(those):
                raise GanzooError(
                    f"--freeze {shown}: the {network} has the layers 0 to {len(those) - 1} (--dry-run lists them)"
                )
            chosen = those[first : last + 1]
        else:
            chosen = [layer for layer in those if f"{layer.name}.".startswith(f"{rest}.")] if rest else those
        if not chosen:
            raise GanzooError(
                f"--freeze {shown}: the {network} has no layers of that name; give their places, such as "
                f"{network}.0-2, or a name (--dry-run lists them)"
            )
        if all(layer in found for layer in chosen):
            raise GanzooError(f"--freeze {shown} freezes nothing that is not frozen already; leave it out")
        found += [layer for layer in chosen if layer not in found]
        if all(layer in found for layer in those):
            raise GanzooError(
                f"--freeze {shown} freezes the whole {network}, whose updates would change nothing; freeze some of its "
                f"{len(those)} layers, such as {network}.0 (--dry-run lists them)"
            )
    return [layer for layer in layers if layer in found]


def freeze_layers(nets: Networks, layers: Sequence[Layer], frozen: Sequence[Layer]) -> list[str]:
    """Take layers out of training: no gradients, and evaluation mode, so that their statistics stay too.

    Modules whose layers are all frozen are in evaluation mode with all that is inside them.

    Returns:
        A line for each network with frozen layers.
    """
    lines = []
    for network, module in nets.trainable().items():
        those, all_of_it = ([layer for layer in some if layer.network == network] for some in (frozen, layers))
        if not those:
            continue
        fixed = {id(parameter) for layer in those for parameter in layer.parameters}
        for layer in those:
            for parameter in layer.parameters:
                parameter.requires_grad_(False)
        nets.fixed += tuple(
            part for part in module.modules() if (ids := set(map(id, part.parameters()))) and ids <= fixed
        )
        lines.append(
            f"Not trained: {len(those)} of {len(all_of_it)} layers of the {network} "
            f"({named(layer.name or network for layer in those)}), {sum(layer.size for layer in those):,} of "
            f"{sum(layer.size for layer in all_of_it):,} parameters"
        )
    return lines


def rows_of(
    layers: Sequence[Layer], taken: Collection[tuple[str, str]], frozen: Sequence[Layer]
) -> Iterator[tuple[str, str]]:
    """Each layer with its place, and what was done with it."""
    places: dict[str, int] = {}
    for layer in layers:
        place = places[layer.network] = places.get(layer.network, -1) + 1
        what = "taken" if layer.key in taken else "random"
        state = ", not trained" if layer in frozen else ""
        name = f"{layer.name or layer.network} ({layer.kind})"
        yield f"{layer.network}.{place}", f"{name}, {layer.size:,} parameters, {what}{state}"


def full_name(network: str, layer: str) -> str:
    return f"{network}.{layer}" if layer else network


def named(names: Iterator[str] | Sequence[str]) -> str:
    """A few names, and how many more there are."""
    listed = [printable(name, 60) for name in names]
    more = len(listed) - MOST_NAMED
    return ", ".join(listed[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
