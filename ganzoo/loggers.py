"""Loggers send the metrics and pictures of a run elsewhere while it is trained: what a plugin needs to add one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LoggedRun", "Logger", "Outcome"]

Outcome = Literal["finished", "stopped", "failed"]
"""How a training ended: after its last iteration, stopped by the user or a finding, or by an error."""


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """What a logger knows of a run.

    Attributes:
        id: unique to the run, and the same each time that it is resumed; letters and digits.
        name: of the run folder.
        folder: the run folder, as an absolute path. A logger that writes files makes a folder of its own within it.
        gan: name of the GAN.
        iteration: where this training begins: 0, or the iteration of the checkpoint that it is resumed from.
        iterations: how many there will be.
        settings: of the GAN, by ``part.setting``.
        facts: all else in ``run.json``, such as ``data``, ``seed``, ``device`` and ``command``.
    """

    id: str
    name: str
    folder: Path
    gan: str
    iteration: int
    iterations: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class Logger:
    """Gets the metrics and pictures of a run. A plugin overrides the methods that it needs.

    A maker without arguments, such as the class itself, is registered by the hook ``ganzoo_loggers``. It is called
    before anything of the run is written. So it imports what the logger needs there, within ``needs(...)`` of
    ``ganzoo.parts``, and a missing package is an error of one line.

    The methods are called between two iterations, in rank 0 alone, with what the run has read from the device for its
    own log: after 50 iterations or 5 seconds, and before samples and checkpoints. The training waits for them. A
    logger that raises is warned of once and left out from then on; the training continues.

    A run that is killed is resumed from its last checkpoint, and repeats the iterations after it. A logger whose
    storage can remove points says ``rewinds = True``, and removes those after ``run.iteration`` in :meth:`start`. Any
    other logger does not get an iteration again that it may have had. So both hold one curve.

    Attributes:
        rewinds: whether :meth:`start` removes the points of iterations that will be repeated.
    """

    rewinds: ClassVar[bool] = False

    def start(self, run: LoggedRun) -> None:
        """The training begins, or is resumed."""

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Means since the last call, by name as in ``metrics.jsonl``: losses, metrics, gradient norms, speed."""

    def scores(self, iteration: int, values: Mapping[str, float]) -> None:
        """Scores of ``--evaluate-every``, by name. By default they are metrics like any other."""
        self.metrics(iteration, values)

    def samples(self, iteration: int, picture: NDArray[np.uint8]) -> None:
        """The picture of samples of this iteration, ``(height, width, channels)``, of 1, 3 or 4 channels."""

    def end(self, outcome: Outcome) -> None:
        """The training has ended. A run that has not finished may be resumed."""
