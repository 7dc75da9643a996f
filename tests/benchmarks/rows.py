"""Who takes part: each row of a comparison plays iterations of one game."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.benchmarks import floor, own
from tests.benchmarks.draws import Loaded, Resident
from tests.benchmarks.games import Game
from tests.benchmarks.harness import Play
from tests.benchmarks.opponents import mimicry, torchgan
from tests.benchmarks.opponents.script import Script
from tests.benchmarks.plain import Plain

BASE = "one script"


def rows(game: Game) -> dict[str, Callable[[], Play]]:
    """Makers of all rows by name; one whose opponent is not here raises :class:`opponents.absent.Absent`."""
    found: dict[str, Callable[[], Play]] = {
        BASE: lambda: Script(game, Loaded(game)),
        "torchgan": partial(torchgan.play, game),
        "mimicry": partial(mimicry.play, game),
        "one script, data resident": lambda: Script(game, Resident(game)),
        "plain loop": lambda: Plain(game, Resident(game)),
    }
    found |= {name: partial(own.play, game, way) for name, way in own.WAYS.items()}
    return found | {name: partial(floor.play, game, form) for name, form in floor.forms(game).items()}
