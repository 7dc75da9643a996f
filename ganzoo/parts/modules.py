"""Modules that several plugins share. Makers import this file when they are called, since it needs torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LabelledGenerator(nn.Module):
    """A generator whose latent is joined to an embedding of the label."""

    def __init__(self, embedding: nn.Embedding, net: nn.Module) -> None:
        super().__init__()
        self.embedding, self.net = embedding, net

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images ``(N, *shape)`` of latents ``(N, latent)`` and int64 labels ``(N,)``."""
        return self.net(torch.cat([z, self.embedding(labels)], 1))  # type: ignore[no-any-return]


class LabelledDiscriminator(nn.Module):
    """A discriminator that sees an embedding of the label beside the sample, of the shape ``extra``."""

    def __init__(self, embedding: nn.Embedding, extra: tuple[int, ...], net: nn.Module) -> None:
        super().__init__()
        self.embedding, self.extra, self.net = embedding, extra, net

    def forward(self, samples: Tensor, labels: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of samples ``(N, *shape)`` under int64 labels ``(N,)``."""
        told = self.embedding(labels).unflatten(1, self.extra)
        if len(self.extra) == 1:
            samples = samples.flatten(1)
        return self.net(torch.cat([samples, told.to(samples.dtype)], 1))  # type: ignore[no-any-return]


class Packed(nn.Module):
    """A discriminator of packs: samples that follow each other in a batch are joined along their first axis.

    A batch that does not divide into packs is filled up with its first samples.
    """

    def __init__(self, net: nn.Module, packing: int) -> None:
        super().__init__()
        self.net, self.packing = net, packing

    def forward(self, samples: Tensor) -> Tensor:
        """Logits ``(ceil(N / packing), 1)`` of samples ``(N, *shape)``."""
        count = len(samples)
        if short := -count % self.packing:
            samples = samples[torch.arange(count + short, device=samples.device) % count]
        packs = samples.reshape(-1, self.packing * samples.shape[1], *samples.shape[2:])
        return self.net(packs)  # type: ignore[no-any-return]


ONE_BY_ONE = frozenset({
    nn.Sequential, nn.Identity, nn.Flatten, nn.Unflatten, nn.Linear, nn.Conv2d, nn.Embedding, LabelledDiscriminator,
    nn.LayerNorm, nn.GroupNorm, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.Softplus,
})  # fmt: skip


def is_per_sample(network: nn.Module) -> bool:
    """Whether a network is known to make of each sample what it would without the others, and to draw nothing."""
    return all(
        type(module) in ONE_BY_ONE
        and not (module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))
        for module in network.modules()
    )
