"""The players of Dirac-GANs: networks of one parameter (Mescheder et al., 2018), and how a GAN's are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import Recipe
from ganzoo.util.errors import GanzooError

LABELS = (0, 0, 0, 1, 1, 2)
"""Of the batch of a class-conditional GAN: the classes are 1/2, 1/3 and 1/6 of the data."""


class Point(nn.Module):
    """A generator that maps every z to theta, with one theta for each class."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(classes))

    def forward(self, z: Tensor, *labels: Tensor) -> Tensor:
        """``(N, 1)``."""
        return per_class(self.theta, z, *labels)


class Line(nn.Module):
    """A discriminator D(x) = psi x, with one psi for each class."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.zeros(classes))

    def forward(self, x: Tensor, *labels: Tensor) -> Tensor:
        """``(N, 1)``."""
        return per_class(self.psi, x, *labels) * x


class Mixture(nn.Module):
    """The generator of a skip-GAN, w theta + (1 - w) p, where p is the error of the prior. Its first output is 0."""

    p: Tensor

    def __init__(self, weight: float, p: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([-(1 - weight) * p / weight], dtype=torch.float64))
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))
        self.register_buffer("p", torch.tensor(p, dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        """``(N, 1)``."""
        return (self.weight * self.theta + (1 - self.weight) * self.p).expand(len(z), 1)


class Shift(nn.Module):
    """A child that adds phi to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.phi = nn.Parameter(torch.zeros(1))

    def forward(self, y: Tensor) -> Tensor:
        """``(N, 1)``."""
        return y + self.phi


class Refined(nn.Module):
    """The generator of a privileged GAN: a child on its parent's output, without a gradient to the parent."""

    def __init__(self, parent: nn.Module) -> None:
        super().__init__()
        self.parent, self.child = parent, Shift()

    def forward(self, z: Tensor) -> Tensor:
        """``(N, 1)``."""
        return self.child(self.parent(z).detach())  # type: ignore[no-any-return]


def per_class(values: Tensor, samples: Tensor, *labels: Tensor) -> Tensor:
    """The value ``(N, 1)`` of each sample's class; without labels there is only one."""
    return (values[labels[0]] if labels else values.expand(len(samples))).unsqueeze(1)


@dataclass(frozen=True)
class DiracPlayers:
    """The players of a Dirac-GAN at equilibrium.

    Attributes:
        nets: the players.
        planes: for each generator with its discriminator the names of two weights: of its output, and of the slope.
        seen: maps weights by name to the generators' outputs and the discriminators' slopes, ``(..., planes, 2)``.
        labels: of the batch, if the GAN is class-conditional.
    """

    nets: Networks
    planes: tuple[tuple[str, str], ...]
    seen: Callable[[dict[str, Tensor]], Tensor]
    labels: tuple[int, ...] = ()


def point_and_line(recipe: Recipe) -> DiracPlayers:
    """A point and a line, for each class."""
    labels = LABELS if recipe.gan.conditional else ()
    classes = len(set(labels)) or 1
    nets = Networks(Point(classes), Line(classes), latent_dim=1)
    names = ("generator.theta", "discriminator.psi")
    return DiracPlayers(nets, (names,), lambda w: torch.stack([w[name] for name in names], -1), labels)


def off_the_jump(recipe: Recipe) -> DiracPlayers:
    """A point and a line of slope 1, for trainers whose field jumps at the slope 0."""
    players = point_and_line(recipe)
    nn.init.ones_(players.nets.get_parameter("discriminator.psi"))
    return players


def mixture_and_line(recipe: Recipe) -> DiracPlayers:
    """A point that is mixed with a prior, and the weight of the mixture, which is learned too."""
    weight, p = mixture(recipe)
    if weight <= 0:
        raise GanzooError(f"weight={weight} switches off the generator of a skip-GAN; set a weight above 0")
    nets = Networks(Mixture(weight, p), Line(), latent_dim=1)

    def seen(w: dict[str, Tensor]) -> Tensor:
        share = w["generator.weight"].unsqueeze(-1)
        return torch.stack([share * w["generator.theta"] + (1 - share) * p, w["discriminator.psi"]], -1)

    return DiracPlayers(nets, (("generator.theta", "discriminator.psi"),), seen)


def mixture(recipe: Recipe) -> tuple[float, float]:
    """The weight w of a skip-GAN and the error p of its prior: the ``bias`` of a regression, 0 for images."""
    values = recipe.values["generator"]
    return values["weight"], values.get("bias", 0.0)


def child_and_parent(recipe: Recipe) -> DiracPlayers:
    """A child on a point that is trained jointly, or that is frozen at its equilibrium."""
    parent = Networks(Point(), Line(), latent_dim=1)
    if recipe.loop.parent_training == "first":
        parent = parent.freeze()
    nets = Networks(Refined(parent.generator), Line(), parent, latent_dim=1)
    of_parent = ("generator.parent.theta", "parent.discriminator.psi")
    of_child = ("generator.child.phi", "discriminator.psi")

    def seen(w: dict[str, Tensor]) -> Tensor:
        child = torch.stack([w[name] for name in of_child], -1)
        if parent.is_frozen:
            return child
        above = torch.stack([w[name] for name in of_parent], -1)
        return torch.cat([above, child + above * torch.tensor([1.0, 0.0])], -2)

    return DiracPlayers(nets, (of_child,) if parent.is_frozen else (of_parent, of_child), seen)
