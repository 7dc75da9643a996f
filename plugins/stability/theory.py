"""What theory says of the trainers that ship: the players of their Dirac-GANs, and the eigenvalues at equilibrium.

A pair of eigenvalues solves z^2 - tr z + det = 0. Mescheder et al. (2018) derive those of the non-saturating and the
Wasserstein loss, with and without gradient penalties. The others follow from the same two-by-two matrices.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

from ganzoo.parts import trainers
from ganzoo.registry.recipe import Recipe

from ..dragan import dragan
from ..hinge import hinge
from ..privileged.trainer import privileged
from ..r3gan import relativistic
from ..skip import skip
from .players import DiracPlayers, child_and_parent, mixture, mixture_and_line, off_the_jump, point_and_line

Eigenvalues = tuple[complex, ...]


def pair(trace: float, determinant: float) -> Eigenvalues:
    """Eigenvalues of a two-by-two matrix.

    >>> pair(-1, 0.25)
    ((-0.5+0j), (-0.5+0j))
    """
    root = cmath.sqrt(trace**2 / 4 - determinant)
    return trace / 2 + root, trace / 2 - root


def unknown(_: Recipe) -> None:
    """No eigenvalues are known."""


def of_non_saturating(recipe: Recipe) -> Eigenvalues | None:
    """-c/2 +- sqrt(c^2/4 - 1/4), where c is the weight of the penalty. Random targets have no fixed equilibrium."""
    values = recipe.values["trainer"]
    return None if values["smoothing"] else pair(-values["penalty"], 1 / 4)


def of_least_squares(_: Recipe) -> Eigenvalues:
    """+-2i, with targets 1 and -1 and no factor 1/2."""
    return pair(0, 4)


def of_relativistic(recipe: Recipe) -> Eigenvalues:
    """-c +- sqrt(c^2 - 1/4), where c is the weight of both penalties, in the first iteration (Huang et al., 2024)."""
    return pair(-2 * recipe.values_at("trainer", 1)["penalty"], 1 / 4)


def of_wasserstein(_: Recipe) -> Eigenvalues:
    """+-i within the clip. The hinge loss has the same where it is not 0."""
    return pair(0, 1)


def of_wasserstein_gp(recipe: Recipe) -> Eigenvalues:
    """-c +- sqrt(c^2 - 1) for every slope but 0, where the field jumps; c is the weight of the penalty."""
    return pair(-2 * recipe.values["trainer"]["penalty"], 1)


def of_skip(recipe: Recipe) -> Eigenvalues | None:
    """+-(i/2) sqrt(w^2 + p^2/w^2), and 0 along the line of equilibria where theta and w compensate each other."""
    w, p = mixture(recipe)
    return None if recipe.values["trainer"]["smoothing"] else (0j, *pair(0, (w**2 + p**2 / w**2) / 4))


def of_privileged(recipe: Recipe) -> Eigenvalues | None:
    """Those of the child and, if it is trained jointly, of the parent, to which no gradient returns.

    |A(y) - y| has a kink at the child's equilibrium, and a child whose fakes are noise has no equilibrium.
    """
    values = recipe.values["trainer"]
    if values["reconstruction"] or values["child_fake"] == "noise":
        return None
    parent = pair(0, 1 / 4) if recipe.loop.parent_training == "joint" else ()
    return (*parent, *pair(-values["penalty"], 1 / 4))


class Theory(NamedTuple):
    """Of a trainer: the eigenvalues of its Dirac-GAN at equilibrium, for one class, and its players."""

    eigenvalues: Callable[[Recipe], Eigenvalues | None] = unknown
    players: Callable[[Recipe], DiracPlayers] = point_and_line


KNOWN: MappingProxyType[Callable[..., Any], Theory] = MappingProxyType(
    {
        trainers.non_saturating: Theory(of_non_saturating),
        trainers.least_squares: Theory(of_least_squares),
        trainers.wasserstein: Theory(of_wasserstein),
        trainers.wasserstein_gp: Theory(of_wasserstein_gp, off_the_jump),
        hinge: Theory(of_wasserstein),
        dragan: Theory(players=off_the_jump),
        relativistic: Theory(of_relativistic),
        skip: Theory(of_skip, mixture_and_line),
        privileged: Theory(of_privileged, child_and_parent),
    }
)
"""Theory by trainer; any other trainer has a Dirac-GAN of a point and a line."""


def theory_of(recipe: Recipe) -> Theory:
    """What is known of a recipe's trainer."""
    return KNOWN.get(recipe.functions["trainer"], Theory())
