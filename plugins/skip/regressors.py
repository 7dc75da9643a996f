"""Regressions as prior models. Their coefficients are buffers, so they are saved and exported with the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Regressor(nn.Module):
    """A regression ``forward(x, z)`` from inputs ``(N, p)`` to targets ``(N, 1)``, with latents of ``latent_dim``."""

    latent_dim = 0


class Linear(Regressor):
    """b0 + b x. If ``sampled``, training samples b for each batch from N(coefficients, factor factor')."""

    coefficients: Tensor
    factor: Tensor

    def __init__(self, inputs: int, *, sampled: bool = False) -> None:
        super().__init__()
        self.latent_dim = inputs + 1 if sampled else 0
        self.register_buffer("coefficients", torch.zeros(inputs + 1))
        self.register_buffer("factor", torch.zeros(inputs + 1, self.latent_dim))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """A batch shares one b, also if several processes have a shard each. In evaluation mode b is the fit."""
        b = self.coefficients
        if self.training and self.latent_dim:
            # what is drawn like a parameter is the same in all processes, which the first row of a shard is not
            noise = torch.randn_like(nn.Parameter(self.factor[0], requires_grad=False))
            b = b + (self.factor * noise).sum(1)
        return b[0] + (x * b[1:]).sum(1, keepdim=True)


class Trees(Regressor):
    """The sum of regression trees of at most ``depth`` levels, as arrays over all their nodes.

    A leaf is its own child, so every descent takes ``depth`` steps, and the graph has no control flow.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth
        for name in ("roots", "feature", "left", "right"):
            self.register_buffer(name, torch.empty(0, dtype=torch.int64))
        for name in ("threshold", "value"):
            self.register_buffer(name, torch.empty(0))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Each sample descends all trees in parallel."""
        node = self.roots.expand(x.shape[0], -1)
        for _ in range(self.depth):
            right = x.gather(1, self.feature[node]) > self.threshold[node]
            node = torch.where(right, self.right[node], self.left[node])
        return self.value[node].sum(1, keepdim=True)
