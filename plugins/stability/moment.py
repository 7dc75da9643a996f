"""What a run's game looks like at one of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .curvature import Curvature, curvatures
from .games import Game
from .spectrum import Spectrum, spectrum


@dataclass(frozen=True)
class Moment:
    """What a run's game looks like at one of its checkpoints.

    Attributes:
        gan, iterations, optimizer, rates, lr: of the game.
        spectrum: the eigenvalues of its Jacobian.
        curvatures: of each player's own loss.
    """

    gan: str
    iterations: int
    optimizer: str
    rates: dict[str, float]
    lr: float
    spectrum: Spectrum
    curvatures: list[Curvature]

    @property
    def radius(self) -> float:
        """The spectral radius of simultaneous gradient steps with the learning rates of that iteration."""
        return self.spectrum.radius(self.lr)

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        found = self.spectrum
        return {
            "gan": self.gan,
            "iterations": self.iterations,
            "weights": found.size,
            "eigenvalues": [[value.real, value.imag] for value in found.eigenvalues.tolist()],
            "residuals": found.residuals.tolist(),
            "difference": found.difference,
            "dense": found.dense,
            "v": found.v,
            "growth": found.growth,
            "rotation": found.rotation,
            "step_limit": found.step_limit,
            "lr": self.lr,
            "rates": self.rates,
            "radius": self.radius,
            "curvatures": {
                own.player: {
                    "kind": own.kind,
                    "smallest": own.smallest,
                    "largest": own.largest,
                    "eigenvalues": own.eigenvalues.tolist(),
                    "residuals": own.residuals.tolist(),
                    "slope": own.slope,
                    "weights": own.size,
                    "dense": own.dense,
                }
                for own in self.curvatures
            },
        }


def look(game: Game, count: int, *, quick: bool = False) -> Moment:
    """Look at a game with so many eigenvalues of each kind; see :func:`ganzoo_plugins.stability.spectrum.spectrum`."""
    found = spectrum(game.field, count, game.shares, quick=quick)
    own = curvatures(game.field, count)
    return Moment(game.gan, game.iterations, game.optimizer, dict(game.rates), game.lr, found, own)
