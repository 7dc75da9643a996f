"""Modules that several plugins share. Makers import this file when they are called, since it needs torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.util.errors import GanzooError


class LabelledGenerator(nn.Module):
    """A generator whose input is z joined to an embedding of the label (Mirza & Osindero, 2014)."""

    def __init__(self, embedding: nn.Embedding, net: nn.Module) -> None:
        super().__init__()
        self.embedding, self.net = embedding, net

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, latent_dim)`` and int64 labels ``(N,)``."""
        return self.net(torch.cat([z, self.embedding(labels)], 1))  # type: ignore[no-any-return]


class LabelledDiscriminator(nn.Module):
    """A discriminator of the sample joined to an embedding of the label, reshaped to ``embedding_shape``."""

    def __init__(self, embedding: nn.Embedding, embedding_shape: tuple[int, ...], net: nn.Module) -> None:
        super().__init__()
        self.embedding, self.embedding_shape, self.net = embedding, embedding_shape, net

    def forward(self, samples: Tensor, labels: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of samples ``(N, *shape)`` with int64 labels ``(N,)``."""
        embedded = self.embedding(labels).unflatten(1, self.embedding_shape)
        if len(self.embedding_shape) == 1:
            samples = samples.flatten(1)
        return self.net(torch.cat([samples, embedded.to(samples.dtype)], 1))  # type: ignore[no-any-return]


class Packed(nn.Module):
    """A discriminator of packs: consecutive samples of a batch are joined along their first axis (Lin et al., 2018).

    A batch that does not divide into packs is filled up with its first samples.
    """

    def __init__(self, net: nn.Module, packing: int) -> None:
        super().__init__()
        self.net, self.packing = net, packing

    def forward(self, samples: Tensor, *condition: Tensor) -> Tensor:
        """Logits ``(ceil(N / packing), 1)`` of samples ``(N, *shape)``."""
        if condition:
            raise GanzooError(
                "a packed discriminator takes no labels or regression inputs; choose one for conditional GANs "
                "(ganzoo list discriminators)"
            )
        count = len(samples)
        if self.training and count < self.packing:
            raise GanzooError(
                f"packing={self.packing} needs batches of at least as many samples, not {count}; set batch_size larger"
            )
        if missing := -count % self.packing:
            samples = samples[torch.arange(count + missing, device=samples.device) % count]
        packs = samples.reshape(-1, self.packing * samples.shape[1], *samples.shape[2:])
        return self.net(packs)  # type: ignore[no-any-return]


class Headed(nn.Module):
    """A discriminator with further outputs: linear layers, or heads, on its last hidden layer.

    Attributes:
        features: from samples ``(N, *shape)`` to the last hidden layer ``(N, F)``.
        logits: from there to logits ``(N, 1)``. Every other head is an attribute of the name that it was given.
        entry: the module through which all samples pass first; see :func:`ganzoo.parts.augmentable`.
    """

    features: nn.Sequential
    logits: nn.Linear

    def __init__(self, net: nn.Module, **heads: int) -> None:
        super().__init__()
        *hidden, last = net if isinstance(net, nn.Sequential) else [net]
        if not isinstance(last, nn.Linear):
            raise GanzooError(f"heads need a discriminator that ends in a linear layer, not {type(last).__name__}")
        self.features, self.logits = nn.Sequential(*hidden), last
        for name, outputs in heads.items():
            self.add_module(name, nn.Linear(last.in_features, outputs))

    @property
    def entry(self) -> nn.Module:
        return self.features

    def forward(self, samples: Tensor, *condition: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of samples ``(N, *shape)``; labels are accepted, and not looked at."""
        return self.logits(self.features(samples))  # type: ignore[no-any-return]


class Encoded(nn.Module):
    """A generator with an encoder, from samples back to latents.

    Attributes:
        decoder: from latents ``(N, latent_dim)`` to samples ``(N, *shape)``.
        encoder: from samples to ``(N, latent_dim)``, or to more of which these are the first.
    """

    def __init__(self, decoder: nn.Module, encoder: nn.Module, latent_dim: int) -> None:
        super().__init__()
        self.decoder, self.encoder, self.latent_dim = decoder, encoder, latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, latent_dim)``."""
        return self.decoder(z)  # type: ignore[no-any-return]

    def encode(self, samples: Tensor) -> Tensor:
        """Latents ``(N, latent_dim)`` of samples ``(N, *shape)``; of a Gaussian encoder the mean."""
        return self.encoder(samples)[:, : self.latent_dim]  # type: ignore[no-any-return]


PER_SAMPLE = frozenset({
    nn.Sequential, nn.Identity, nn.Flatten, nn.Unflatten, nn.Linear, nn.Conv2d, nn.Embedding, LabelledDiscriminator,
    Headed,
    nn.LayerNorm, nn.GroupNorm, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.Softplus,
})  # fmt: skip


def is_per_sample(network: nn.Module) -> bool:
    """Whether a network is known to treat each sample independently of its batch, and to draw no random numbers."""
    return all(
        type(module) in PER_SAMPLE
        and not (module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))
        and not joins_samples(module)
        for module in network.modules()
    )


def joins_samples(module: nn.Module) -> bool:
    """Whether a reshaping layer includes the axis of the batch."""
    return (isinstance(module, nn.Flatten) and module.start_dim == 0) or (
        isinstance(module, nn.Unflatten) and module.dim == 0
    )
