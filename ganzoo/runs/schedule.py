"""After which iterations a run logs, samples, scores and saves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from ganzoo.records.options import Options

LOG_EVERY = 50  # iterations
EARLY = tuple(lead * 10**zeros for zeros in range(1, 9) for lead in (1, 3))  # 10, 30, 100, ...: when most changes
MEASUREMENTS = 40  # of samples in a run, at most
LOG_SECONDS = 5.0  # for networks that take longer than that for 50 iterations


@dataclass(frozen=True)
class Schedule:
    """Intervals in iterations; ``None`` for never.

    The last iteration is always sampled and saved, and it is scored if any iteration is.
    """

    iterations: int  # of the whole run
    sample_every: int
    samples_early: bool  # those of EARLY too
    save_every: int
    evaluate_every: int | None
    keep_every: int | None

    @classmethod
    def of(cls, options: Options, iterations: int) -> Self:
        """The schedule of a run with so many iterations.

        Samples and checkpoints default to a tenth of it, and samples to those of :data:`EARLY` besides.
        """
        tenth = max(1, iterations // 10)
        every = options.sample_every
        return cls(
            iterations,
            every or tenth,
            every is None,
            options.save_every or tenth,
            options.evaluate_every,
            options.keep_every,
        )

    def samples(self, iteration: int) -> bool:
        is_early = self.samples_early and iteration in EARLY
        return is_early or iteration == self.iterations or iteration % self.sample_every == 0

    def keeps(self, iteration: int) -> bool:
        """Whether later checkpoints do not replace the one of this iteration."""
        return self.keep_every is not None and iteration % self.keep_every == 0

    def saves(self, iteration: int) -> bool:
        return iteration == self.iterations or iteration % self.save_every == 0 or self.keeps(iteration)

    def scores(self, iteration: int) -> bool:
        every = self.evaluate_every
        return every is not None and (iteration % every == 0 or iteration == self.iterations)

    def logs(self, iteration: int) -> bool:
        """Whether an iteration has to be logged before it is sampled, saved or scored, or because it is time."""
        due = (self.samples, self.saves, self.scores)
        return iteration % LOG_EVERY == 0 or any(is_due(iteration) for is_due in due)

    def left(self, after: int) -> dict[str, int]:
        """How many pictures, checkpoints, scores and, about, measurements of samples come after an iteration."""
        last = int(after < self.iterations)
        early = [one for one in EARLY if after < one < self.iterations and one % self.sample_every]
        return {
            "pictures": self._between(after, self.sample_every) + len(early) * self.samples_early + last,
            "checkpoints": self._between(after, self.save_every, self.keep_every) + last,
            "measurements": int((self.iterations - after) / max(self.iterations / MEASUREMENTS, LOG_EVERY)),
            "scores": self._between(after, self.evaluate_every) + last if self.evaluate_every else 0,
        }

    def _between(self, after: int, *intervals: int | None) -> int:
        """How many multiples of one or two intervals come after an iteration and before the last."""
        every = [interval for interval in intervals if interval]
        end = max(after, self.iterations - 1)
        count = sum(end // interval - after // interval for interval in every)
        both = math.lcm(*every)
        return count - (end // both - after // both) * (len(every) == 2)
