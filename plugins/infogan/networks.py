"""The generator of infogan, whose z begins with a code."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo import GanzooError


class Coded(nn.Module):
    """A generator of ``z = (category, continuous codes, noise)``.

    The sampler draws all components of z alike. The category is the place of the largest among the first
    ``categories`` of them, so each is as probable as the others, and the network gets it as a one-hot vector. The
    continuous codes are the next ``codes`` components as they are.

    Args:
        net: the network inside, of the one-hot vector, the codes and the noise.
        categories: values of the category.
        codes: continuous codes.
        latent_dim: length of z.
    """

    places: Tensor

    def __init__(self, net: nn.Module, categories: int, codes: int, latent_dim: int) -> None:
        super().__init__()
        self.net, self.categories, self.codes, self.latent_dim = net, categories, codes, latent_dim
        self.register_buffer("places", torch.arange(categories), persistent=False)

    def code(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Categories ``(N,)`` and continuous codes ``(N, codes)`` of latents ``(N, latent_dim)``."""
        return z[:, : self.categories].argmax(1), z[:, self.categories : self.categories + self.codes]

    def forward(self, z: Tensor, *, category: int | None = None) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, latent_dim)``.

        Args:
            z: the latents.
            category: of all samples, from 0; that of each z by default.

        Raises:
            GanzooError: there is no such category.
        """
        if category is None:
            chosen = self.code(z)[0]
        elif 0 <= category < self.categories:
            chosen = torch.full((len(z),), category, device=z.device)
        else:
            raise GanzooError(f"category={category} is out of range; it is a whole number up to {self.categories - 1}")
        one_hot = (chosen.unsqueeze(1) == self.places).to(z.dtype)
        return self.net(torch.cat([one_hot, z[:, self.categories :]], 1))  # type: ignore[no-any-return]
