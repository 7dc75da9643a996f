"""All benchmarks of training, one after the other, in processes of their own: threads are set per process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One suite and its options.

    ``quick`` says whether it is in the quick check. Suites whose trials are processes of their own are not.
    """

    suite: str
    threads: int
    turns: int
    seconds: float
    quick: bool = False

    @property
    def file(self) -> str:
        return f"{self.suite}-{self.threads}.json" if self.suite == "training" else f"{self.suite}.json"


RUNS = (
    Run("training", threads=1, turns=5, seconds=1.5, quick=True),
    Run("training", threads=2, turns=5, seconds=1.5),
    Run("profiling", threads=1, turns=3, seconds=2.0, quick=True),
    Run("memory", threads=1, turns=1, seconds=2.0),
    Run("scaling", threads=1, turns=2, seconds=2.0),
    Run("startup", threads=1, turns=7, seconds=0.0, quick=True),
    Run("translation", threads=1, turns=3, seconds=1.5),
    Run("equal-time", threads=1, turns=1, seconds=180.0),
    Run("few-pictures", threads=1, turns=3, seconds=100.0, quick=True),
    Run("enlarging", threads=1, turns=3, seconds=1.0),
)


def run(*, quick: bool, into: Path | None) -> None:
    """Run them all, or the quick check; with ``into``, results go to files in that folder."""
    for each in (run for run in RUNS if run.quick or not quick):
        turns, seconds = (1, 0.05) if quick else (each.turns, each.seconds)
        options = {"--threads": each.threads, "--turns": turns, "--seconds": seconds}
        words = [word for option, value in options.items() for word in (option, str(value))]
        if into:
            into.mkdir(parents=True, exist_ok=True)
            words += ["--json", str(into / each.file)]
        print(f"\n{each.suite}, {each.threads} threads", flush=True)
        start = time.perf_counter()
        environment = os.environ | {"OMP_NUM_THREADS": str(each.threads)}
        subprocess.run([sys.executable, "-m", "tests.benchmarks", each.suite, *words], check=True, env=environment)
        print(f"\n{time.perf_counter() - start:.0f} s", flush=True)
