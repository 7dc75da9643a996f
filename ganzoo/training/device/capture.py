"""Iterations that are captured once and replayed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import chain

from ganzoo.training.device.cuda_graph import Capture
from ganzoo.training.device.types import Batch, Iterate, NextBatch, Results

WARM_UP = 3
"""Iterations that run as they are written before one is captured. They count: they train like all others."""


class CapturedIterations:
    """Runs an iteration at each call: the first ones as they are written, then by replaying one that was captured.

    The warm-up shows how many batches an iteration takes. The next iteration is captured with those batches in fixed
    memory. From then on, an iteration fetches as many batches, copies them there, and replays. The results are the
    same either way.

    An iteration that waits for the device, or takes a varying number of batches, cannot be captured. Then all run as
    they are written, and one warning says why.

    Args:
        iterate: one iteration, which calls what it is given for each batch.
        fetch: the next batch.
        capture: the device's capture; ``None`` once it was given up.
    """

    def __init__(self, iterate: Iterate, fetch: NextBatch, capture: Capture | None) -> None:
        self.iterate, self.fetch, self.capture = iterate, fetch, capture
        self._taken: list[int] = []  # batches of each iteration of the warm-up
        self._fixed: list[Batch] = []
        self._replay: Callable[[], Results] | None = None

    def __call__(self) -> Results:
        if self._replay:
            for fixed in self._fixed:
                for target, source in zip(fixed, self.fetch(), strict=True):
                    target.copy_(source)
            return copied(self._replay())
        if self.capture is None:
            return self.iterate(self.fetch)
        if len(self._taken) < WARM_UP:
            return self._warm_up(self.capture)
        return self._capture(self.capture)

    def _warm_up(self, capture: Capture) -> Results:
        taken = 0

        def fetch() -> Batch:
            nonlocal taken
            taken += 1
            with capture.uncaptured():
                return self.fetch()

        with capture.warm_up() as waits:
            results = self.iterate(fetch)
        self._taken.append(taken)
        if len(self._taken) == WARM_UP:  # the first ones may wait for what is set up once
            if waits:
                self._give_up(f"they wait for the device at {waits[0]}")
            elif len(set(self._taken)) > 1:
                self._give_up(f"they take a varying number of batches: {self._taken}")
        return results

    def _capture(self, capture: Capture) -> Results:
        self._fixed = [self.fetch() for _ in range(self._taken[-1])]
        try:
            self._replay = capture(lambda: self.iterate(iter(self._fixed).__next__))
        except RuntimeError as error:  # a capture computes nothing, so nothing of the iteration has happened
            self._give_up(str(error).partition("\n")[0])
            return self.iterate(chain(self._fixed, iter(self.fetch, None)).__next__)
        return copied(self._replay())

    def _give_up(self, why: str) -> None:
        self.capture = None
        warnings.warn(f"iterations are not captured, but run one by one: {why}", stacklevel=4)


def copied(results: Results) -> Results:
    """Losses and metrics in memory of their own, since the next replay writes over those of the capture."""
    losses, metrics = ({name: value.clone() for name, value in part.items()} for part in results)
    return losses, metrics
