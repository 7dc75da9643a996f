"""pacgan: the discriminator sees several samples at once (Lin et al., 2018)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Parts,
    Size,
    Task,
    conv_discriminator,
    dense_discriminator,
    nn,
    output_activation,
    packed,
    radford_init,
)


def points_generator(task: Task, *, widths: tuple[Size, ...] = (400, 400, 400, 400)) -> nn.Module:
    """The paper's fully connected generator of points in the plane (Lin et al., 2018).

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
    """
    net = nn.Sequential()
    for inputs, outputs in pairwise((task.latent_dim, *widths)):
        net.extend([nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()])
    net.extend(
        [
            nn.Linear((task.latent_dim, *widths)[-1], math.prod(task.shape)),
            nn.Unflatten(1, task.shape),
            output_activation(task),
        ]
    )
    return radford_init(net, 1.0)


def maxout_discriminator(task: Task, *, widths: tuple[Size, ...] = (200, 200, 200), pieces: Size = 5) -> nn.Module:
    """A fully connected discriminator of maxout units (Goodfellow et al., 2013).

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        pieces: linear functions of which a unit is the maximum.
    """
    net = nn.Sequential(nn.Flatten())
    for inputs, outputs in pairwise((math.prod(task.shape), *widths)):
        net.extend([nn.Linear(inputs, outputs * pieces), nn.MaxPool1d(pieces)])
    net.append(nn.Linear((math.prod(task.shape), *widths)[-1], 1))
    return radford_init(net, 1.0)


PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "packed-dcgan",
    "generator.width": 64,
    "discriminator.width": 64,
    "discriminator.norm": "batch",
    "generator_steps": 2,
    "lr": 2e-4,
    "batch_size": 128,  # 64 packs of two, as in the paper
    "latent_dim": 100,
    "distribution": "uniform",
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"pacgan-points": points_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {
        "packed-dense": packed(dense_discriminator),
        "packed-dcgan": packed(conv_discriminator),
        "maxout": maxout_discriminator,
        "packed-maxout": packed(maxout_discriminator),
    }


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="pacgan",
        summary="D sees packs of samples, so that it notices when they lack variety",
        paper="Lin et al., 2018, arXiv:1712.04086",
        generator="dense",
        discriminator="packed-dense",
        trainer="non-saturating",
        settings={"iterations": 10000, "lr": 1e-3, "batch_size": 128},
        presets={"published": PUBLISHED},
    )
