"""What theory says of the trainers that ship: eigenvalues of their Dirac-GANs where these rest.

The pairs solve z^2 - tr z + det = 0. Those of the non-saturating and the Wasserstein game, with and without gradient
penalties, are in Mescheder et al. (2018); the others follow from the same two by two matrices.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from types import MappingProxyType

from ganzoo.registry.recipe import Recipe

Eigenvalues = tuple[complex, ...]


def eigenvalues(recipe: Recipe) -> Eigenvalues | None:
    """Of the Dirac-GAN of a recipe, for one class; ``None`` where theory, or this file, says nothing."""
    known = KNOWN.get(recipe.names.get("trainer", ""))
    return known(recipe) if known else None


def pair(trace: float, determinant: float) -> Eigenvalues:
    """Eigenvalues of a two by two matrix.

    >>> pair(-1, 0.25)
    ((-0.5+0j), (-0.5+0j))
    """
    root = cmath.sqrt(trace**2 / 4 - determinant)
    return trace / 2 + root, trace / 2 - root


def non_saturating(recipe: Recipe) -> Eigenvalues | None:
    """-c/2 +- sqrt(c^2/4 - 1/4) with c the weight of the penalty; noisy targets have no fixed place of rest."""
    values = recipe.values["trainer"]
    return None if values["smoothing"] else pair(-values["penalty"], 1 / 4)


def least_squares(_: Recipe) -> Eigenvalues:
    """+-2i, with targets 1 and -1 and no factor 1/2."""
    return pair(0, 4)


def relativistic(recipe: Recipe) -> Eigenvalues:
    """-c +- sqrt(c^2 - 1/4) with c the weight of both penalties (Huang et al., 2024)."""
    return pair(-2 * recipe.values["trainer"]["penalty"], 1 / 4)


def wasserstein(_: Recipe) -> Eigenvalues:
    """+-i, within the clip; hinge losses are the same where they do not vanish."""
    return pair(0, 1)


def wasserstein_gp(recipe: Recipe) -> Eigenvalues:
    """-c +- sqrt(c^2 - 1) with c the weight of the penalty, wherever psi is not 0: there, the field jumps."""
    return pair(-2 * recipe.values["trainer"]["penalty"], 1)


def skip(recipe: Recipe) -> Eigenvalues | None:
    """0, along the line on which theta and w make up for each other, and +-(i/2) sqrt(w^2 + p^2/w^2)."""
    w, p = mixture(recipe)
    return None if recipe.values["trainer"]["smoothing"] else (0j, *pair(0, (w**2 + p**2 / w**2) / 4))


def privileged(recipe: Recipe) -> Eigenvalues | None:
    """Those of the child and, side by side, those of the parent, since nothing returns to it.

    |A(y) - y| has a kink where the child rests, and a child that is shown noise rests nowhere.
    """
    values = recipe.values["trainer"]
    if values["reconstruction"] or values["child_fake"] == "noise":
        return None
    parent = pair(0, 1 / 4) if recipe.loop.parent_training == "joint" else ()
    return (*parent, *pair(-values["penalty"], 1 / 4))


def mixture(recipe: Recipe) -> tuple[float, float]:
    """The weight w of a skip-GAN, and what its prior is wrong by: the ``bias`` of a regression, nothing for images."""
    values = recipe.values["generator"]
    return values["weight"], values.get("bias", 0.0)


KNOWN: MappingProxyType[str, Callable[[Recipe], Eigenvalues | None]] = MappingProxyType(
    {
        "non-saturating": non_saturating,
        "least-squares": least_squares,
        "relativistic": relativistic,
        "hinge": wasserstein,
        "wgan": wasserstein,
        "wgan-gp": wasserstein_gp,
        "skip": skip,
        "privileged": privileged,
    }
)
