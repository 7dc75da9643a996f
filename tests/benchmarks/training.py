"""How fast does a GAN train? ``python -m tests.benchmarks training``

Images a second of whole iterations, for ganzoo's loop and for others over the same networks, batches and optimizers; and
the bare products of such an iteration, which no loop can beat.
"""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.training.device import configure_process
from tests.benchmarks.games import GAMES, Game
from tests.benchmarks.harness import Play, interleave, table
from tests.benchmarks.opponents.absent import Absent
from tests.benchmarks.rows import BASE, rows


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Images a second and ratios to one script, by game and row; and who could not take part."""
    configure_process(torch.get_num_threads())  # everyone has denormals flushed, as ganzoo's own commands do
    found: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for game in GAMES.values():
        there = present(game, absent)
        times = interleave(there, turns=turns, seconds=seconds)
        base = times[BASE].median
        for row, timing in times.items():
            found.append(
                {
                    "gan": game.name,
                    "row": row,
                    "images/s": round(game.images / timing.median, 1),
                    "to one script": round(base / timing.median, 2),
                    "spread": f"{timing.low / timing.median:.2f}..{timing.high / timing.median:.2f}",
                }
            )
    return {"rows": found, "absent": absent}


def present(game: Game, absent: dict[str, str]) -> dict[str, Play]:
    """All rows of a game that are possible here; the others go to ``absent``, with the reason."""
    there = {}
    for row, make in rows(game).items():
        try:
            there[row] = make()
        except Absent as reason:
            absent[row] = str(reason)
    return there


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    missing = [f"left out: {row}: {reason}" for row, reason in result["absent"].items()]
    return "\n\n".join([table(result["rows"]), *missing])
