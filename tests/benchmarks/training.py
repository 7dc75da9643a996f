"""How fast does a GAN train? ``python -m tests.benchmarks training``

Images a second of whole iterations, for ganzoo's loop and for others with the same networks, batches and optimizers,
and for the bare matrix products of such an iteration, which no loop can beat.
"""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.training.device import configure_process, flush_denormals
from tests.benchmarks.baselines.not_installed import NotInstalled
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.comparison import BASE, rows
from tests.benchmarks.harness import Repeat, interleave, table


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Images a second and ratios to one script, by case and row; and the rows that are left out."""
    configure_process(torch.get_num_threads())
    found: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for case in CASES.values():
        there = present(case, absent)
        with flush_denormals():  # for all, as ganzoo's loop does it for itself
            times = interleave(there, turns=turns, seconds=seconds)
        base = times[BASE].median
        for row, timing in times.items():
            found.append(
                {
                    "gan": case.name,
                    "row": row,
                    "images/s": round(case.images / timing.median, 1),
                    "to one script": round(base / timing.median, 2),
                    "spread": f"{timing.low / timing.median:.2f}..{timing.high / timing.median:.2f}",
                }
            )
    return {"rows": found, "absent": absent}


def present(case: Case, absent: dict[str, str]) -> dict[str, Repeat]:
    """All rows of a case that are possible here; the others go to ``absent``, with the reason."""
    there = {}
    for row, make in rows(case).items():
        try:
            there[row] = make()
        except NotInstalled as reason:
            absent[row] = str(reason)
    return there


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    missing = [f"left out: {row}: {reason}" for row, reason in result["absent"].items()]
    return "\n\n".join([table(result["rows"]), *missing])
