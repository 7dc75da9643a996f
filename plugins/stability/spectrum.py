"""The leading eigenvalues of a game of real networks, without its matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs
from torch import Tensor

from ganzoo.util.errors import GanzooError

from .field import Field, Jacobian
from .schemes import step_limit

DENSE = 1500
"""Up to so many weights all eigenvalues are computed, from the matrix."""

SUBSPACE = 80
"""Arnoldi vectors of the first search, at least; the second, which checks it, has half as many again."""

RESTARTS = 100
"""Of one search, at most."""

EXACT, QUICK = 1e-9, 1e-6
"""How far from converged a search may stop, relative to an eigenvalue; of one that is checked, and of one that is not.
"""

Reals = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of J where a game stands.

    Attributes:
        eigenvalues: those with the largest real parts and those of the largest modulus; all of them, if ``dense``.
        residuals: |J'u - z u| / |z| of each, with u of length 1.
        stepped: the same of S J, where S are the players' learning rates as multiples of the generator's.
        difference: the largest distance to the second search's, relative to the largest modulus; 0 if ``dense``, and
            ``None`` if there was no second search.
        v: the length |v| of the field: the linear theory speaks of rest, where it is 0.
        size: how many weights are free to move.
    """

    eigenvalues: Complex
    residuals: Reals
    stepped: Complex
    difference: float | None
    v: float
    size: int
    dense: bool

    @property
    def growth(self) -> float:
        """The largest real part: above 0, something grows."""
        return float(self.eigenvalues.real.max())

    @property
    def rotation(self) -> float:
        """The largest |Im/Re|: far above 1, the game turns more than it moves."""
        return float(
            np.abs(self.eigenvalues.imag / np.where(self.eigenvalues.real, self.eigenvalues.real, 1e-300)).max()
        )

    @property
    def step_limit(self) -> float:
        """Of simultaneous gradient steps, as the generator's, by the eigenvalues that are known."""
        return step_limit(self.stepped)

    def leading(self, count: int) -> list[int]:
        """Where the eigenvalues of the largest real part and of the largest modulus stand, one of each pair."""
        above = {f"{value:.8g}": place for place, value in enumerate(self.eigenvalues) if value.imag >= 0}
        right = sorted(above.values(), key=lambda place: -self.eigenvalues[place].real)[:count]
        large = sorted(above.values(), key=lambda place: -abs(self.eigenvalues[place]))[:count]
        return list(dict.fromkeys([*right, *large]))

    def radius(self, lr: float) -> float:
        """The spectral radius of simultaneous steps, the generator's of that size, by what is known."""
        return float(np.abs(1 + lr * self.stepped).max())


def spectrum(field: Field, count: int, shares: Tensor | None = None, *, quick: bool = False) -> Spectrum:
    """The spectrum where a field starts: ``count`` eigenvalues of either kind.

    Args:
        field: of the game.
        count: how many have the largest real parts, and how many the largest moduli.
        shares: each weight's learning rate as a multiple of the generator's, ``(N,)``; all alike by default.
        quick: search once, less exactly, for one of many spectra.

    Raises:
        GanzooError: the search does not settle.
    """
    J = Jacobian(field, field.start)
    v = float(J.v.norm())
    rates = torch.ones(J.size, dtype=J.v.dtype) if shares is None else shares[J.free]
    alike = bool((rates == 1).all())
    if J.size <= max(DENSE, count + 2):
        matrix = J.dense().T.numpy()
        values, vectors = np.linalg.eig(matrix)
        off = np.linalg.norm(matrix @ vectors - values * vectors, axis=0) / np.maximum(np.abs(values), 1e-12)
        stepped = values if alike else np.linalg.eigvals(matrix * rates.numpy())
        return Spectrum(values, off, stepped, 0.0, v, J.size, True)
    size, exact = max(SUBSPACE, 2 * count + 2), QUICK if quick else EXACT
    first = search(J, count, size, exact)
    values, vectors = (np.concatenate(parts, -1) for parts in zip(*first, strict=True))
    difference = None if quick else apart(first, search(J, count, size * 3 // 2, exact)) / float(np.abs(values).max())
    stepped = values if alike else np.concatenate([kind[0] for kind in search(J, count, size, exact, rates)])
    return Spectrum(values, residuals(J, values, vectors), stepped, difference, v, J.size, False)


def search(
    J: Jacobian, count: int, vectors: int, exact: float, rates: Tensor | None = None
) -> list[tuple[Complex, Complex]]:
    """The eigenvalues with the largest real parts, and those of the largest modulus, each with eigenvectors of J'.

    With ``rates`` ``(size,)``, those of J' S = (S J)'.
    """
    vectors = min(J.size - 1, vectors)
    count = min(count, vectors - 2)

    def product(u: Reals) -> Reals:
        condition = torch.from_numpy(u.ravel().copy())
        return J.transposed(condition if rates is None else rates * condition).numpy()

    operator = LinearOperator((J.size, J.size), matvec=product, dtype=np.float64)
    begin = np.random.default_rng(vectors).normal(size=J.size)
    kinds: tuple[Literal["LR", "LM"], ...] = ("LR", "LM")
    try:
        return [eigs(operator, count, which=kind, ncv=vectors, v0=begin, tol=exact, maxiter=RESTARTS) for kind in kinds]
    except ArpackNoConvergence as error:
        raise GanzooError(
            f"the leading eigenvalues do not settle within {RESTARTS} restarts; ask for fewer with --count, or for a "
            "larger batch with --batch"
        ) from error


def apart(first: list[tuple[Complex, Complex]], second: list[tuple[Complex, Complex]]) -> float:
    """How far an eigenvalue of one search is from all that the other has found of its kind, at most."""
    return float(
        max(
            np.abs(np.subtract.outer(mine, theirs)).min(1).max()
            for (mine, _), (theirs, _) in zip(first, second, strict=True)
        )
    )


def residuals(J: Jacobian, values: Complex, vectors: Complex) -> Reals:
    """How far each pair is from being one of J', relative to the eigenvalue."""

    def product(u: Reals) -> Reals:
        return J.transposed(torch.from_numpy(np.ascontiguousarray(u))).numpy()

    found: dict[complex, float] = {}  # conjugates have the same, and an eigenvalue may be of both kinds
    for value, u in zip(values.tolist(), vectors.T, strict=True):
        key = complex(value.real, abs(value.imag))
        if key not in found:
            image = product(u.real) + (1j * product(u.imag) if value.imag else 0)
            found[key] = float(np.linalg.norm(image - value * u)) / max(abs(value), 1e-12)
    return np.array([found[complex(value.real, abs(value.imag))] for value in values.tolist()])
