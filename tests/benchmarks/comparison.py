"""The rows of a comparison, each of which runs iterations of one case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.benchmarks import floor, ganzoo_loop
from tests.benchmarks.baselines import mimicry, torchgan
from tests.benchmarks.baselines.script import Script
from tests.benchmarks.cases import Case
from tests.benchmarks.draws import Loaded, Resident
from tests.benchmarks.harness import Repeat
from tests.benchmarks.plain_loop import Plain

BASE = "one script"


def rows(case: Case) -> dict[str, Callable[[], Repeat]]:
    """Makers of all rows by name. One whose package is missing raises ``NotInstalled``."""
    found: dict[str, Callable[[], Repeat]] = {
        BASE: lambda: Script(case, Loaded(case)),
        "torchgan": partial(torchgan.repeat, case),
        "mimicry": partial(mimicry.repeat, case),
        "one script, data resident": lambda: Script(case, Resident(case)),
        "plain loop": lambda: Plain(case, Resident(case)),
    }
    found |= {name: partial(ganzoo_loop.repeat, case, chosen) for name, chosen in ganzoo_loop.CONFIGURATIONS.items()}
    return found | {name: partial(floor.repeat, case, form) for name, form in floor.forms(case).items()}
