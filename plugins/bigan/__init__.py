"""bigan: an encoder learns to invert the generator, by fooling a discriminator of pairs (Donahue et al., 2017)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Activation,
    Norm,
    Parts,
    Size,
    Task,
    accuracy,
    bce,
    dense,
    dense_discriminator,
    dense_generator,
    nn,
    require_parts,
    with_encoder,
    without_grad,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


def bidirectional(nets: Networks, draw: Draw) -> Updates:
    """The GAN of pairs: (x, E(x)) is real, (G(z), z) is fake; E and G are updated together (Donahue et al., 2017).

    Args:
        nets: the networks; the generator has an encoder, and the discriminator judges a sample with its z.
        draw: draws a batch.
    """
    G, D = require_parts(nets.generator, "encoder"), nets.discriminator
    E = G.encoder
    x, z = draw()
    real_logits, fake_logits = D(x, without_grad(E, x)), D(without_grad(G, z), z)
    loss = bce(real_logits, 1) + bce(fake_logits, 0)
    yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    yield G, bce(D(x, E(x)), 0) + bce(D(G(z), z), 1)


def inverted_generator(
    task: Task,
    *,
    widths: tuple[Size, ...] = (256, 512),
    hidden: Activation = "relu",
    norm: Norm = "batch",
) -> nn.Module:
    """A dense generator with an encoder of mirrored shape, from samples to z (Donahue et al., 2017).

    Args:
        task: what the network has to fit.
        widths: units of the generator's hidden layers; the encoder has them in reverse order.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    sizes = (math.prod(task.shape), *reversed(widths), task.latent_dim)
    encoder = nn.Sequential(nn.Flatten(), *dense(sizes, hidden, norm))
    return with_encoder(dense_generator(task, widths=widths, hidden=hidden, norm=norm), encoder, task.latent_dim)


def pair_discriminator(
    task: Task, *, widths: tuple[Size, ...] = (512, 256), hidden: Activation = "leaky", norm: Norm = "none"
) -> nn.Module:
    """A dense discriminator of a sample joined to its z (Donahue et al., 2017).

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    from .networks import Pair

    joined = replace(task, shape=(math.prod(task.shape) + task.latent_dim,))
    return Pair(dense_discriminator(joined, widths=widths, hidden=hidden, norm=norm))


PUBLISHED = {
    "generator.widths": (1024, 1024),
    "discriminator.widths": (1024, 1024),
    "discriminator.norm": "batch",
    "latent_dim": 50,
    "distribution": "uniform",
    "pixel_range": "unit",
    "lr": 2e-4,
    "batch_size": 128,
    "iterations": 180_000,
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"bigan": bidirectional}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"bigan": inverted_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"bigan": pair_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="bigan",
        summary="with an encoder from samples to z, learned without a reconstruction loss",
        paper="Donahue et al., 2017, arXiv:1605.09782",
        generator="bigan",
        discriminator="bigan",
        trainer="bigan",
        settings={"iterations": 12000, "lr": 5e-4},
        presets={"published": PUBLISHED},
    )
