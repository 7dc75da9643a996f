"""Where does the time of an iteration go? ``python -m tests.benchmarks profiling``

Three views of ganzoo's loop: the parts of an iteration, by a clock; the operators that take most, by torch's profiler;
and the operations a second of its matrix products, compared with the machine's best at a large one in the same run. The
clock counts this thread's CPU time, so that other processes do not matter.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from ganzoo.training.device import configure_process
from ganzoo.training.loop import Training
from tests.benchmarks import floor
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.ganzoo_loop import CONFIGURATIONS, Configuration, repeat, training
from tests.benchmarks.harness import interleave, table

OURS = ("draw", "average", "loop")  # the parts that are neither forward, backward nor optimizer
TOP = 8  # operators in a table
SIDE = 1024  # of the matrices whose product is the machine's best


class Clock:
    """Seconds by part of an iteration. A part within another counts for the inner one alone."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._add()
        self._open.append(name)
        try:
            yield
        finally:
            self._add()
            self._open.pop()

    def _add(self) -> None:
        """Add the time since the last call to the part that was open."""
        now = time.thread_time()
        if self._open:
            self.parts[self._open[-1]] += now - self._since
        self._since = now

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def inside(*arguments: Any, **named: Any) -> Any:
            with self.part(name):
                return call(*arguments, **named)

        return inside


def timed_trainer(trainer: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    """The trainer with a clock: what it computes between two updates is forward, less its draws."""

    def timed(nets: Any, draw: Callable[[], Any]) -> Iterator[Any]:
        updates = trainer(nets, clock.timed("draw", draw))
        while True:
            with clock.part("forward"):
                update = next(updates, None)
            if update is None:
                return
            yield update

    return timed


def timed_training(case: Case, configuration: Configuration, clock: Clock) -> Training:
    """A training with a clock in its trainer, its updates, its optimizers and its moving average."""
    timed = training(case, configuration, timed_trainer(case.trainer, clock))
    timed.update = clock.timed("backward", timed.update)  # type: ignore[method-assign]
    timed.ema.update = clock.timed("average", timed.ema.update)  # type: ignore[method-assign]
    for optimizer in timed.optimizers.values():
        optimizer.step = clock.timed("optimizer", optimizer.step)  # type: ignore[method-assign]
    return timed


def parts(case: str, row: str, iterations: int) -> dict[str, float]:
    """The share of each part in so many iterations; ``loop`` is all that is in none of the others."""
    clock = Clock()
    timed = timed_training(CASES[case], CONFIGURATIONS[row], clock)
    next(timed)
    clock.parts.clear()
    for _ in range(iterations):
        with clock.part("loop"):
            next(timed)
    total = sum(clock.parts.values())
    return {name: seconds / total for name, seconds in clock.parts.items()}


def operators(case: str, row: str, iterations: int) -> list[tuple[str, float, int]]:
    """The operators that take most: name, share of all, calls in an iteration."""
    profiled = training(CASES[case], CONFIGURATIONS[row])
    next(profiled)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(iterations):
            next(profiled)
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [(event.key, event.self_cpu_time_total / total, event.count // iterations) for event in events[:TOP]]


def best(dtype: torch.dtype, turns: int) -> float:
    """Operations a second of a large matrix product, the best of several."""
    a, b = torch.randn(SIDE, SIDE, dtype=dtype), torch.randn(SIDE, SIDE, dtype=dtype)
    times = []
    for _ in range(3 * turns):
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(times)


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Shares of parts and operators, and of the machine's best."""
    configure_process(torch.get_num_threads())
    found: dict[str, list[dict[str, Any]]] = {"parts": [], "operators": [], "peak": []}
    best_of = {dtype: best(dtype, turns) for dtype in (torch.float32, torch.bfloat16)}
    for case in CASES.values():
        configurations = {name: each for name, each in CONFIGURATIONS.items() if not each.own}
        variants = {name: repeat(case, each) for name, each in configurations.items()}
        timings = interleave(variants, turns=turns, seconds=seconds)
        for name, configuration in configurations.items():
            head, took = {"gan": case.name, "row": name}, timings[name].median
            products = floor.products(case, configuration.device.get("precision", "auto"))
            flops = sum(product.flops for product in products)
            found["peak"].append(
                head
                | {
                    "GFLOP per iteration": round(flops / 1e9, 2),
                    "bf16": percent(sum(p.flops for p in products if p.dtype is torch.bfloat16) / flops),
                    "GFLOP/s": round(flops / took / 1e9, 1),
                    "share": percent(sum(p.flops / best_of[p.dtype] for p in products) / took),
                }
            )
            if configuration.device.get("compile"):  # the clock would be compiled away
                continue
            iterations = max(1, round(seconds / took))
            shares = parts(case.name, name, iterations)
            found["parts"].append(
                head
                | {part: percent(shares.get(part, 0)) for part in ("forward", "backward", "optimizer", *OURS)}
                | {"outside": percent(sum(shares.get(part, 0) for part in OURS))}
            )
            for operator, share, calls in operators(case.name, name, iterations):
                found["operators"].append(head | {"operator": operator, "share": percent(share), "calls": calls})
    best_there = [
        {"type": str(dtype).removeprefix("torch."), "GFLOP/s": round(most / 1e9, 1)} for dtype, most in best_of.items()
    ]
    return dict(found) | {"best": best_there}


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return "\n\n".join(table(result[part]) for part in ("parts", "operators", "best", "peak"))
