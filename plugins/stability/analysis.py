"""The spectra of a run at one of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.util.errors import GanzooError

from .field import Field, Hessian, Jacobian
from .games import Game
from .schemes import spectral_radius, step_limit
from .spectrum import Complex, Spectrum, spectrum

EXACT, QUICK = 1e-9, 1e-6
"""Tolerances of a search for eigenvalues of J that a second search checks, and of one without a check."""


@dataclass(frozen=True)
class CheckpointAnalysis:
    """The spectra of a run at one of its checkpoints.

    Attributes:
        gan, iterations, optimizer, rates, lr: see :class:`ganzoo_plugins.stability.games.Game`.
        jacobian: the spectrum of J.
        stepped: eigenvalues of S J, where S holds each weight's learning rate as a multiple of the generator's.
        difference: the largest distance from an eigenvalue of J to its nearest in a second search, relative to the
            largest modulus; 0 if no search was needed, ``None`` without a second one.
        hessians: the spectrum of the Hessian of each player's own loss in its own weights.
    """

    gan: str
    iterations: int
    optimizer: str
    rates: dict[str, float]
    lr: float
    jacobian: Spectrum
    stepped: Complex
    difference: float | None
    hessians: dict[str, Spectrum]

    @property
    def step_limit(self) -> float:
        """The generator's learning rate below which simultaneous gradient steps converge; 0 if there is none."""
        return step_limit(self.stepped)

    @property
    def radius(self) -> float:
        """The spectral radius of simultaneous gradient steps with the learning rates of that iteration."""
        return spectral_radius(self.stepped, self.lr)

    @property
    def verdicts(self) -> dict[str, str]:
        """What each player's Hessian says, in words."""
        names = {player: player.replace(".", "'s ") for player in self.hessians}
        return {
            player: f"the {names[player]} is at a {found.critical_point} of its own loss"
            for player, found in self.hessians.items()
        }

    def record(self) -> dict[str, Any]:
        """Everything, for JSON; a complex number is a pair."""
        J = self.jacobian
        return {
            "gan": self.gan,
            "iterations": self.iterations,
            "weights": J.size,
            "eigenvalues": [[value.real, value.imag] for value in J.values.tolist()],
            "residuals": J.residuals.tolist(),
            "difference": self.difference,
            "dense": J.complete,
            "v": J.norm,
            "growth": J.growth,
            "rotation": J.rotation,
            "step_limit": self.step_limit,
            "lr": self.lr,
            "rates": self.rates,
            "radius": self.radius,
            "hessians": {
                player: {
                    "critical_point": H.critical_point,
                    "eigenvalues": H.values.tolist(),
                    "residuals": H.residuals.tolist(),
                    "gradient_norm": H.norm,
                    "weights": H.size,
                    "dense": H.complete,
                }
                for player, H in self.hessians.items()
            },
        }


def analyse(game: Game, count: int, *, quick: bool = False, hessians: bool = True) -> CheckpointAnalysis:
    """Compute the spectra of a game at one checkpoint.

    Args:
        game: at that checkpoint.
        count: how many eigenvalues of either kind; see :func:`ganzoo_plugins.stability.spectrum.spectrum`.
        quick: search once and less exactly, for one of many checkpoints.
        hessians: whether to compute the players' Hessians, too. At an equilibrium a player need not be at a minimum of
            its own loss: generators are often found at saddle points (Berard et al., 2020).

    Raises:
        GanzooError: a search does not converge, or a player has no weight that can move.
    """
    J = Jacobian(game.field, game.field.start)
    basis, tolerance = max(80, 4 * count + 1), QUICK if quick else EXACT
    found = spectrum(J, count, basis=basis, tolerance=tolerance)
    difference = 0.0 if found.complete else None
    if not (quick or found.complete):
        check = spectrum(J, count, basis=basis * 3 // 2, tolerance=tolerance)
        difference = distance(found.values, check.values) / float(np.abs(found.values).max())
    rates, stepped = game.relative_rates[J.free], found.values
    if not bool((rates == 1).all()):
        stepped = spectrum(J, count, basis=basis, tolerance=tolerance, rates=rates).values
    own = {player: hessian(game.field, player, count) for player in game.field.players} if hessians else {}
    return CheckpointAnalysis(
        game.gan, game.iterations, game.optimizer, dict(game.rates), game.lr, found, stepped, difference, own
    )


def hessian(field: Field, player: str, count: int) -> Spectrum:
    """The spectrum of the Hessian of a player's loss in its own weights, where a field starts."""
    H = Hessian(field, player, field.start)
    if H.size == 0:
        raise GanzooError(f"all weights of the {player} are at their bounds, so its loss has no curvature there")
    return spectrum(H, count, basis=max(40, 4 * count + 1), tolerance=1e-6, symmetric=True)


def distance(one: Complex, other: Complex) -> float:
    """The largest distance from an eigenvalue of one search to the nearest of its kind in the other."""
    kinds = zip(one.reshape(2, -1), other.reshape(2, -1), strict=True)
    return float(max(np.abs(np.subtract.outer(a, b)).min(1).max() for a, b in kinds))
