"""ganzoo's rows: its loop as a user gets it, and with each of its switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ganzoo.registry.recipe import resolve
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from tests.benchmarks.games import Game
from tests.benchmarks.harness import Play

MIDDLE = 1000  # iterations that count as played: as most of a training is, and not as its first iterations are


@dataclass(frozen=True)
class Way:
    """One way to train with ganzoo.

    Attributes:
        device: what :func:`ganzoo.training.device.choose_device` is given.
        settings: overrides, as for ``--set``.
        own: ganzoo's own moves in place of the script's.
    """

    device: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False


WAYS = {
    "ganzoo fp32": Way({"precision": "fp32"}),
    "ganzoo": Way(),
    "ganzoo fp32, compiled": Way({"precision": "fp32", "compile": True}),
    "ganzoo, compiled": Way({"compile": True}),
    "ganzoo, own trainer": Way(own=True),
}


def training(game: Game, way: Way, trainer: Any = None) -> Training:
    """A training of that game; ``trainer`` takes the place of its moves."""
    record = game.record(own=way.own)
    record = replace(record, trainer=trainer) if trainer else record
    iterations = Training(resolve(record, way.settings), game.data(), choose_device("cpu", **way.device))
    iterations.number = MIDDLE
    return iterations


def play(game: Game, way: Way) -> Play:
    iterations = training(game, way)

    def play(times: int) -> None:
        for _ in range(times):
            next(iterations)

    return play
