"""The field on the straight line between two points, such as a run's first and last weights (Berard et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .field import Field

MARGIN = 0.1
"""How far the line extends beyond both ends, as a share of its length."""

SMALL_ANGLE = 0.1
"""Cosines below this mean that the field crosses the line rather than following it."""


@dataclass(frozen=True)
class LinePath:
    """The field on the line w(a) = (1 - a) first + a last.

    Attributes:
        a: the points on the line: 0 is the first weights, 1 the last.
        norm: the path-norm |v|.
        angle: the path-angle, the cosine between v and the line's direction: above 0, the field points to the last
            weights.
        losses: of each player.
        length: |last - first|.
    """

    a: NDArray[np.float64]
    norm: NDArray[np.float64]
    angle: NDArray[np.float64]
    losses: dict[str, NDArray[np.float64]]
    length: float

    @property
    def verdict(self) -> str:
        """What the path-angle says of the last weights: it changes its sign at a point that attracts or repels."""
        before, after = (self.angle[np.abs(self.a - a).argmin()] for a in (1 - MARGIN / 2, 1 + MARGIN / 2))
        if before > 0 > after:
            return "attracting: the field points to the last weights from both sides"
        if before < 0 < after:
            return "repelling: the field points away from the last weights on both sides"
        if max(abs(before), abs(after)) < SMALL_ANGLE:
            return "rotating: the field crosses the line at the last weights"
        return "in progress: the field points onwards" if after > 0 else "overshot: the field points back"


def line_path(field: Field, first: Tensor, last: Tensor, points: int) -> LinePath:
    """Evaluate a field at that many points of the line between two weight vectors ``(N,)``."""
    direction = last - first
    length = float(direction.norm())
    places = np.linspace(-MARGIN, 1 + MARGIN, points)
    norms, angles, losses = [], [], []
    for a in places:
        w = first + float(a) * direction
        v = field(w)
        size = float(v.norm())
        norms.append(size)
        angles.append(float(v @ direction) / (size * length) if size and length else 0.0)
        with torch.no_grad():
            losses.append({player: float(loss) for player, loss in field.losses(w).items()})
    by_player = {player: np.array([one[player] for one in losses]) for player in field.players}
    return LinePath(places, np.array(norms), np.array(angles), by_player, length)
