"""The simulation of a Dirac-GAN: a trajectory, with the eigenvalues at equilibrium."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dirac import Dirac
from .schemes import step_limit, trajectory, verdict


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The simulation of a Dirac-GAN.

    Attributes:
        gans: the names of the GANs that have this Dirac-GAN.
        game: the Dirac-GAN.
        scheme, steps, lr, discriminator_steps: see :func:`ganzoo_plugins.stability.schemes.trajectory`.
        seen: the generators' outputs and the discriminators' slopes at each step, ``(steps + 1, planes, 2)``.
        eigenvalues: at equilibrium.
        error: their distance from theory; ``None`` without theory.
        step_limit: the step size below which simultaneous steps converge; 0 if there is none.
        verdict: what the trajectory does.
    """

    gans: tuple[str, ...]
    game: Dirac
    scheme: str
    steps: int
    lr: float
    discriminator_steps: int
    seen: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    error: float | None
    step_limit: float
    verdict: str

    @property
    def title(self) -> str:
        """In one line."""
        several = f", {self.discriminator_steps} of the discriminator" if self.discriminator_steps > 1 else ""
        return f"{self.gans[0]}: {self.scheme} steps of {self.lr:g}{several}; {self.verdict}"

    @property
    def formatted_eigenvalues(self) -> str:
        """The eigenvalues as text, conjugate pairs as one."""
        return ", ".join(dict.fromkeys(format_eigenvalue(value) for value in self.eigenvalues.tolist()))

    def record(self) -> dict[str, Any]:
        """Everything, for JSON; a complex number is a pair."""
        return {
            "gans": list(self.gans),
            "eigenvalues": [[value.real, value.imag] for value in self.eigenvalues.tolist()],
            "theory": None if self.game.theory is None else [[one.real, one.imag] for one in self.game.theory],
            "error": self.error,
            "step_limit": self.step_limit,
            "scheme": self.scheme,
            "steps": self.steps,
            "lr": self.lr,
            "discriminator_steps": self.discriminator_steps,
            "verdict": self.verdict,
            "end": self.seen[-1].tolist(),
        }


def simulate(
    gans: tuple[str, ...], game: Dirac, scheme: str, *, steps: int, lr: float, discriminator_steps: int = 1
) -> Simulation:
    """Simulate a Dirac-GAN from its start."""
    options: dict[str, Any] = {"steps": steps, "lr": lr, "discriminator_steps": discriminator_steps}
    seen = game.seen(trajectory(game.field, game.start, scheme, **options)).numpy()
    eigenvalues = game.eigenvalues()
    return Simulation(
        gans=gans,
        game=game,
        scheme=scheme,
        seen=seen,
        eigenvalues=eigenvalues,
        error=game.error(),
        step_limit=step_limit(eigenvalues),
        verdict=verdict(seen, lr, steps),
        **options,
    )


def format_eigenvalue(value: complex) -> str:
    """An eigenvalue in five digits, together with its conjugate.

    >>> format_eigenvalue(-0.15 + 0.4769696j), format_eigenvalue(0.5j), format_eigenvalue(-2.0 + 0j)
    ('-0.15 ± 0.47697i', '± 0.5i', '-2')
    """
    real = f"{value.real:.5g}" if abs(value.real) > 1e-9 else ""
    imaginary = f"± {abs(value.imag):.5g}i" if abs(value.imag) > 1e-9 else ""
    return " ".join(filter(None, (real, imaginary))) or "0"
