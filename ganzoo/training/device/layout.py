"""The memory layout of weights, which decides how fast convolutions are."""

from __future__ import annotations

import torch
from torch import nn

CHANNELS_FIRST_NORMS = (nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
"""Normalisations whose kernels want channels first, and lose more by the other layout than convolutions gain."""


def channels_last(network: nn.Module) -> None:
    """Store the weights of convolutions channels last, which is faster in bf16 and compiled, unless a norm slows it.

    Eager float32 gains little, and would change the last bits of all results.
    """
    if not any(isinstance(module, CHANNELS_FIRST_NORMS) for module in network.modules()):
        for weight in network.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.to(memory_format=torch.channels_last)  # with one channel too


def is_dense(network: nn.Module) -> bool:
    """Whether all weights are matrices or vectors; those of convolutions have more dimensions."""
    return all(weight.dim() <= 2 for weight in network.parameters())
