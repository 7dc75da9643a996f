"""The exponential moving average of a generator, which is sampled and saved."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ganzoo.parts.networks import state_tensors

EVERY = 8
"""Once it averages over more than a hundred iterations, the average is updated in every eighth alone: an eighth of the
cost, and the same average to a thousandth."""


class EMA:
    """The exponential moving average of a generator's parameters and buffers (Polyak & Juditsky, 1992).

    Args:
        generator: the network that is trained.
        decay: of the average in one iteration; 0 makes it a copy.

    Attributes:
        network: the average, in evaluation mode and without gradients.
    """

    def __init__(self, generator: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(generator).requires_grad_(False).eval()
        for weight in self.network.parameters():  # saved weights do not depend on the layout that trains fastest
            weight.data = weight.data.contiguous()
        self.decay = decay
        pairs = list(zip(state_tensors(self.network).values(), state_tensors(generator).values(), strict=True))
        self._floats = [(average, trained) for average, trained in pairs if average.is_floating_point()]
        self._others = [(average, trained) for average, trained in pairs if not average.is_floating_point()]

    def update(self, iteration: int) -> None:
        """Update the average after that iteration, counted from 1.

        The decay is ``min(decay, (1 + n) / (10 + n))``, so that the initial weights are soon forgotten.
        """
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        every = EVERY if decay >= 0.99 else 1
        if iteration % every:
            return
        averages, trained = zip(*self._floats, strict=True)
        torch._foreach_lerp_(averages, trained, 1 - decay**every)
        for counter, counted in self._others:
            counter.copy_(counted)
