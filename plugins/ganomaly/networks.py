"""The generator of ganomaly: an autoencoder with a second encoder, and a score."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Autoencoder(nn.Module):
    """An autoencoder that also scores how unusual images are.

    Codes have no given distribution, so mean and variance of those of the training are kept, and z is a code in their
    units.

    Attributes:
        encoder: from samples ``(N, *shape)`` to codes ``(N, latent_dim)``.
        decoder: from codes to samples.
        second: an encoder of reconstructions, with weights of its own.
        observed: mean and variance of the codes of the last batches.
        latent_dim: length of a code.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, second: nn.Module, latent_dim: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.second = encoder, decoder, second
        self.observed = nn.BatchNorm1d(latent_dim, affine=False)
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from codes in units of their training ``(N, latent_dim)``."""
        mean, variance = self.observed.running_mean, self.observed.running_var
        assert mean is not None and variance is not None
        return self.decoder(mean + z * variance.sqrt())  # type: ignore[no-any-return]

    def observe(self, codes: Tensor) -> None:
        """Take note of the mean and the variance of codes ``(N, latent_dim)``, in training."""
        with torch.no_grad():
            self.observed(codes)

    def rebuild(self, samples: Tensor) -> Tensor:
        """The reconstructions of samples ``(N, *shape)``."""
        return self.decoder(self.encoder(samples))  # type: ignore[no-any-return]

    def score(self, samples: Tensor) -> Tensor:
        """``mean (E1(x) - E2(G(E1(x))))²`` of each sample, higher is more unusual, ``(N,)``."""
        codes = self.encoder(samples)
        difference: Tensor = codes - self.second(self.decoder(codes))
        return difference.float().square().mean(1)
