"""What can be said of points where the truth is known: mixtures of Gaussians, and a circle's line.

Pure functions on points ``(N, features)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.toys import CLOUDS4, CORNER49, GRID25, RING8, Mixture
from ganzoo.evaluation.classes import reverse_kl, shares

Points = NDArray[np.floating[Any]]

ARCS = 36  # of 10 degrees


def modes(points: Points, mixture: Mixture) -> dict[str, float]:
    """Modes of a mixture (Srivastava et al., 2017; Lin et al., 2018).

    A point is of high quality if it lies within 3 sigma of the nearest centre. A perfect generator has a share of
    1 - exp(-4.5) = 0.989 in the plane; more is sharper than the data.

    Returns:
        ``modes``: centres nearest to at least one point of high quality; ``high_quality``: their share;
        ``reverse_kl``: KL of the shares of points of high quality from equal shares, in nats.

    Raises:
        ValueError: two centres are the same, so that there are fewer modes than it seems.
    """
    centres = mixture.centres
    if len(np.unique(centres.round(12), axis=0)) != len(centres):
        raise ValueError(f"two of the {len(centres)} centres are one")
    offsets = np.asarray(points, np.float64)[:, None] - centres
    distances = np.sqrt(np.square(offsets).sum(axis=2))
    good = distances.min(axis=1) < 3 * mixture.sigma
    found = shares(distances.argmin(axis=1)[good], len(centres))
    equal = np.full(len(centres), 1 / len(centres))
    return {
        "modes": float((found > 0).sum()),
        "high_quality": float(good.mean()),
        "reverse_kl": reverse_kl(found, equal) if good.any() else float("inf"),
    }


def cloud(points: Points, mixture: Mixture) -> dict[str, float]:
    """One Gaussian: how far points lie from its centre, and how far their mean does.

    Returns:
        ``msdcc``: mean squared distance to the centre, features * sigma**2 for a perfect generator; ``dbc``: squared
        distance of the barycentre to the centre, the same over N.
    """
    offsets = np.asarray(points, np.float64) - mixture.centres[0]
    return {
        "msdcc": float(np.square(offsets).sum(axis=1).mean()),
        "dbc": float(np.square(offsets.mean(axis=0)).sum()),
    }


def line(points: Points, centre: float = 0.5, radius: float = 0.3) -> dict[str, float]:
    """A circle's line: how far points lie from it, and how evenly around.

    Returns:
        ``distance``: mean distance to the line; ``reverse_kl``: KL of the shares of 36 arcs from equal shares, in nats.
    """
    offsets = np.asarray(points, np.float64) - centre
    angles = np.arctan2(offsets[:, 1], offsets[:, 0])
    arcs = np.floor((angles / (2 * np.pi) % 1) * ARCS).astype(int).clip(0, ARCS - 1)
    return {
        "distance": float(np.abs(np.sqrt(np.square(offsets).sum(axis=1)) - radius).mean()),
        "reverse_kl": reverse_kl(shares(arcs, ARCS), np.full(ARCS, 1 / ARCS)),
    }


KNOWN: dict[str, Callable[[Points], dict[str, float]]] = {
    "ring8": lambda points: modes(points, RING8),
    "grid25": lambda points: modes(points, GRID25),
    "clouds4": lambda points: modes(points, CLOUDS4),
    "corner49": lambda points: cloud(points, CORNER49),
    "circle": line,
}
"""The figures of the data sets whose truth is known."""
