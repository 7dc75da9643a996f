"""A trajectory of a Dirac-GAN, and all that is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dirac import Dirac
from .schemes import step_limit, trajectory, verdict


@dataclass(frozen=True)
class Motion:
    """What became of a Dirac-GAN.

    Attributes:
        gans: the names of the GANs whose game it is.
        seen: what each discriminator sees at each step, and its slope, ``(steps + 1, planes, 2)``.
        eigenvalues: at rest.
        error: their distance from theory, where there is one.
        step_limit: below which simultaneous steps converge; 0 if there is no such step.
        verdict: what the trajectory does.
    """

    gans: tuple[str, ...]
    game: Dirac
    scheme: str
    steps: int
    lr: float
    moves: int
    seen: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    error: float | None
    step_limit: float
    verdict: str

    @property
    def title(self) -> str:
        """In one line."""
        moves = f", {self.moves} moves" if self.moves > 1 else ""
        return f"{self.gans[0]}: {self.scheme} steps of {self.lr:g}{moves}; {self.verdict}"

    @property
    def written(self) -> str:
        """The eigenvalues, a pair as one."""
        return ", ".join(dict.fromkeys(written(value) for value in self.eigenvalues.tolist()))

    def record(self) -> dict[str, Any]:
        """As JSON takes it; complex numbers are pairs."""
        return {
            "gans": list(self.gans),
            "eigenvalues": [[value.real, value.imag] for value in self.eigenvalues.tolist()],
            "theory": None if self.game.theory is None else [[one.real, one.imag] for one in self.game.theory],
            "error": self.error,
            "step_limit": self.step_limit,
            "scheme": self.scheme,
            "steps": self.steps,
            "lr": self.lr,
            "moves": self.moves,
            "verdict": self.verdict,
            "end": self.seen[-1].tolist(),
        }


def followed(gans: tuple[str, ...], game: Dirac, scheme: str, *, steps: int, lr: float, moves: int = 1) -> Motion:
    """Follow a game from where it begins."""
    seen = game.seen(trajectory(game.field, game.begin, scheme, steps=steps, lr=lr, moves=moves)).numpy()
    eigenvalues = game.eigenvalues()
    return Motion(
        gans,
        game,
        scheme,
        steps,
        lr,
        moves,
        seen,
        eigenvalues,
        game.error(),
        step_limit(eigenvalues),
        verdict(seen, lr, steps),
    )


def written(value: complex) -> str:
    """An eigenvalue in five digits, together with its conjugate.

    >>> written(-0.15 + 0.4769696j), written(0.5j), written(-2.0 + 0j)
    ('-0.15 ± 0.47697i', '± 0.5i', '-2')
    """
    real = f"{value.real:.5g}" if abs(value.real) > 1e-9 else ""
    turn = f"± {abs(value.imag):.5g}i" if abs(value.imag) > 1e-9 else ""
    return " ".join(filter(None, (real, turn))) or "0"
