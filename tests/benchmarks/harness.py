"""Fair comparisons on shared, noisy machines: what is compared runs in turn, A B C A B C, and medians are reported."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganzoo.util.files import write_text


@dataclass(frozen=True)
class Timing:
    """Seconds of one call over several turns."""

    median: float
    low: float
    high: float


Repeat = Callable[[int], object]  # does what is measured, so many times


def interleave(variants: Mapping[str, Repeat], *, turns: int, seconds: float) -> dict[str, Timing]:
    """Time every variant ``turns`` times in turn, each for about ``seconds``, after a warm-up.

    Within a turn a variant is repeated. The warm-up measures how often, once per variant.
    """
    repeats = {}
    for name, run in variants.items():
        run(2)
        start = time.perf_counter()
        run(1)
        first = max(1, int(seconds / 4 / (time.perf_counter() - start)))  # one alone may be an outlier
        start = time.perf_counter()
        run(first)
        repeats[name] = max(1, round(seconds / (time.perf_counter() - start) * first))
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(turns):
        for name, run in variants.items():
            start = time.perf_counter()
            run(repeats[name])
            measured[name].append((time.perf_counter() - start) / repeats[name])
    return {name: timing(times) for name, times in measured.items()}


def timing(times: list[float]) -> Timing:
    return Timing(statistics.median(times), min(times), max(times))


def repeated(call: Callable[[], object]) -> Repeat:
    """A call, repeated."""

    def run(times: int) -> None:
        for _ in range(times):
            call()

    return run


@dataclass(frozen=True)
class Usage:
    """What a process took.

    Attributes:
        seconds: from its start to its end.
        cpu: seconds of all its threads.
        peak: largest resident memory, in kilobytes.
        output: what it printed.
    """

    seconds: float
    cpu: float
    peak: int
    output: str


# A process starts with the peak memory of the one that forked it, so a small one has to do that.
LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print()
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def launch(*words: str, threads: int | None = None) -> Usage:
    """Run this Python with ``words`` in a new process with so many threads, and return what it took.

    Raises:
        subprocess.CalledProcessError: it failed; the error holds its standard error.
    """
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    command = [sys.executable, "-S", "-c", LAUNCHER, sys.executable, *words]
    launched = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    *output, usage = launched.stdout.splitlines()
    seconds, cpu, peak = usage.split()
    return Usage(float(seconds), float(cpu), int(peak), "\n".join(output))


def machine() -> dict[str, Any]:
    """What the measurement ran on."""
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
    """Write a result, with the machine that it was measured on."""
    write_text(path, json.dumps({"machine": machine()} | dict(result), indent=2) + "\n")
