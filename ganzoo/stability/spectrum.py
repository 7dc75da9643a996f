"""The leading eigenvalues of a game of real networks, without its matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from ganzoo.spec import GanzooError
from ganzoo.stability.field import Field, Jacobian
from ganzoo.stability.schemes import step_limit

DENSE = 1500
"""Up to so many weights all eigenvalues are computed, from the matrix."""

SUBSPACE = 60
"""Arnoldi vectors of the first search; the second, which checks it, has half as many again."""

RESTARTS = 300
"""Of one search, at most."""

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of J where a game stands.

    Attributes:
        eigenvalues: those with the largest real parts and those of the largest modulus; all of them, if ``dense``.
        residuals: |J'u - z u| / |z| of each, with u of length 1.
        difference: the largest distance to the second search's, relative to the largest modulus; 0 if ``dense``.
        v: the length |v| of the field: the linear theory speaks of rest, where it is 0.
        size: how many weights are free to move.
    """

    eigenvalues: Complex
    residuals: NDArray[np.float64]
    difference: float
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
        """Of simultaneous gradient steps, by the eigenvalues that are known."""
        return step_limit(self.eigenvalues)

    def leading(self, count: int) -> list[int]:
        """Where the eigenvalues of the largest real part and of the largest modulus stand, one of each pair."""
        above = {f"{value:.8g}": place for place, value in enumerate(self.eigenvalues) if value.imag >= 0}
        right = sorted(above.values(), key=lambda place: -self.eigenvalues[place].real)[:count]
        large = sorted(above.values(), key=lambda place: -abs(self.eigenvalues[place]))[:count]
        return list(dict.fromkeys([*right, *large]))

    def radius(self, lr: float) -> float:
        """The spectral radius of a simultaneous step of that size, by the eigenvalues that are known."""
        return float(np.abs(1 + lr * self.eigenvalues).max())


def spectrum(field: Field, count: int) -> Spectrum:
    """The spectrum where a field starts: ``count`` eigenvalues of either kind.

    Raises:
        GanzooError: the search does not settle.
    """
    J = Jacobian(field, field.start)
    v = float(J.v.norm())
    if J.size <= max(DENSE, count + 2):
        matrix = J.dense().T.numpy()
        values, vectors = np.linalg.eig(matrix)
        off = np.linalg.norm(matrix @ vectors - values * vectors, axis=0) / np.maximum(np.abs(values), 1e-12)
        return Spectrum(values, off, 0.0, v, J.size, True)
    first, second = (search(J, count, min(J.size - 1, size)) for size in (SUBSPACE, SUBSPACE * 3 // 2))
    values = np.array([value for kind in first for value in kind[0]])
    scale = np.abs(values).max()
    off = max(
        np.abs(np.subtract.outer(mine, theirs)).min(1).max()
        for (mine, _), (theirs, _) in zip(first, second, strict=True)
    )
    vectors = np.concatenate([kind[1] for kind in first], 1)
    return Spectrum(values, residuals(J, values, vectors), float(off / scale), v, J.size, False)


def search(J: Jacobian, count: int, vectors: int) -> list[tuple[Complex, Complex]]:
    """The eigenvalues with the largest real parts, and those of the largest modulus, each with eigenvectors of J'."""
    count = min(count, vectors - 2)

    def product(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return J.transposed(torch.from_numpy(u.ravel().copy())).numpy()

    operator = LinearOperator((J.size, J.size), matvec=product, dtype=np.float64)
    begin = np.random.default_rng(vectors).normal(size=J.size)
    kinds: tuple[Literal["LR", "LM"], ...] = ("LR", "LM")
    try:
        return [eigs(operator, count, which=kind, ncv=vectors, v0=begin, tol=1e-9, maxiter=RESTARTS) for kind in kinds]
    except ArpackNoConvergence as error:
        raise GanzooError(
            f"the leading eigenvalues do not settle within {RESTARTS} restarts; ask for fewer with --count, or for a "
            "larger batch with --batch"
        ) from error


def residuals(J: Jacobian, values: Complex, vectors: Complex) -> NDArray[np.float64]:
    """How far each pair is from being one of J', relative to the eigenvalue."""

    def product(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return J.transposed(torch.from_numpy(np.ascontiguousarray(u))).numpy()

    return np.array(
        [
            np.linalg.norm(product(u.real) + 1j * product(u.imag) - value * u) / max(abs(value), 1e-12)
            for value, u in zip(values, vectors.T, strict=True)
        ]
    )
