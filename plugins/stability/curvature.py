"""Each player's own loss around the place where a game stands: a minimum, a saddle or a maximum.

A game may rest where a player does not stand at a minimum of its own loss, since the others hold it there; generators
are often found at saddles (Berard et al., 2020). What tells is the Hessian H of the player's loss in its own weights.
The blocks on the diagonal of the game's Jacobian are -H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from ganzoo.util.errors import GanzooError

from .field import Field, matrix

DENSE = 1500
"""Up to so many weights of a player all eigenvalues are computed, from the matrix."""

SUBSPACE = 40
"""Lanczos vectors of the search, at least."""

ROUGH = 8
"""Of the search for the largest modulus, which need not be exact."""

RESTARTS = 50
"""Of one search, at most."""

EXACT = 1e-6
"""Relative to the largest modulus: residuals with which a search may stop, and eigenvalues that count as 0."""

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Curvature:
    """The Hessian of a player's own loss where a game stands.

    Attributes:
        player: whose.
        eigenvalues: ascending; all of them, if ``dense``, or else some from either end.
        residuals: |H u - z u| of each with u of length 1; so near there is one for certain.
        slope: |dL/dw|, the length of the player's own gradient: theory speaks of places where it is 0.
        size: how many of its weights are free to move.
    """

    player: str
    eigenvalues: Reals
    residuals: Reals
    slope: float
    size: int
    dense: bool

    @property
    def smallest(self) -> float:
        """Below 0, the loss falls away in some direction."""
        return float(self.eigenvalues[0])

    @property
    def largest(self) -> float:
        """How steeply the loss bends, at most."""
        return float(self.eigenvalues[-1])

    @property
    def kind(self) -> str:
        """What the place is by its curvature; directions that are flat to a millionth of the largest do not count."""
        flat = EXACT * max(abs(self.smallest), abs(self.largest))
        down, up = self.smallest < -flat, self.largest > flat
        return "saddle" if down and up else "maximum" if down else "minimum" if up else "flat place"

    @property
    def verdict(self) -> str:
        """In words.

        >>> Curvature("generator", np.array([-0.5, 0.0, 2.0]), np.zeros(3), 0.0, 3, True).verdict
        'the generator stands at a saddle of its own loss'
        """
        whose = self.player.replace(".", "'s ")
        return f"the {whose} stands at a {self.kind} of its own loss"


class Hessian:
    """H of a player's own loss in its own weights, by its products: one backward pass through its gradient each.

    Weights at a bound that the field pushes them beyond are left out, as in :class:`ganzoo_plugins.stability.field.Jacobian`.

    Attributes:
        slope: the player's gradient dL/dw, ``(size,)``.
        size: how many of its weights are free.
    """

    def __init__(self, field: Field, player: str, w: Tensor) -> None:
        own = field.players[player]
        self._free = field.free(w)[own]
        self._own = w[own].detach().requires_grad_()
        self._slope = -field.of(player, torch.cat([w[: own.start].detach(), self._own, w[own.stop :].detach()]))
        self.slope = self._slope.detach()[self._free]
        self.size = len(self.slope)

    def __matmul__(self, u: Tensor) -> Tensor:
        """H u, ``(size,)``."""
        whole = torch.zeros_like(self._slope)
        whole[self._free] = u
        (product,) = torch.autograd.grad(self._slope, self._own, whole, retain_graph=True, materialize_grads=True)
        return product[self._free]

    def dense(self) -> Tensor:
        """All of H, ``(size, size)``, row by row."""
        return matrix(self._slope, self._own, self._free)


def curvatures(field: Field, count: int) -> list[Curvature]:
    """The curvature of each player's loss where a field starts; of many weights, ``count`` eigenvalues at either end.

    Raises:
        GanzooError: a search does not settle, or a player has no weight that could move.
    """
    return [curvature(field, player, count) for player in field.players]


def curvature(field: Field, player: str, count: int) -> Curvature:
    H = Hessian(field, player, field.start)
    slope = float(H.slope.norm())
    if H.size == 0:
        raise GanzooError(f"all weights of the {player} stand at their bounds, so its loss has no curvature there")
    if H.size <= max(DENSE, 2 * count + 2):
        values, vectors = np.linalg.eigh(H.dense().numpy())
    else:
        values, vectors = ends(H, count)
    off = np.array([np.linalg.norm(product(H, u) - z * u) for z, u in zip(values, vectors.T, strict=True)])
    return Curvature(player, values, off, slope, H.size, len(values) == H.size)


def ends(H: Hessian, count: int) -> tuple[Reals, Reals]:
    """So many eigenvalues from either end, ascending, and their vectors.

    Convergence is asked for relative to an eigenvalue, and those at the lower end may be close to 0; so all are first
    moved up by what the largest modulus is about.
    """
    begin = np.random.default_rng(H.size).normal(size=H.size)

    def search(
        shift: float, number: int, which: Literal["LM", "BE"], vectors: int, exact: float
    ) -> tuple[Reals, Reals]:
        operator = LinearOperator((H.size, H.size), matvec=lambda u: product(H, u) + shift * u.ravel(), dtype=float)
        values, found = eigsh(operator, number, which=which, ncv=vectors, v0=begin, tol=exact, maxiter=RESTARTS)
        order = np.argsort(values)
        return values[order] - shift, found[:, order]

    try:
        about, _ = search(0.0, 1, "LM", ROUGH, 0.1)
        return search(float(abs(about[0])), 2 * count, "BE", min(H.size - 1, max(SUBSPACE, 4 * count + 1)), EXACT)
    except ArpackNoConvergence as error:
        raise GanzooError(
            f"the curvature does not settle within {RESTARTS} restarts; ask for fewer eigenvalues with --count, or for "
            "a larger batch with --batch"
        ) from error


def product(H: Hessian, u: Reals) -> Reals:
    made: Reals = (H @ torch.from_numpy(u.ravel().copy())).numpy()
    return made
