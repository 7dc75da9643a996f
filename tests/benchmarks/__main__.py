"""``python -m tests.benchmarks SUITE``; ``all`` runs those of training, each in its own process."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tests.benchmarks import (
    enlarging,
    equal_time,
    every,
    few_pictures,
    memory,
    profiling,
    sampling,
    scaling,
    serving,
    startup,
    training,
    translation,
)
from tests.benchmarks.harness import save

SUITES = {
    "training": training,
    "profiling": profiling,
    "memory": memory,
    "scaling": scaling,
    "startup": startup,
    "sampling": sampling,
    "translation": translation,
    "equal-time": equal_time,
    "few-pictures": few_pictures,
    "enlarging": enlarging,
    "serving": serving,
}

parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ratios, measured side by side.")
parser.add_argument("suite", choices=[*SUITES, "all"])
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
parser.add_argument("--turns", type=int, default=5, help="how often each variant is measured")
parser.add_argument(
    "--seconds", type=float, default=0.5, help="of one measurement; equal-time, few-pictures: CPU seconds of a training"
)
parser.add_argument("--json", help="write the results into this file too")
parser.add_argument("--quick", action="store_true", help="with all: a short check that everything runs")
parser.add_argument("--into", type=Path, help="with all: the folder of the results")
options = parser.parse_args()
if options.suite == "all":
    every.run(quick=options.quick, into=options.into)
else:
    torch.set_num_threads(options.threads)
    result = SUITES[options.suite].measure(options.turns, options.seconds)
    print(SUITES[options.suite].report(result))
    if options.json:
        save(options.json, result | {"turns": options.turns, "seconds": options.seconds})
