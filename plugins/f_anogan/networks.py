"""The generator of f-anogan: with an encoder, features of the critic, and a score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo import GanzooError


class Inspector(nn.Module):
    """A generator that also scores how unusual images are.

    Attributes:
        decoder: from latents ``(N, latent_dim)`` to samples ``(N, *shape)``.
        encoder: from samples to latents.
        features: a copy of the critic's, which is not trained, so that files of the generator hold all of the score.
        kappa: weight of the features.
        by_correlation: whether the score is by :meth:`unexplained`, not by :meth:`distances`.
        encoder_iterations: of training, int64.
    """

    encoder_iterations: Tensor

    def __init__(
        self, decoder: nn.Module, encoder: nn.Module, features: nn.Module, kappa: float, *, by_correlation: bool
    ) -> None:
        super().__init__()
        self.decoder, self.encoder, self.kappa, self.by_correlation = decoder, encoder, kappa, by_correlation
        self.features = features.requires_grad_(False)
        self.register_buffer("encoder_iterations", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, latent_dim)``."""
        return self.decoder(z)  # type: ignore[no-any-return]

    def encode(self, samples: Tensor) -> Tensor:
        """Latents ``(N, latent_dim)`` of samples ``(N, *shape)``, in [-1, 1]."""
        return self.encoder(samples)  # type: ignore[no-any-return]

    def rebuild(self, samples: Tensor) -> Tensor:
        """The samples that the generator makes of the codes of samples ``(N, *shape)``."""
        return self.decoder(self.encoder(samples))  # type: ignore[no-any-return]

    def distances(self, samples: Tensor) -> Tensor:
        """``mean (x - G(E(x)))² + kappa mean (f(x) - f(G(E(x))))²`` of each sample, ``(N,)``; f are the features."""
        rebuilt = self.rebuild(samples)
        pixels = (samples - rebuilt).float().flatten(1).square().mean(1)
        features = (self.features(samples) - self.features(rebuilt)).float().square().mean(1)
        distances: Tensor = pixels + self.kappa * features
        return distances

    def unexplained(self, samples: Tensor) -> Tensor:
        """One minus the correlation of each sample's pixels with those of G(E(x)), ``(N,)``, from 0 to 2.

        Unlike :meth:`distances` it does not grow with the contrast of an image; one of a single value has 1.
        """
        flat = (each.float().flatten(1) for each in (samples, self.rebuild(samples)))
        one, other = (each - each.mean(1, keepdim=True) for each in flat)
        return 1 - torch.cosine_similarity(one, other)

    def score(self, samples: Tensor) -> Tensor:
        """Higher is more unusual, ``(N,)``; nan before the encoder was trained."""
        scores = self.unexplained(samples) if self.by_correlation else self.distances(samples)
        return torch.where(self.encoder_iterations > 0, scores, torch.nan)

    def require_same(self, features: nn.Module) -> None:
        """Refuse features of another shape than those that :meth:`take_over` can copy."""
        mine, theirs = (
            {name: each.shape for name, each in net.state_dict().items()} for net in (self.features, features)
        )
        if mine != theirs:
            raise GanzooError(
                "the generator keeps the features of a critic of its own width; set generator.width and "
                "discriminator.width to the same"
            )

    def take_over(self, features: nn.Module) -> None:
        """Copy the critic's features, and stop the decoder, normalisation included, for a step of the encoder."""
        self.decoder.eval()
        self.features.eval().load_state_dict(features.state_dict())
        self.encoder_iterations += 1
