"""The discriminator of began, an autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Autoencoder(nn.Module):
    """A discriminator that rebuilds samples: the smaller its error, the more real it holds a sample to be.

    Attributes:
        k: how much the error of generated samples counts, 0 to 1; the trainer changes it.
    """

    k: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.register_buffer("k", torch.zeros(()))

    def reconstruct(self, samples: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from samples."""
        return self.decoder(self.encoder(samples))  # type: ignore[no-any-return]

    def forward(self, samples: Tensor) -> Tensor:
        """Minus the mean absolute error of each sample, ``(N, 1)``."""
        return -(samples - self.reconstruct(samples)).float().abs().flatten(1).mean(1, keepdim=True)
