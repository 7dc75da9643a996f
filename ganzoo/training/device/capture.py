"""Iterations, one after the other: each played anew, or, once their course is known, replayed from a recording."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import chain

from torch import Tensor

from ganzoo.training.device.cuda_graph import Capture, Outputs

Batch = tuple[Tensor, ...]
Fetch = Callable[[], Batch]
Play = Callable[[Fetch], Outputs]

REHEARSALS = 3
"""Iterations that are played before one is recorded. They count: they are iterations like all others."""


class Iterations:
    """Plays an iteration at each call.

    Without ``record``, ``play(fetch)`` is all that happens. With it, the first iterations are played like that and show
    how many batches an iteration takes. The next is recorded with those batches in fixed places; from then on an iteration is:
    fetch as many batches, copy them there, replay. Iterations give the same either way.

    An iteration that waits for the device, or takes another number of batches each time, cannot be recorded. Then all are
    played, and one warning says why.

    Args:
        play: one iteration, which calls what it is given for each batch; returns losses and figures.
        fetch: the next batch.
        record: the device's recorder.
    """

    def __init__(self, play: Play, fetch: Fetch, record: Capture | None) -> None:
        self.play, self.fetch, self.record = play, fetch, record
        self._draws: list[int] = []  # of each rehearsal
        self._places: list[Batch] = []
        self._replay: Callable[[], Outputs] | None = None

    def __call__(self) -> Outputs:
        if self._replay:
            for place in self._places:
                for fixed, fresh in zip(place, self.fetch(), strict=True):
                    fixed.copy_(fresh)
            return copied(self._replay())
        if self.record is None:
            return self.play(self.fetch)
        if len(self._draws) < REHEARSALS:
            return self._rehearse(self.record)
        return self._begin(self.record)

    def _rehearse(self, record: Capture) -> Outputs:
        fetched = 0

        def fetch() -> Batch:
            nonlocal fetched
            fetched += 1
            with record.aside():
                return self.fetch()

        with record.rehearse() as waits:
            outputs = self.play(fetch)
        self._draws.append(fetched)
        if len(self._draws) == REHEARSALS:  # the first may wait for what is set up once
            if waits:
                self._give_up(f"it waits for the device at {waits[0]}")
            elif len(set(self._draws)) > 1:
                self._give_up(f"it takes another number of batches each time: {self._draws}")
        return outputs

    def _begin(self, record: Capture) -> Outputs:
        self._places = [self.fetch() for _ in range(self._draws[-1])]
        try:
            self._replay = record(lambda: self.play(iter(self._places).__next__))
        except RuntimeError as error:  # nothing of the iteration has happened yet
            self._give_up(str(error).partition("\n")[0])
            return self.play(chain(self._places, iter(self.fetch, None)).__next__)
        return copied(self._replay())

    def _give_up(self, why: str) -> None:
        self.record = None
        warnings.warn(f"iterations are not recorded, but played one by one: {why}", stacklevel=4)


def copied(outputs: Outputs) -> Outputs:
    """Losses and figures in places of their own, since the next replay writes over those of the recording."""
    losses, figures = ({name: value.clone() for name, value in part.items()} for part in outputs)
    return losses, figures
