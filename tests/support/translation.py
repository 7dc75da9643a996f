"""A small GAN that makes images from images, and data for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.parts.losses import bce, real_and_fake_logits, without_grad
from ganzoo.registry.gan import GAN


class Translator(nn.Module):
    """Halves an image and doubles it again; takes images of any size, and no z."""

    latent_dim, free, reach, multiple = 0, True, 7, 2

    def __init__(self, channels: int, made: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.down = nn.Conv2d(channels, 8, 4, 2, 1)
        self.up = nn.Conv2d(8, made, 3, 1, 1)

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        height, width = conditions.shape[-2:]
        x = F.pad(conditions, (0, -width % 2, 0, -height % 2), mode="replicate")
        x = F.interpolate(F.leaky_relu(self.down(x), 0.2), scale_factor=2 * self.scale)
        return torch.tanh(self.up(x))[..., : height * self.scale, : width * self.scale]


class Judge(nn.Module):
    """Logits of an image, with its condition enlarged to it."""

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(channels, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3, 1, 1))
        self.scale = scale

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        enlarged = F.interpolate(conditions, scale_factor=self.scale)
        logits: Tensor = self.net(torch.cat([x, enlarged], 1))
        return logits


def translator(task: Any) -> nn.Module:
    """Images from images."""
    return Translator(task.condition[0], task.shape[0], task.shape[1] // task.condition[1])


def judge(task: Any) -> nn.Module:
    """Logits of patches."""
    return Judge(task.shape[0] + task.condition[0], task.shape[1] // task.condition[1])


def translate(nets: Any, draw: Any, *, l1: float = 100.0) -> Iterator[Any]:
    """Patches against a U-Net, and the distance from the right answer.

    Args:
        nets: the networks.
        draw: draws a batch.
        l1: weight of the distance.
    """
    G, D = nets.generator, nets.discriminator
    real, z, given = draw()
    real_logits, fake_logits = real_and_fake_logits(D, real, without_grad(G, z, given), given)
    yield D, bce(real_logits, 1) + bce(fake_logits, 0)
    fake = G(z, given)
    yield G, bce(D(fake, given), 1) + l1 * (fake - real).float().abs().mean()


def pictures(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


PAIRS = Data(name="pairs", samples=pictures(40, (3, 16, 16)), conditions=pictures(40, (1, 16, 16), 1))
"""Forty pairs of random images."""

TRANSLATION = GAN(
    name="translation",
    summary="images from images",
    generator=translator,
    discriminator=judge,
    trainer=translate,
    conditional=True,
    data="pairs",
    settings={"batch_size": 8, "iterations": 4},
)


def smaller(data: Data, side: int) -> Data:
    """The same samples with conditions of another size."""
    return replace(data, conditions=pictures(len(data), (1, side, side), 1), sha256="")


class Mixer(nn.Module):
    """A generator that takes z, labels, images of one size and a setting of sampling."""

    def __init__(self, task: Any) -> None:
        super().__init__()
        self.colours = nn.Embedding(task.num_classes, task.shape[0])
        self.mix = nn.Conv2d(task.condition[0] + task.latent_dim, task.shape[0], 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor, conditions: Tensor, *, psi: float = 1.0) -> Tensor:
        noise = psi * z[:, :, None, None].expand(-1, -1, *conditions.shape[-2:])
        return torch.tanh(self.mix(torch.cat([conditions, noise], 1)) + self.colours(labels)[:, :, None, None])


def mix(nets: Any, draw: Any) -> Iterator[Any]:
    """The distance from the right answer, and a discriminator that does not matter."""
    real, z, labels, given = draw()
    fake = nets.generator(z, labels, given)
    yield nets.discriminator, nets.discriminator(real, given).mean() - nets.discriminator(fake.detach(), given).mean()
    yield nets.generator, (fake - real).square().mean()


MIXED = replace(PAIRS, labels=np.arange(40) % 3, classes=("a", "b", "c"), sha256="")
MIXTURE = replace(
    TRANSLATION, name="mixture", generator=Mixer, trainer=mix, settings={"batch_size": 8, "latent_dim": 2}
)
"""From pairs of three classes."""
