"""The way of a classroom: own modules, own latents, an array of points, and one iteration at a time."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.parts import Task

CENTRE = np.array([2.0, -1.0])
POINTS = CENTRE + 0.3 * np.random.default_rng(0).normal(size=(500, 2))


def latents(z: Tensor) -> Tensor:
    """Uniform in [0, 1], from normal z."""
    return torch.special.ndtr(z)


class Generator(nn.Module):
    def __init__(self, task: Task, *, width: int = 32) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(task.latent_dim, width), nn.ReLU(), nn.Linear(width, *task.shape))
        self.seen: list[Tensor] = []

    def forward(self, z: Tensor) -> Tensor:
        self.seen = [latents(z)]
        return self.net(self.seen[0])


class Discriminator(nn.Module):
    def __init__(self, task: Task, *, width: int = 32) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(*task.shape, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, points: Tensor) -> Tensor:
        return self.net(points)


MINE = ganzoo.GAN(
    name="mine", summary="Mine.", generator=Generator, discriminator=Discriminator, trainer="non-saturating"
)
SETTINGS: dict[str, Any] = {"batch_size": 32, "latent_dim": 2, "lr": 5e-3, "device": "cpu", "ema": 0.9}


def test_a_cloud_is_learnt() -> None:
    training = ganzoo.train(MINE, POINTS, iterations=400, discriminator_steps=2, **SETTINGS)
    assert next(training).number == 1
    before = np.linalg.norm(training.model().sample(500).mean(0) - CENTRE)
    assert training.batches.drawn == 3, "two updates of the discriminator, and one of the generator"
    assert len(list(training)) == 399
    samples = training.model().sample(500)
    assert np.linalg.norm(samples.mean(0) - CENTRE) < 0.3 * before
    assert next(training, None) is None


def test_own_latents_are_those_of_training_and_of_sampling() -> None:
    training = ganzoo.train(MINE, POINTS, iterations=1, **SETTINGS)
    next(training)
    training.model().sample(64)
    for generator in (training.nets.generator, training.generator):
        assert isinstance(generator, Generator)
        assert all(float(each.min()) >= 0 and float(each.max()) <= 1 for each in generator.seen)


def test_widths_and_rates_are_settings() -> None:
    training = ganzoo.train(MINE, POINTS, iterations=2, **SETTINGS | {"generator.width": 5})
    assert training.recipe.values["generator"] == {"width": 5}
    assert [group["lr"] for group in training.optimizers["generator"].param_groups] == [5e-3]
    losses = [done.losses for done in islice(training, 2)]
    assert all(loss.isfinite() for each in losses for loss in each.values())
