"""How long a run still takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # sampling has progress too, and does not load data sets
    from ganzoo.runs.schedule import Schedule

MEMORY = 120.0  # seconds of training that the mean time of an iteration goes back
LEAST_ITERATIONS, LEAST_SECONDS = 20, 3.0  # that are timed before there is an estimate
ENOUGH_SECONDS = 30.0  # of timing, however few iterations that are


@dataclass
class Remaining:
    """How long a run still takes.

    Attributes:
        seconds: until the last iteration.
        untimed: pauses of kinds that have not been timed yet, by name; they come on top.
    """

    seconds: float
    untimed: dict[str, int] = field(default_factory=dict)


class Pace:
    """Times iterations and pauses apart, and adds up what is left of both.

    The time of an iteration is a mean that forgets: times count less the longer ago they are. The iterations up to the
    first log entry are left out, because compiling and the first use of a device are among them. The time of a pause
    for pictures, checkpoints, measurements or scores is the mean of its kind, without the first if there are more.

    Args:
        schedule: which pauses are left.
        clock: gives seconds.
    """

    def __init__(self, schedule: Schedule, clock: Callable[[], float] = time.perf_counter) -> None:
        self._schedule, self._clock = schedule, clock
        self._pauses: dict[str, list[float]] = {}
        self._paused = 0.0  # seconds since the last log entry
        self._last: tuple[int, float] | None = None  # iteration and time of the last log entry
        self._iterations = self._seconds = 0.0  # timed, with weights

    @contextmanager
    def pause(self, kind: str) -> Iterator[None]:
        """Time a pause. Those of other kinds than a schedule has, such as a caller's own, are in no estimate."""
        start = self._clock()
        yield
        seconds = self._clock() - start
        self._paused += seconds
        self._pauses.setdefault(kind, []).append(seconds)

    def logged(self, iteration: int) -> None:
        """Count the iterations since the last call, up to ``iteration``."""
        now = self._clock()
        if self._last is not None:
            before, start = self._last
            seconds = max(0.0, now - start - self._paused)
            kept = math.exp(-seconds / MEMORY)
            self._iterations = kept * self._iterations + iteration - before
            self._seconds = kept * self._seconds + seconds
        self._last, self._paused = (iteration, now), 0.0

    @property
    def remaining(self) -> Remaining | None:
        """As of the last log entry; ``None`` before enough iterations are timed."""
        least = LEAST_SECONDS if self._iterations >= LEAST_ITERATIONS else ENOUGH_SECONDS
        if self._last is None or self._seconds < least:
            return None
        number, _ = self._last
        left = self._schedule.left(number)
        timed = {kind: mean(self._pauses[kind]) for kind in left if kind in self._pauses}
        pauses = sum(left[kind] * seconds for kind, seconds in timed.items())
        iterations = (self._schedule.iterations - number) * self._seconds / self._iterations
        return Remaining(
            iterations + pauses, {kind: count for kind, count in left.items() if count and kind not in timed}
        )


def mean(times: Sequence[float]) -> float:
    """Without the first one, which loads what the others use, if there are more."""
    return sum(times[1:]) / len(times[1:]) if len(times) > 1 else times[0]


def duration_in_words(seconds: float) -> str:
    """A duration with its unit.

    >>> [duration_in_words(seconds) for seconds in (3, 300, 9000, 500_000)]
    ['3 seconds', '5 minutes', '2.5 hours', '5.8 days']
    """
    for unit, length in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.2g} seconds"
