"""The players of a game, built from a recipe, and the states that they are saved as."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ganzoo.util.errors import GanzooError


class Networks(nn.Module):
    """A generator and a discriminator, and the networks of the parent if there is one.

    ``latent_dim`` is the length of z: what the generator says of itself, in an attribute of that name, or else the task's.
    A frozen parent takes no part in training: no gradients, and its normalisation statistics stay as they are.
    """

    generator: nn.Module
    discriminator: nn.Module
    parent: Networks | None
    latent_dim: int

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, parent: Networks | None = None, *, latent_dim: int
    ) -> None:
        super().__init__()
        self.generator, self.discriminator, self.parent = generator, discriminator, parent
        self.latent_dim = int(getattr(generator, "latent_dim", latent_dim))
        self.frozen = False

    def without_parent(self) -> Networks:
        """The same two networks without their parent, of which the generator holds what it needs."""
        return Networks(self.generator, self.discriminator, latent_dim=self.latent_dim)

    def freeze(self) -> Networks:
        """Take these networks out of training for good."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Networks:
        """Training mode for all but frozen networks, inside whatever other network they stand."""
        super().train(mode and not self.frozen)
        if self.parent is not None and self.parent.frozen:
            self.parent.eval()
        return self

    def trainable(self) -> dict[str, nn.Module]:
        """The networks that can be on the move, by name."""
        own = {"generator": self.generator, "discriminator": self.discriminator}
        if self.parent is None or self.parent.frozen:
            return own
        return own | {f"parent.{name}": player for name, player in self.parent.trainable().items()}

    def parameters_of(self, player: str) -> list[nn.Parameter]:
        """What a move of that player changes: its parameters, less those of a parent that stands inside it."""
        parents = set() if self.parent is None or player.startswith("parent.") else set(self.parent.parameters())
        return [p for p in self.trainable()[player].parameters() if p.requires_grad and p not in parents]


class MissingDiscriminator(nn.Module):
    """Stands for a discriminator that a file of weights leaves out; whoever asks it anything is told so."""

    def forward(self, *_: Tensor) -> Tensor:
        raise GanzooError(
            "these weights hold a generator without its discriminator, which is asked here; a parent that is trained "
            "here has both (leave out --parent, or name a run)"
        )


def state_tensors(module: nn.Module) -> dict[str, Tensor]:
    """All tensors of a module by name, each once: one that stands in several places has its first name."""
    seen: set[int] = set()
    found = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor.detach()
    return found


def load_state(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a module. An empty buffer takes the shape of what comes.

    Raises:
        GanzooError: naming the first name that is missing or left over, or the shape that does not fit.
    """
    own = state_tensors(module)
    if missing := sorted(own.keys() - tensors.keys()):
        raise GanzooError(f"{source} does not fit: it lacks '{missing[0]}'" + more(missing))
    if extra := sorted(tensors.keys() - own.keys()):
        raise GanzooError(f"{source} does not fit: the network has no '{extra[0]}'" + more(extra))
    for name, tensor in own.items():
        loaded = tensors[name]
        if tensor.numel() == 0 and loaded.numel():
            holder, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(holder), leaf, loaded.to(tensor, copy=True))
        elif tensor.shape != loaded.shape:
            raise GanzooError(
                f"{source} does not fit: '{name}' has the shape {tuple(loaded.shape)}, expected {tuple(tensor.shape)}"
            )
        else:
            tensor.copy_(loaded)


def more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
