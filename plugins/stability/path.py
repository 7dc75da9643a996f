"""The game on the straight line from its first weights to its last (Berard et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .field import Field

BEYOND = 0.1
"""How far the line goes on at both ends, as a share of its length."""

ACROSS = 0.1
"""Cosines below which a field crosses the line more than it follows it."""


@dataclass(frozen=True)
class Path:
    """What is met on the way w(a) = (1 - a) first + a last.

    Attributes:
        a: the places on the line, 0 where it begins and 1 where it ends.
        norm: |v| there.
        angle: the cosine between v and the way on, as Berard et al. have it: positive where the field leads on.
        losses: of each player.
        length: of the way, |last - first|.
    """

    a: NDArray[np.float64]
    norm: NDArray[np.float64]
    angle: NDArray[np.float64]
    losses: dict[str, NDArray[np.float64]]
    length: float

    @property
    def verdict(self) -> str:
        """How the last weights look from the line: the angle changes its sign at a place that attracts."""
        before, after = (self.angle[np.abs(self.a - a).argmin()] for a in (1 - BEYOND / 2, 1 + BEYOND / 2))
        if before > 0 > after:
            return "attracted: the field leads to the last weights from both sides"
        if before < 0 < after:
            return "repelled: the field leads away from the last weights on both sides"
        if max(abs(before), abs(after)) < ACROSS:
            return "turning: the field crosses the line at the last weights"
        return "on its way: the field leads on" if after > 0 else "past its aim: the field leads back"


def path(field: Field, first: Tensor, last: Tensor, points: int) -> Path:
    """Look at a field along the line between two places, on so many of them."""
    way = last - first
    length = float(way.norm())
    places = np.linspace(-BEYOND, 1 + BEYOND, points)
    norms, angles, losses = [], [], []
    for a in places:
        w = first + float(a) * way
        v = field(w)
        size = float(v.norm())
        norms.append(size)
        angles.append(float(v @ way) / (size * length) if size and length else 0.0)
        with torch.no_grad():
            losses.append({player: float(loss) for player, loss in field.losses(w).items()})
    return Path(
        places,
        np.array(norms),
        np.array(angles),
        {player: np.array([one[player] for one in losses]) for player in field.players},
        length,
    )
