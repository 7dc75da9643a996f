"""A small GAN that scores images by their brightness."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.generators.weights import Model
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import Registry, registry
from ganzoo.testing import start_training


class Brightness(nn.Module):
    """A generator whose score is the mean of an image."""

    def __init__(self, shape: tuple[int, ...], latent_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent_dim, math.prod(shape)), nn.Unflatten(1, shape), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.net(z)
        return made

    def score(self, images: Tensor) -> Tensor:
        return images.flatten(1).mean(1)


def brightness(task: Any) -> nn.Module:
    """A generator whose score is the mean of an image."""
    return Brightness(task.shape, task.latent_dim)


SCORING = GAN(
    name="scoring",
    summary="brightness",
    generator=brightness,
    discriminator="dense",
    trainer="non-saturating",
    settings={"latent_dim": 4, "discriminator.widths": (4,), "batch_size": 8, "iterations": 1},
)


def scoring_model(data: Data) -> Model:
    """The generator, not trained, of images like these."""
    model: Model = start_training(resolve(SCORING), data).model()
    return model


def known() -> Registry:
    """The installed GANs and this one."""
    return replace(registry(), gans={**registry().gans, SCORING.name: SCORING})
