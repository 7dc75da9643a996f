"""How long does a command take to start? ``python -m tests.benchmarks startup``

CPU time of whole processes, since other work on the machine does not change it much; all in turn, medians. What counts
is the difference to a Python that imports click, without which there is no command line.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import launch, table, timing

BASE = "import click"
FIRST = "import ganzoo; next(ganzoo.train('simple'))"


def commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """What is started, by name: the words after ``python``."""
    ganzoo = ("-m", "ganzoo")
    image, run = str(folder / "one.png"), str(folder / "run")
    return {
        "python": ("-c", "pass"),
        BASE: ("-c", "import click"),
        "ganzoo --help": (*ganzoo, "--help"),
        "ganzoo list": (*ganzoo, "list"),
        "ganzoo sample simple -n 1": (*ganzoo, "sample", "simple", "-n", "1", "--out", image, "--force"),
        "to the first iteration, in Python": ("-c", FIRST),
        "ganzoo train simple --iterations 1": (
            *ganzoo,
            "train",
            "simple",
            "--iterations",
            "1",
            "--out",
            run,
            "--force",
        ),
    }


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """CPU seconds of each command; ``seconds`` is ignored, because a process cannot be cut short."""
    with tempfile.TemporaryDirectory() as folder:
        known = commands(Path(folder))
        taken: dict[str, list[float]] = {name: [] for name in known}
        for _ in range(turns):
            for name, words in known.items():
                taken[name].append(launch(*words, threads=1).cpu)
    times = {name: timing(found) for name, found in taken.items()}
    rows = [
        {
            "command": name,
            "CPU s": f"{time.median:.3f}",
            "above import click": f"{time.median - times[BASE].median:.3f}",
            "spread": f"{time.low:.3f}..{time.high:.3f}",
        }
        for name, time in times.items()
    ]
    return {"rows": rows}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return table(result["rows"])
