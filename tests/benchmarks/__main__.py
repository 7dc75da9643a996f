"""``python -m tests.benchmarks sampling [--threads 1] [--turns 5] [--seconds 0.5] [--json FILE]``"""

from __future__ import annotations

import argparse

import torch

from tests.benchmarks import sampling
from tests.benchmarks.harness import save

SUITES = {"sampling": sampling}

parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ratios, measured side by side.")
parser.add_argument("suite", choices=SUITES)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
parser.add_argument("--turns", type=int, default=5, help="how often each variant has its turn")
parser.add_argument("--seconds", type=float, default=0.5, help="of one turn")
parser.add_argument("--json", help="write the figures into this file too")
options = parser.parse_args()
torch.set_num_threads(options.threads)
result = SUITES[options.suite].measure(options.turns, options.seconds)
print(SUITES[options.suite].report(result))
if options.json:
    save(options.json, result)
