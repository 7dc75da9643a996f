"""Metrics of points whose distribution is known: mixtures of Gaussians, and a circle.

Pure functions on points ``(N, features)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.toys import CLOUDS4, CORNER49, GRID25, RING8, Mixture
from ganzoo.evaluation.classes import frequencies, reverse_kl

Points = NDArray[np.floating[Any]]

ARCS = 36  # of 10 degrees


def mixture_metrics(points: Points, mixture: Mixture) -> dict[str, float]:
    """Modes of a mixture (Srivastava et al., 2017; Lin et al., 2018).

    A point is of high quality if it is within 3 sigma of the nearest centre. In the plane a perfect generator has a
    share of 1 - exp(-4.5) = 0.989; a larger share is sharper than the data.

    Returns:
        ``modes``: centres with at least one point of high quality, 0..K; ``high_quality``: share of these points,
        0..1; ``reverse_kl``: KL of their frequencies in the modes from equal ones, in nats, 0..log K, or infinite
        without such a point.

    Raises:
        ValueError: two centres are equal.
    """
    centres = mixture.centres
    if len(np.unique(centres.round(12), axis=0)) != len(centres):
        raise ValueError(f"two of the {len(centres)} centres are equal")
    offsets = np.asarray(points, np.float64)[:, None] - centres
    distances = np.sqrt(np.square(offsets).sum(axis=2))
    good = distances.min(axis=1) < 3 * mixture.sigma
    found = frequencies(distances.argmin(axis=1)[good], len(centres))
    equal = np.full(len(centres), 1 / len(centres))
    return {
        "modes": float((found > 0).sum()),
        "high_quality": float(good.mean()),
        "reverse_kl": reverse_kl(found, equal) if good.any() else float("inf"),
    }


def gaussian_metrics(points: Points, mixture: Mixture) -> dict[str, float]:
    """Distances from the centre of one Gaussian.

    Returns:
        ``msdcc``: mean squared distance from the centre, features * sigma**2 for a perfect generator; ``dbc``: squared
        distance of the mean of N points from the centre, features * sigma**2 / N for a perfect generator.
    """
    offsets = np.asarray(points, np.float64) - mixture.centres[0]
    return {
        "msdcc": float(np.square(offsets).sum(axis=1).mean()),
        "dbc": float(np.square(offsets.mean(axis=0)).sum()),
    }


def circle_metrics(points: Points, centre: float = 0.5, radius: float = 0.3) -> dict[str, float]:
    """Distances from a circle, and the uniformity of the angles.

    Returns:
        ``distance``: mean distance from the circle; ``reverse_kl``: KL of the frequencies of 36 arcs from equal ones,
        in nats.
    """
    offsets = np.asarray(points, np.float64) - centre
    angles = np.arctan2(offsets[:, 1], offsets[:, 0])
    arcs = np.floor((angles / (2 * np.pi) % 1) * ARCS).astype(int).clip(0, ARCS - 1)
    return {
        "distance": float(np.abs(np.sqrt(np.square(offsets).sum(axis=1)) - radius).mean()),
        "reverse_kl": reverse_kl(frequencies(arcs, ARCS), np.full(ARCS, 1 / ARCS)),
    }


METRICS: dict[str, Callable[[Points], dict[str, float]]] = {
    "ring8": lambda points: mixture_metrics(points, RING8),
    "grid25": lambda points: mixture_metrics(points, GRID25),
    "clouds4": lambda points: mixture_metrics(points, CLOUDS4),
    "corner49": lambda points: gaussian_metrics(points, CORNER49),
    "circle": circle_metrics,
}
"""The metrics of each data set of points."""
