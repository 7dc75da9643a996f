"""Where does the time of an iteration go? ``python -m tests.benchmarks profiling``

Three looks at ganzoo's loop: the parts of an iteration, by a clock at the seams between them; the operators that take most,
by torch's profiler; and the operations a second of its products, against the machine's best at a large matrix product
in the same run. The clock counts this thread's time on a processor, so that other processes do not matter; on a CPU
nothing runs on after a call has returned.
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
from tests.benchmarks.games import GAMES
from tests.benchmarks.harness import interleave, table
from tests.benchmarks.own import WAYS, play, training

OURS = ("draw", "average", "loop")  # the parts that are neither forward, backward nor optimizer
TOP = 8  # operators in a table
SIDE = 1024  # of the matrices whose product is taken for the machine's best


class Clock:
    """Seconds by part of an iteration; a part that calls another does not count that one's."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def _turn(self) -> None:
        """What passed since the last call belongs to the part that was open."""
        now = time.thread_time()
        if self._open:
            self.parts[self._open[-1]] += now - self._since
        self._since = now

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def inside(*arguments: Any, **named: Any) -> Any:
            with self.part(name):
                return call(*arguments, **named)

        return inside


def clocked(iterations: Training, clock: Clock) -> Training:
    """The training with a clock at the seams of its loop."""
    moves = iterations.updates

    def forward() -> Iterator[Any]:
        """What a trainer does between two moves is forward, less its draws."""
        iterator = moves()
        while True:
            with clock.part("forward"):
                move = next(iterator, None)
            if move is None:
                return
            yield move

    seams = vars(iterations)  # an attribute of the instance goes before the method
    seams |= {"moves": forward, "step": clock.timed("backward", iterations.step)}
    seams["_draw"] = clock.timed("draw", iterations._draw)
    iterations.average.update = clock.timed("average", iterations.average.update)  # type: ignore[method-assign]
    for optimizer in iterations.optimizers.values():
        optimizer.zero_grad = clock.timed("optimizer", optimizer.zero_grad)  # type: ignore[method-assign]
        optimizer.step = clock.timed("optimizer", optimizer.step)  # type: ignore[method-assign]
    return iterations


def parts(game: str, way: str, iterations: int) -> dict[str, float]:
    """The share of each part in so many iterations; ``loop`` is what none of the others does."""
    clock = Clock()
    played = clocked(training(GAMES[game], WAYS[way]), clock)
    next(played)
    clock.parts.clear()
    for _ in range(iterations):
        with clock.part("loop"):
            next(played)
    total = sum(clock.parts.values())
    return {name: seconds / total for name, seconds in clock.parts.items()}


def operators(game: str, way: str, iterations: int) -> list[tuple[str, float, int]]:
    """The operators that take most: name, share of all, calls in an iteration."""
    played = training(GAMES[game], WAYS[way])
    next(played)
    with profile(activities=[ProfilerActivity.CPU]) as taken:
        for _ in range(iterations):
            next(played)
    events = sorted(taken.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [(event.key, event.self_cpu_time_total / total, event.count // iterations) for event in events[:TOP]]


def best(dtype: torch.dtype, turns: int) -> float:
    """Operations a second of a large matrix product, the best of some."""
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
    for game in GAMES.values():
        ways = {name: way for name, way in WAYS.items() if not way.own}
        timings = interleave({name: play(game, way) for name, way in ways.items()}, turns=turns, seconds=seconds)
        for name, way in ways.items():
            head, took = {"gan": game.name, "row": name}, timings[name].median
            products = floor.products(game, way.device.get("precision", "auto"))
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
            if way.device.get("compile"):  # it has no seams
                continue
            iterations = max(1, round(seconds / took))
            shares = parts(game.name, name, iterations)
            found["parts"].append(
                head
                | {part: percent(shares.get(part, 0)) for part in ("forward", "backward", "optimizer", *OURS)}
                | {"outside": percent(sum(shares.get(part, 0) for part in OURS))}
            )
            for operator, share, calls in operators(game.name, name, iterations):
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
