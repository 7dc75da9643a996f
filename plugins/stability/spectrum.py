"""The spectrum of a derivative: of the matrix if it is small, and otherwise from its products alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, eigsh
from torch import Tensor

from ganzoo.util.errors import GanzooError

from .field import Derivative

DENSE = 1500
"""Up to this many weights all eigenvalues are computed, from the matrix."""

RESTARTS = 100
"""The most restarts of one search."""

FLAT = 1e-6
"""Eigenvalues of a Hessian count as 0 below this share of the largest modulus."""

Reals = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a derivative A = dv/dw.

    Attributes:
        values: all eigenvalues, if ``complete``; otherwise those that :func:`spectrum` searched for. Complex, or real
            and ascending if A is symmetric.
        residuals: |A' u - z u| / |z| of each eigenvalue z, with u of length 1.
        norm: |v|, which is 0 at an equilibrium.
        size: how many weights are free to move.
        complete: whether these are all eigenvalues of A.
    """

    values: NDArray[Any]
    residuals: Reals
    norm: float
    size: int
    complete: bool

    @property
    def growth(self) -> float:
        """The largest real part."""
        return float(self.values.real.max())

    @property
    def smallest(self) -> float:
        """The smallest real part."""
        return float(self.values.real.min())

    @property
    def rotation(self) -> float:
        """The largest |Im/Re|: far above 1, the game rotates much faster than it converges or diverges."""
        return float(np.abs(self.values.imag / np.where(self.values.real, self.values.real, 1e-300)).max())

    @property
    def critical_point(self) -> str:
        """What a loss has where this is the spectrum of its Hessian: ``minimum``, ``maximum``, ``saddle``, ...

        >>> Spectrum(np.array([-0.5, 0.0, 2.0]), np.zeros(3), 0.0, 3, True).critical_point
        'saddle'
        """
        flat = FLAT * max(abs(self.smallest), abs(self.growth))
        down, up = self.smallest < -flat, self.growth > flat
        return "saddle" if down and up else "maximum" if down else "minimum" if up else "flat region"

    def leading(self, count: int) -> list[int]:
        """Indices of the eigenvalues of the largest real part and of the largest modulus, one of each pair."""
        upper = {f"{value:.8g}": index for index, value in enumerate(self.values) if value.imag >= 0}
        right = sorted(upper.values(), key=lambda index: -self.values[index].real)[:count]
        large = sorted(upper.values(), key=lambda index: -abs(self.values[index]))[:count]
        return list(dict.fromkeys([*right, *large]))


def spectrum(
    A: Derivative, count: int, *, basis: int, tolerance: float, symmetric: bool = False, rates: Tensor | None = None
) -> Spectrum:
    """The eigenvalues of a derivative: all of them up to :data:`DENSE` weights.

    Beyond that, if A is symmetric, ``count`` from either end, by Lanczos' method; otherwise ``count`` with the largest
    real parts and then ``count`` of the largest modulus, by Arnoldi's method (Lehoucq et al., 1998).

    Args:
        A: the derivative.
        count: how many eigenvalues of either kind.
        basis: Arnoldi or Lanczos vectors of a search, more than twice ``count``; each is as long as the free weights.
        tolerance: relative to an eigenvalue, at which a search stops.
        symmetric: whether A is.
        rates: learning rates ``(size,)``: the eigenvalues are then those of diag(rates) A.

    Raises:
        GanzooError: a search does not converge.
    """

    def product(u: NDArray[Any]) -> Reals:  # by A' diag(rates), which has the eigenvalues of diag(rates) A
        vector = torch.from_numpy(u.ravel().copy())
        found: Reals = A.transposed(vector if rates is None else rates * vector).numpy()
        return found

    if complete := A.size <= max(DENSE, 2 * count + 2):
        matrix = A.dense().T.numpy() * (1 if rates is None else rates.numpy())
        values, vectors = (np.linalg.eigh if symmetric else np.linalg.eig)(matrix)
        images = matrix @ vectors
    else:
        try:
            values, vectors = search(product, A.size, count, basis, tolerance, symmetric)
        except ArpackNoConvergence as error:
            raise GanzooError(
                f"the leading eigenvalues do not converge within {RESTARTS} restarts; ask for fewer with --count, or "
                "use more samples with --batch-size"
            ) from error
        images = np.stack([product(u.real) + (1j * product(u.imag) if u.imag.any() else 0) for u in vectors.T], axis=1)
    residuals = np.linalg.norm(images - values * vectors, axis=0) / np.maximum(np.abs(values), 1e-12)
    return Spectrum(values, residuals, float(A.v.norm()), A.size, complete)


def search(product: Any, size: int, count: int, basis: int, tolerance: float, symmetric: bool) -> tuple[Any, Any]:
    """Eigenvalues ``(2 count,)`` and eigenvectors ``(size, 2 count)`` by ARPACK; see :func:`spectrum`."""
    basis = min(size - 1, basis)
    start = np.random.default_rng(basis).normal(size=size)

    def run(shift: float, **options: Any) -> tuple[Any, Any]:
        operator = LinearOperator((size, size), matvec=lambda u: product(u) + shift * u.ravel(), dtype=np.float64)
        values, vectors = (eigsh if symmetric else eigs)(operator, v0=start, maxiter=RESTARTS, **options)
        return values - shift, vectors

    if not symmetric:
        kinds = [run(0.0, k=min(count, basis - 2), which=kind, ncv=basis, tol=tolerance) for kind in ("LR", "LM")]
        return np.concatenate([values for values, _ in kinds]), np.concatenate([found for _, found in kinds], axis=1)
    # The tolerance is relative, and the lowest eigenvalue may be close to 0: all are shifted by about the largest.
    (modulus,), _ = run(0.0, k=1, which="LM", ncv=8, tol=0.1)
    values, vectors = run(float(abs(modulus)), k=2 * count, which="BE", ncv=basis, tol=tolerance)
    order = np.argsort(values)
    return values[order], vectors[:, order]
