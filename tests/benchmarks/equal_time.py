"""How good are images made from images after equal CPU time? ``python -m tests.benchmarks equal-time --seconds 300``

Each contestant trains for ``seconds`` of CPU time: how many iterations that is, is measured first, and its learning
rate falls to 0 over them. All train in turn in one process, a few seconds at a time. ganzoo's metrics judge the images
of all, on the same conditions of a test split.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

import torch

from ganzoo.evaluation.reference import Splits
from ganzoo.evaluation.translation import baselines, pair_metrics, parts
from ganzoo.training.device import configure_process, flush_denormals
from tests.benchmarks.harness import Repeat, table
from tests.benchmarks.translation import BASE, CASES, ENDLESS, ROWS, Case, loaded

ENTRANTS = (BASE, "reference, ganzoo's batch", "reference, ganzoo's batch and networks", "ganzoo")
METRICS = {"l1": 3, "ssim": 3, "right_colours": 3, "sharpness": 2}  # and their decimals
SLICE = 3.0  # CPU seconds of one contestant before the next


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Metrics by case and contestant. ``turns`` is ignored: each contestant trains once, with one seed."""
    configure_process(torch.get_num_threads())
    rows: list[dict[str, Any]] = []
    for case in CASES.values():
        iterations = fitting(case, seconds)
        random.seed(0)
        torch.manual_seed(0)
        contestants = {row: ROWS[row](case, iterations[row]) for row in ENTRANTS}
        used = train(contestants, iterations)
        for row, contestant in contestants.items():
            train_facts = {"iterations": iterations[row], "images": iterations[row] * contestant.batch}
            for mode, made in contestant.made(case.test()).items():
                facts = {"gan": case.gan, "row": row, "sampled in": mode, "CPU s": round(used[row])} | train_facts
                rows.append(facts | rounded(pair_metrics(made, case.test())))
        rows.extend(untrained(case))
    return {"rows": rows}


def fitting(case: Case, seconds: float) -> dict[str, int]:
    """The iterations of each contestant that fit into its CPU time."""
    return fitted({row: ROWS[row](case, ENDLESS) for row in ENTRANTS}, seconds)


def fitted(trials: Mapping[str, Repeat], seconds: float) -> dict[str, int]:
    """The iterations of each training that fit into its CPU time; measured in turn, in a fifteenth of that time."""
    spent, done = dict.fromkeys(trials, 0.0), dict.fromkeys(trials, 0)
    for contestant in trials.values():
        run(contestant, 1, 0.0)
    for _ in range(5):
        for row, contestant in trials.items():
            count, cpu = run(contestant, ENDLESS, seconds / 75)
            spent[row] += cpu
            done[row] += count
    return {row: max(2, round(seconds * done[row] / spent[row])) for row in trials}


def train(contestants: Mapping[str, Repeat], iterations: Mapping[str, int]) -> dict[str, float]:
    """Train all to their last iteration, in turn; the CPU seconds of each."""
    left, used = dict(iterations), dict.fromkeys(contestants, 0.0)
    while any(left.values()):
        for row, contestant in contestants.items():
            if left[row]:
                count, cpu = run(contestant, left[row], SLICE)
                left[row] -= count
                used[row] += cpu
    return used


def run(contestant: Repeat, most: int, seconds: float) -> tuple[int, float]:
    """Run iterations until ``most`` are done or the CPU time is over; how many, and the CPU seconds taken."""
    count, start = 0, time.process_time()
    with flush_denormals():
        while count < most and (not count or time.process_time() - start < seconds):
            contestant(1)
            count += 1
    return count, time.process_time() - start


def untrained(case: Case) -> list[dict[str, Any]]:
    """What can be answered without a GAN."""
    splits = Splits(loaded(case.paired, "train"), case.test())
    number = len(case.test())
    empty = {"sampled in": "", "CPU s": "", "iterations": "", "images": ""}
    return [
        {"gan": case.gan, "row": name} | empty | rounded(pair_metrics(map(answer, parts(number)), case.test()))
        for name, answer in baselines(splits, number).items()
    ]


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: round(metrics[name], digits) for name, digits in METRICS.items()}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return table(result["rows"])
