"""Toy distributions with known density, drawn from fixed seeds: 50,000 vectors for training and 50,000 for testing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request

COUNT = 50_000
SEEDS = {"train": 0, "test": 1}


class Mixture(NamedTuple):
    """Equally likely isotropic Gaussians.

    Attributes:
        centres: float64 ``(K, features)``.
        sigma: standard deviation of each.
    """

    centres: NDArray[np.float64]
    sigma: float


def _grid(x: list[float]) -> NDArray[np.float64]:
    return np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)


# From integers: steps of pi/4 from 0 to 2 pi would count the first centre twice, and linspace would lose the eighth.
_ANGLES = 2 * np.pi * np.arange(8) / 8

RING8 = Mixture(np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1), 0.01)
GRID25 = Mixture(_grid([-4, -2, 0, 2, 4]), 0.05)
CLOUDS4 = Mixture(_grid([0.25, 0.75]), 0.05)
CORNER49 = Mixture(np.full((1, 49), 0.8), 0.05)


def ring8(request: Request) -> Data:
    """Eight Gaussians on the unit circle, in the plane, sigma 0.01.

    Source: the ring of Srivastava et al. (VEEGAN), 2017, as set up by Lin et al. (PacGAN), 2018.

    Returns:
        Samples float32 ``(50000, 2)``, unbounded; a label for each Gaussian.

    Raises:
        GanzooError: the name has an argument.
    """
    return _draw(request, RING8)


def grid25(request: Request) -> Data:
    """Twenty-five Gaussians on the grid {-4, -2, 0, 2, 4}², in the plane, sigma 0.05.

    Source: the grid of Srivastava et al. (VEEGAN), 2017, as set up by Lin et al. (PacGAN), 2018. Returns and raises
    as :func:`ring8`.
    """
    return _draw(request, GRID25)


def clouds4(request: Request) -> Data:
    """Four Gaussians at {0.25, 0.75}², inside the unit square, sigma 0.05.

    Returns and raises as :func:`ring8`.
    """
    return _draw(request, CLOUDS4)


def corner49(request: Request) -> Data:
    """One Gaussian in 49 dimensions, in a corner of the unit cube: centre 0.8 in each coordinate, sigma 0.05.

    The mean squared distance from the centre is 49 * 0.05² = 0.1225.

    Returns:
        Samples float32 ``(50000, 49)``, unbounded.

    Raises:
        GanzooError: the name has an argument.
    """
    return _draw(request, CORNER49)


def circle(request: Request) -> Data:
    """A circle's line, in the plane: radius 0.3 about (0.5, 0.5), evenly, without noise.

    Returns:
        Samples float32 ``(50000, 2)`` in 0.2..0.8.

    Raises:
        GanzooError: the name has an argument.
    """
    request.refuse_argument()
    angles = np.random.default_rng(SEEDS[request.split]).uniform(0, 2 * np.pi, COUNT)
    points = 0.5 + 0.3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Data(name=request.name, samples=points.astype(np.float32))


def _draw(request: Request, mixture: Mixture) -> Data:
    request.refuse_argument()
    random = np.random.default_rng(SEEDS[request.split])
    modes, features = mixture.centres.shape
    labels = random.integers(modes, size=COUNT)
    points = mixture.centres[labels] + mixture.sigma * random.standard_normal((COUNT, features))
    return Data(
        name=request.name,
        samples=points.astype(np.float32),
        labels=labels if modes > 1 else None,
        classes=tuple(map(str, range(modes))) if modes > 1 else (),
    )
