"""Directions of the field of a Dirac-GAN on a grid, for phase portraits."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .dirac import Dirac


def arrows(game: Dirac, plane: int, reach: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The directions of the field in a plane through the equilibrium.

    Args:
        game: the Dirac-GAN.
        plane: which of its planes.
        reach: half of the side of the square around the equilibrium.
        count: of points along each side. Points beyond a clip, where there is no field, are left out.

    Returns:
        float64 ``(N, 2)`` twice: points, as output and slope, and unit vectors, or zeros where the field is zero.
    """
    output, slope = game.axes[plane]
    side = np.linspace(-reach, reach, count)
    points, directions = [], []
    for dx in side:
        for y in side:
            w = game.equilibrium.clone()
            w[output] += dx
            w[slope] = y
            if not torch.equal(game.field.projected(w), w):
                continue
            direction = game.seen(game.field.projected(w + 1e-6 * game.field(w))) - game.seen(w)
            points.append(game.seen(w)[plane].tolist())
            directions.append((direction[plane] / direction[plane].norm().clamp_min(1e-300)).tolist())
    return np.array(points).reshape(-1, 2), np.array(directions).reshape(-1, 2)
