"""The exponential moving average of a generator, which is sampled and saved."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ganzoo.parts.networks import state_tensors


class EMA:
    """The exponential moving average of a generator, its normalisation statistics included."""

    def __init__(self, generator: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(generator).requires_grad_(False).eval()
        for weight in self.network.parameters():  # samples are those of the saved weights, whatever is fast in training
            weight.data = weight.data.contiguous()
        self.decay = decay
        pairs = list(zip(state_tensors(self.network).values(), state_tensors(generator).values(), strict=True))
        self._floats = [(mine, theirs) for mine, theirs in pairs if mine.is_floating_point()]
        self._others = [(mine, theirs) for mine, theirs in pairs if not mine.is_floating_point()]

    def update(self, iterations: int) -> None:
        """Follow the generator, after so many iterations; early ones are forgotten faster, so the start leaves no trace.

        An average over a hundred iterations and more takes in every eighth alone, which costs an eighth and shows nowhere.
        """
        decay = min(self.decay, (1 + iterations) / (10 + iterations))
        apart = 8 if decay >= 0.99 else 1
        if iterations % apart:
            return
        mine, theirs = zip(*self._floats, strict=True)
        torch._foreach_lerp_(mine, theirs, 1 - decay**apart)
        for counter, counted in self._others:
            counter.copy_(counted)
