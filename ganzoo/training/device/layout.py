"""What weights look like, and how those of convolutions lie in memory, which decides how fast they are."""

from __future__ import annotations

import torch
from torch import nn

CHANNELS_FIRST_NORMS = (nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
"""Normalisations whose kernels want channels first, and lose more than convolutions win."""


def channels_last(network: nn.Module) -> None:
    """Lay out convolutions channels last, as bf16 and compiled kernels want them, unless it would be slower.

    In float32 as it is played, little would be won by it, and the last bits of all results would change.
    """
    if not any(isinstance(module, CHANNELS_FIRST_NORMS) for module in network.modules()):
        for weight in network.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.to(memory_format=torch.channels_last)  # one channel included


def is_dense(network: nn.Module) -> bool:
    """Whether all that a network multiplies are matrices; convolutions make tensors of four axes."""
    return all(weight.dim() <= 2 for weight in network.parameters())
