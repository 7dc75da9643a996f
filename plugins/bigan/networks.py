"""The discriminator of bigan, of a sample and its latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pair(nn.Module):
    """A discriminator of the flat sample joined to z."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, samples: Tensor, z: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of samples ``(N, *shape)`` with latents ``(N, latent_dim)``."""
        return self.net(torch.cat([samples.flatten(1), z], 1))  # type: ignore[no-any-return]
