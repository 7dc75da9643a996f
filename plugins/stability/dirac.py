"""The Dirac-GAN of a trainer: the smallest game that shows whether a method converges (Mescheder et al., 2018).

The data are the number 0, the generator makes the number theta, and the discriminator is the line psi x. What a trainer
does to its players it does to these two as well, so whoever brings a trainer has its Dirac-GAN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import Recipe
from ganzoo.util.errors import GanzooError, first_line

from . import theory
from .field import Field, Jacobian
from .players import Line, Mixture, Point, Refined

LABELS = (0, 0, 0, 1, 1, 2)
"""Of the batch for a GAN that is told classes, so that these are 1/2, 1/3 and 1/6 of the data."""


@dataclass(frozen=True)
class Cast:
    """The players of a Dirac-GAN, at rest.

    Attributes:
        nets: the players.
        planes: the names of the two numbers that meet, one plane for each generator: what it makes, and a slope.
        seen: from weights by name to what the discriminators see, ``(..., planes, 2)``: numbers, and their own slopes.
        labels: of the batch, for a GAN that is told classes.
    """

    nets: Networks
    planes: tuple[tuple[str, str], ...]
    seen: Callable[[dict[str, Tensor]], Tensor]
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dirac:
    """A Dirac-GAN, and what is known of it.

    Attributes:
        field: v(w), of the few numbers that its weights are.
        rest: the weights where it rests. A field that jumps there, as that of a gradient penalty with a target other
            than 0, is looked at beside the jump.
        begin: where trajectories begin: one off in what is generated, and at the slope 1.
        axes: the places in w of what each generator makes and of the slope that it meets.
        seen: from weights ``(..., N)`` to what discriminators see, and their slopes ``(..., planes, 2)``.
        theory: the eigenvalues of J at rest, as far as they are known.
    """

    field: Field
    rest: Tensor
    begin: Tensor
    axes: tuple[tuple[int, int], ...]
    seen: Callable[[Tensor], Tensor]
    theory: theory.Eigenvalues | None

    def eigenvalues(self) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
        """Of J at rest, the slowest to return first."""
        found = np.linalg.eigvals(Jacobian(self.field, self.rest).dense().numpy())
        return found[np.lexsort((-found.imag, np.abs(found.imag).round(9), -found.real.round(9)))]

    def error(self) -> float | None:
        """The largest distance between an eigenvalue and its own in theory; ``None`` without theory."""
        from scipy.optimize import linear_sum_assignment

        if self.theory is None:
            return None
        distances = np.abs(self.eigenvalues()[:, None] - np.array(self.theory)[None])
        return float(distances[linear_sum_assignment(distances)].max())


def dirac(recipe: Recipe) -> Dirac:
    """The Dirac-GAN of a recipe's trainer, with its numbers.

    Raises:
        GanzooError: the trainer asks more of its players than such small ones can give.
    """
    cast = CASTS.get(recipe.names.get("trainer", ""), plain)(recipe)
    labels = (torch.tensor(cast.labels),) if cast.labels else ()
    nothing = torch.zeros(len(cast.labels) or 2, 1)  # two, for those who ask for a batch's spread
    numbers = recipe.values["trainer"]
    trainer = partial(recipe.functions["trainer"], **{**numbers, **once(numbers)})
    try:
        field = Field(cast.nets, trainer, (nothing, nothing, *labels))
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise GanzooError(
            f"the trainer of {recipe.gan.name} cannot play with players of one number: {first_line(error)}"
        ) from error
    places = {name: part.flatten().tolist() for name, part in field.named(torch.arange(len(field.start))).items()}
    axes = tuple(axis for pair in cast.planes for axis in zip(*(places[name] for name in pair), strict=True))
    begin = field.start.clone()
    for number, slope in axes:
        begin[number] += 1
        begin[slope] = 1
    known = theory.eigenvalues(recipe)
    if known and cast.labels:  # each class is a game of its own, with as much weight as it has in the batch
        shares = np.bincount(cast.labels) / len(cast.labels)
        known = tuple(complex(share * one) for share in shares for one in known)
    return Dirac(field, field.start, field.projected(begin), axes, lambda w: cast.seen(field.named(w)), known)


def identity(recipe: Recipe) -> str:
    """The same for GANs that have the same Dirac-GAN."""
    trainer, numbers = recipe.names.get("trainer", ""), recipe.values["trainer"]
    special: Any = recipe.gan.conditional
    if trainer == "skip":
        special = theory.mixture(recipe)
    elif trainer == "privileged":
        special = recipe.loop.parent_training
    return repr((trainer or recipe.functions["trainer"], {**numbers, **once(numbers)}, special))


def once(numbers: Mapping[str, Any]) -> dict[str, int]:
    """How often players move, set to once: of several moves, the field has the first."""
    return {name: 1 for name in numbers if name.endswith("_steps")}


def plain(recipe: Recipe) -> Cast:
    """A point and a line, for each class."""
    labels = LABELS if recipe.gan.conditional else ()
    classes = len(set(labels)) or 1
    nets = Networks(Point(classes), Line(classes), latent_dim=1)
    names = ("generator.theta", "discriminator.psi")
    return Cast(nets, (names,), lambda w: torch.stack([w[name] for name in names], -1), labels)


def jumping(recipe: Recipe) -> Cast:
    """The same, beside the jump of the field at psi = 0."""
    cast = plain(recipe)
    torch.nn.init.ones_(cast.nets.get_parameter("discriminator.psi"))
    return cast


def skip(recipe: Recipe) -> Cast:
    """A point that is mixed with a prior, whose weight is learned too."""
    weight, p = theory.mixture(recipe)
    if weight <= 0:
        raise GanzooError(f"weight={weight} leaves out the generator of a skip-GAN; its Dirac-GAN needs one above 0")
    nets = Networks(Mixture(weight, p), Line(), latent_dim=1)

    def seen(w: dict[str, Tensor]) -> Tensor:
        share = w["generator.weight"].unsqueeze(-1)
        return torch.stack([share * w["generator.theta"] + (1 - share) * p, w["discriminator.psi"]], -1)

    return Cast(nets, (("generator.theta", "discriminator.psi"),), seen)


def privileged(recipe: Recipe) -> Cast:
    """A child over a point: side by side with it, or over one that has come to rest."""
    parent = Networks(Point(), Line(), latent_dim=1)
    if recipe.loop.parent_training == "first":
        parent = parent.freeze()
    nets = Networks(Refined(parent.generator), Line(), parent, latent_dim=1)
    older, younger = (
        ("generator.parent.theta", "parent.discriminator.psi"),
        ("generator.child.phi", "discriminator.psi"),
    )

    def seen(w: dict[str, Tensor]) -> Tensor:
        own = torch.stack([w[name] for name in younger], -1)
        if parent.frozen:
            return own
        above = torch.stack([w[name] for name in older], -1)
        return torch.cat([above, own + above * torch.tensor([1.0, 0.0])], -2)

    return Cast(nets, (younger,) if parent.frozen else (older, younger), seen)


CASTS: MappingProxyType[str, Callable[[Recipe], Cast]] = MappingProxyType(
    {"wgan-gp": jumping, "dragan": jumping, "skip": skip, "privileged": privileged}
)
"""Of the trainers that need other players than a point and a line, by name."""
