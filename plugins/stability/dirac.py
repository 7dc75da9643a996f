"""The Dirac-GAN of a trainer: the smallest GAN that shows whether a method converges (Mescheder et al., 2018).

The data are the single value 0, the generator's output is theta, and the discriminator is D(x) = psi x. The trainer
updates these two parameters as it updates any networks, so every trainer has its Dirac-GAN, unless it uses parts of
networks that a parameter does not have, such as an encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.registry.recipe import Recipe
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line

from .field import Field, Jacobian
from .theory import Eigenvalues, theory_of


@dataclass(frozen=True)
class Dirac:
    """A Dirac-GAN.

    Attributes:
        field: v(w) of its few weights.
        equilibrium: the weights where it is at equilibrium. The field of a gradient penalty with a target other than 0
            jumps there, so the slope is 1 instead of 0.
        start: of trajectories: the generator's outputs are off by 1, and the slopes are 1.
        axes: for each plane the indices in w of the generator's weight and of the discriminator's slope.
        seen: maps weights ``(..., N)`` to the generators' outputs and the discriminators' slopes ``(..., planes, 2)``.
        theory: the eigenvalues of J at equilibrium, if they are known.
    """

    field: Field
    equilibrium: Tensor
    start: Tensor
    axes: tuple[tuple[int, int], ...]
    seen: Callable[[Tensor], Tensor]
    theory: Eigenvalues | None

    def eigenvalues(self) -> NDArray[np.complex128]:
        """Of J at equilibrium, by decreasing real part."""
        found = np.linalg.eigvals(Jacobian(self.field, self.equilibrium).dense().numpy())
        return found[np.lexsort((-found.imag, np.abs(found.imag).round(9), -found.real.round(9)))]

    def error(self) -> float | None:
        """The largest difference of a coefficient of J's characteristic polynomial from theory; ``None`` without one.

        For a pair of eigenvalues these are trace and determinant. They change in proportion to J, also where two
        eigenvalues meet: there the eigenvalues themselves move by the square root of a rounding error.
        """
        if self.theory is None:
            return None
        return float(np.abs(np.poly(self.eigenvalues()) - np.poly(np.array(self.theory))).max())


def dirac(recipe: Recipe) -> Dirac:
    """The Dirac-GAN of a recipe's trainer, with its settings.

    Raises:
        GanzooError: the trainer needs more of its networks than such small ones offer.
    """
    known = theory_of(recipe)
    players = known.players(recipe)
    labels = (torch.tensor(players.labels),) if players.labels else ()
    zeros = torch.zeros(len(players.labels) or 2, 1)  # two samples, for trainers that need a batch's variance
    steps = {"trainer": one_step_each(recipe.values["trainer"])}
    trainer = partial(replace(recipe, values={**recipe.values, **steps}).train, iteration=1)
    try:
        field = Field(players.nets, trainer, (zeros, zeros, *labels))
    except (GanzooError, *FOREIGN_ERRORS) as error:
        reason = str(error) if isinstance(error, GanzooError) else first_line(error)
        raise GanzooError(
            f"the trainer of {recipe.gan.name} cannot train networks of one parameter: {reason}"
        ) from error
    indices = {name: part.flatten().tolist() for name, part in field.named(torch.arange(len(field.start))).items()}
    if still := sorted({name for names in players.planes for name in names} - indices.keys()):
        raise GanzooError(
            f"the trainer of {recipe.gan.name} does not update '{still[0]}' in its first iteration, so its Dirac-GAN "
            "has only one player"
        )
    axes = tuple(axis for names in players.planes for axis in zip(*(indices[name] for name in names), strict=True))
    start = field.start.clone()
    for output, slope in axes:
        start[output] += 1
        start[slope] = 1
    eigenvalues = known.eigenvalues(recipe)
    if eigenvalues and players.labels:  # each class is a Dirac-GAN of its own, weighted by its share of the batch
        shares = np.bincount(players.labels) / len(players.labels)
        eigenvalues = tuple(complex(share * value) for share in shares for value in eigenvalues)
    return Dirac(field, field.start, field.projected(start), axes, lambda w: players.seen(field.named(w)), eigenvalues)


def identity(recipe: Recipe) -> str:
    """A text that is the same for GANs with the same Dirac-GAN."""
    players = theory_of(recipe).players(recipe)
    weights = {name: tensor.tolist() for name, tensor in players.nets.state_dict().items()}
    settings = one_step_each(recipe.values["trainer"])
    return repr((recipe.functions["trainer"], settings, players.planes, players.labels, weights))


def one_step_each(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a trainer with one update of each player: the field has only the first of several."""
    return {name: 1 if name.endswith("_steps") else value for name, value in settings.items()}
