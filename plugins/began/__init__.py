"""began: the discriminator is an autoencoder, held in balance with the generator (Berthelot et al., 2017)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Activation,
    Norm,
    Parts,
    Positive,
    Share,
    Size,
    Task,
    critic,
    dense,
    mean,
    nn,
    require_parts,
    torch,
    without_grad,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


@critic
def balanced(nets: Networks, draw: Draw, *, gamma: Share = 0.5, k_rate: Positive = 0.001) -> Updates:
    """The boundary equilibrium GAN: the errors of an autoencoder instead of logits (Berthelot et al., 2017).

    Args:
        nets: the networks; the discriminator's output is minus its error, and it has a buffer ``k``.
        draw: draws a batch.
        gamma: the error of generated samples as a share of that of real ones, at equilibrium; more is more variety.
        k_rate: how fast k follows.
    """
    G, D = nets.generator, require_parts(nets.discriminator, "k")
    real, z = draw()
    real_error, fake_error = -mean(D(real)), -mean(D(without_grad(G, z)))
    yield D, real_error - D.k * fake_error
    fake_error = -mean(D(G(z)))
    balance = (gamma * real_error - fake_error).detach()
    yield G, fake_error, {"convergence": real_error.detach() + balance.abs(), "k": D.k.clone()}
    with torch.no_grad():
        D.k.add_(k_rate * balance).clamp_(0, 1)


def autoencoding_discriminator(
    task: Task,
    *,
    code: Size = 64,
    widths: tuple[Size, ...] = (256, 512),
    hidden: Activation = "relu",
    norm: Norm = "none",
) -> nn.Module:
    """A dense autoencoder whose output is minus the mean absolute error of each sample (Berthelot et al., 2017).

    Its last layer has no nonlinearity.

    Args:
        task: what the network has to fit.
        code: length of the code in its middle.
        widths: units of the decoder's hidden layers; the encoder has them in reverse order.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    from .networks import Autoencoder

    size = math.prod(task.shape)
    encoder = nn.Sequential(nn.Flatten(), *dense((size, *reversed(widths), code), hidden, norm))
    decoder = nn.Sequential(*dense((code, *widths, size), hidden, norm), nn.Unflatten(1, task.shape))
    return Autoencoder(encoder, decoder)


PUBLISHED = {
    "gamma": 0.5,
    "k_rate": 0.001,
    "lr": 8e-5,
    "batch_size": 16,
    "distribution": "uniform",
    "discriminator.code": 64,
    "iterations": 200_000,
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"began": balanced}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"began-dense": autoencoding_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="began",
        summary="the discriminator is an autoencoder, with a measure of convergence",
        paper="Berthelot et al., 2017, arXiv:1703.10717",
        generator="dense",
        discriminator="began-dense",
        trainer="began",
        settings={
            "iterations": 9000,
            "lr": 5e-4,
            "lr_schedule": "constant",
            "gamma": 0.7,
            "k_rate": 0.05,  # many times the published one, for a training that is many times shorter
            "generator.widths": (128, 256, 512),
            "discriminator.code": 32,
        },
        presets={"published": PUBLISHED},
    )
