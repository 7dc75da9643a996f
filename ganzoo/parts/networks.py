"""The networks that are trained together, and their tensors by name."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ganzoo.util.errors import GanzooError


class Networks(nn.Module):
    """A generator, a discriminator, and the networks of the parent if there is one.

    A frozen parent is not trained: it has no gradients, and its normalisation statistics stay as they are.

    Attributes:
        latent_dim: length of z: the generator's attribute of that name if it has one, or else the task's.
        is_frozen: whether these networks are out of training for good.
        frozen: further networks that are never trained or saved, by name; see :class:`ganzoo.GAN`.
        fixed: modules within these networks whose weights are not trained, and which stay in evaluation mode.

    Raises:
        GanzooError: the generator or the discriminator is no module.
    """

    generator: nn.Module
    discriminator: nn.Module
    parent: Networks | None
    latent_dim: int

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, parent: Networks | None = None, *, latent_dim: int
    ) -> None:
        super().__init__()
        for name, made in (("generator", generator), ("discriminator", discriminator)):
            if not isinstance(made, nn.Module):
                raise GanzooError(f"a maker has to return a torch.nn.Module; this {name} is a {type(made).__name__}")
        self.generator, self.discriminator, self.parent = generator, discriminator, parent
        self.latent_dim = int(getattr(generator, "latent_dim", latent_dim))
        self.is_frozen = False
        self.frozen: dict[str, nn.Module] = {}  # no modules of this one, so that they are no part of its state
        self.fixed: tuple[nn.Module, ...] = ()

    def _apply(self, fn: Any, recurse: bool = True) -> Networks:
        """Move the further networks too."""
        for network in self.frozen.values():
            network._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def without_parent(self) -> Networks:
        """The same generator and discriminator. The generator holds what it needs of the parent."""
        return Networks(self.generator, self.discriminator, latent_dim=self.latent_dim)

    def freeze(self) -> Networks:
        """Take these networks out of training for good: evaluation mode, no gradients."""
        self.is_frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Networks:
        """Set training mode, except for what is frozen, also where it is part of another network."""
        super().train(mode and not self.is_frozen)
        for module in self.fixed:
            module.eval()
        if self.parent is not None and self.parent.is_frozen:
            self.parent.eval()
        return self

    def trainable(self) -> dict[str, nn.Module]:
        """The networks that can be updated, by name; those of a parent as ``parent.generator`` and so on."""
        own = {"generator": self.generator, "discriminator": self.discriminator}
        if self.parent is None or self.parent.is_frozen:
            return own
        return own | {f"parent.{name}": network for name, network in self.parent.trainable().items()}

    def parameters_of(self, name: str) -> list[nn.Parameter]:
        """The parameters that an update of that network changes: its own, without those of a parent inside it."""
        parents = set() if self.parent is None or name.startswith("parent.") else set(self.parent.parameters())
        return [p for p in self.trainable()[name].parameters() if p.requires_grad and p not in parents]


class MissingDiscriminator(nn.Module):
    """Stands for the discriminator that a weights file leaves out. Calling it is an error."""

    def forward(self, *_: Tensor) -> Tensor:
        raise GanzooError(
            "these weights hold a generator without its discriminator, which is needed here; a parent that is trained "
            "here has both (leave out --parent, or name a run)"
        )


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards each module has its own mode back."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def takes(network: nn.Module, inputs: int) -> bool:
    """Whether a network can be called with that many inputs."""
    try:
        inspect.signature(network.forward).bind(*range(inputs))
    except TypeError:
        return False
    return True


def fingerprint(module: nn.Module) -> str:
    """SHA-256 of all parameters and buffers of a module, by name, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state_tensors(module).items()):
        array = tensor.numpy(force=True)
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def state_tensors(module: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers by name, each once: one that appears in several places has its first name."""
    seen: set[int] = set()
    found = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor.detach()
    return found


def load_state(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a module. An empty buffer takes the shape of what is loaded.

    Raises:
        GanzooError: a tensor is missing, left over or of another shape; the message names it and ``source``.
    """
    own = state_tensors(module)
    if missing := sorted(own.keys() - tensors.keys()):
        raise GanzooError(f"{source} does not fit: it lacks '{missing[0]}'" + and_more(missing))
    if extra := sorted(tensors.keys() - own.keys()):
        raise GanzooError(f"{source} does not fit: the network has no '{extra[0]}'" + and_more(extra))
    for name, tensor in own.items():
        loaded = tensors[name]
        if tensor.numel() == 0 and loaded.numel():
            owner, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(owner), leaf, loaded.to(tensor, copy=True))
        elif tensor.shape != loaded.shape:
            raise GanzooError(
                f"{source} does not fit: '{name}' has the shape {tuple(loaded.shape)}, expected {tuple(tensor.shape)}"
            )
        else:
            tensor.copy_(loaded)


def and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
