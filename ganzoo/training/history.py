"""The losses and metrics of a training so far. They stay on the device until somebody asks for them."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 2000
"""Iterations that are kept. Where there are more, every second one is dropped, again and again."""

Named = dict[str, Tensor]


class Kept:
    """At most :data:`MOST` iterations at even distances, and the last one.

    Attributes:
        every: iterations between two that are kept.
    """

    def __init__(self) -> None:
        self.every = 1
        self._kept: dict[int, Named] = {}
        self._last: tuple[int, Named] | None = None

    def add(self, number: int, losses: Named, metrics: Named) -> None:
        """Keep an iteration. Nothing waits for the device."""
        named = {f"loss.{name}": loss for name, loss in losses.items()} | metrics
        self._last = number, {name: value.detach() for name, value in named.items()}
        if number % self.every == 0:
            self._kept[number] = self._last[1]
        if len(self._kept) > MOST:
            self.every *= 2
            self._kept = {number: each for number, each in self._kept.items() if number % self.every == 0}

    def read(self) -> list[dict[str, float]]:
        """What is kept, in one transfer from the device."""
        found = self._kept | (dict([self._last]) if self._last else {})
        scalars = [value.float().reshape(()) for named in found.values() for value in named.values()]
        values = iter(torch.stack(scalars).tolist() if scalars else ())
        return [{"iteration": number, **{name: next(values) for name in named}} for number, named in found.items()]
