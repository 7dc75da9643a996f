"""Fair comparisons on shared, noisy machines: what is compared runs in turn, A B C A B C, and medians are reported."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganzoo.files import write_text


@dataclass(frozen=True)
class Timing:
    """Seconds of one call over several turns."""

    median: float
    low: float
    high: float


def interleave(variants: Mapping[str, Callable[[], object]], *, turns: int, seconds: float) -> dict[str, Timing]:
    """Time every variant ``turns`` times in turn, each for about ``seconds``, after a warm-up.

    A call that is short is repeated within a turn; how often is settled once per variant, in the warm-up.
    """
    repeats = {}
    for name, call in variants.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(seconds / (time.perf_counter() - start)))
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(turns):
        for name, call in variants.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            measured[name].append((time.perf_counter() - start) / repeats[name])
    return {name: Timing(statistics.median(times), min(times), max(times)) for name, times in measured.items()}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import onnxruntime

    model = next((line for line in cpu_lines() if line.startswith("model name")), platform.processor())
    return {
        "processor": model.partition(":")[2].strip() or model,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table; all have the keys of the first."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def save(path: str | Path, result: Mapping[str, Any]) -> None:
    """Write a result with the machine it is of."""
    write_text(path, json.dumps({"machine": machine()} | dict(result), indent=2) + "\n")
