"""How much memory does a training need? ``python -m tests.benchmarks memory``

Peak resident memory of whole processes, in turn, each of which runs one row of one case: interpreter, torch and
data included.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

import torch

from tests.benchmarks.cases import CASES
from tests.benchmarks.comparison import BASE
from tests.benchmarks.harness import launch, table
from tests.benchmarks.training import present


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Megabytes by case and row, and ratios to one script."""
    found: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for case in CASES.values():
        peaks: dict[str, list[int]] = defaultdict(list)
        there = [row for row in present(case, absent) if not row.startswith("floor")]
        for _ in range(turns):
            for row in there:
                words = ("-m", "tests.benchmarks.trial", "row", case.name, row, str(seconds))
                peaks[row].append(launch(*words, threads=torch.get_num_threads()).peak)
        base = median(peaks[BASE])
        for row, values in peaks.items():
            peak = median(values)
            ratio = round(peak / base, 2)
            found.append({"gan": case.name, "row": row, "peak MB": round(peak / 1024), "to one script": ratio})
    return {"rows": found, "absent": absent}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return table(result["rows"])
