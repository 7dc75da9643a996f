"""What the loop and the ways to run an iteration hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

Batch = tuple[Tensor, ...]
NextBatch = Callable[[], Batch]
Results = tuple[dict[str, Tensor], dict[str, Tensor]]
"""Losses and metrics of an iteration."""

Step = Callable[[Optimizer, Sequence[Tensor]], None]
Iterate = Callable[[NextBatch], Results]
"""One iteration on the batches that it asks for."""


def optimizer_step(optimizer: Optimizer, weights: Sequence[Tensor]) -> None:
    """A step of an optimizer. It tells autograd that the weights have changed, which fused optimizers do not, so that a
    later backward pass through a graph of the old weights is an error."""
    optimizer.step()
    torch.autograd.graph.increment_version(weights)
