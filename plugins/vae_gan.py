"""vae-gan: a variational autoencoder that compares features of a discriminator (Larsen et al., 2016)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Activation,
    NonNegative,
    Norm,
    Parts,
    Positive,
    Size,
    Task,
    accuracy,
    bce,
    dense,
    dense_discriminator,
    dense_generator,
    nn,
    require_parts,
    torch,
    with_encoder,
    with_heads,
    without_grad,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.parts import Draw, Networks, Updates


def autoencoding(nets: Networks, draw: Draw, *, content: NonNegative = 0.01, variance: Positive = 0.05) -> Updates:
    """A variational autoencoder and a GAN that share the decoder (Larsen et al., 2016, Algorithm 1).

    Args:
        nets: the networks; the generator has an encoder to means and logarithms of variances, and the discriminator
            ``features``.
        draw: draws a batch.
        content: weight of the reconstruction in the decoder's loss.
        variance: of the Gaussian over features of a reconstruction; less of it makes codes more exact, and less normal.
    """
    G, D = require_parts(nets.generator, "encoder", "decoder"), require_parts(nets.discriminator, "features")
    real, z = draw()
    posterior = G.encoder(real)
    yield G.encoder, divergence(posterior) + distance(D, G(sampled(posterior)), real, variance)
    codes = sampled(without_grad(G.encoder, real))
    rebuilt, fake = G(codes), G(z)
    yield G.decoder, content * distance(D, rebuilt, real, variance) + bce(D(rebuilt), 1) + bce(D(fake), 1)
    rebuilt, fake = without_grad(G, codes), without_grad(G, z)
    real_logits, rebuilt_logits, fake_logits = D(real), D(rebuilt), D(fake)
    loss = bce(real_logits, 1) + bce(rebuilt_logits, 0) + bce(fake_logits, 0)
    yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}


def sampled(posterior: Tensor) -> Tensor:
    """Codes ``(N, latent_dim)`` from Gaussians, given as means and logarithms of variances ``(N, 2 latent_dim)``."""
    means, log_variances = posterior.chunk(2, 1)
    return means + (log_variances / 2).exp() * torch.randn_like(means)


def divergence(posterior: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of these Gaussians from N(0, 1), in nats for each sample (Kingma & Welling)."""
    means, log_variances = posterior.float().chunk(2, 1)
    return (means.square() + log_variances.exp() - log_variances - 1).sum(1).mean() / 2


def distance(D: Any, samples: Tensor, real: Tensor, variance: float) -> Tensor:
    """Minus the log likelihood of D's features of the real samples, up to a constant, in nats for each sample.

    It is that of Gaussians about the features of their reconstructions.
    """
    difference: Tensor = (D.features(samples) - D.features(real)).float()
    return difference.square().sum(1).mean() / (2 * variance)


def variational_generator(
    task: Task, *, widths: tuple[Size, ...] = (256, 512), hidden: Activation = "relu", norm: Norm = "batch"
) -> nn.Module:
    """A dense generator with an encoder from samples to Gaussians over z (Larsen et al., 2016).

    Args:
        task: what the network has to fit.
        widths: units of the decoder's hidden layers; the encoder has them in reverse order.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    sizes = (math.prod(task.shape), *reversed(widths), 2 * task.latent_dim)
    encoder = nn.Sequential(nn.Flatten(), *dense(sizes, hidden, norm))
    return with_encoder(dense_generator(task, widths=widths, hidden=hidden, norm=norm), encoder, task.latent_dim)


def feature_discriminator(
    task: Task, *, widths: tuple[Size, ...] = (512, 256), hidden: Activation = "leaky", norm: Norm = "none"
) -> nn.Module:
    """The dense discriminator, whose last hidden layer is ``features``.

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    return with_heads(dense_discriminator(task, widths=widths, hidden=hidden, norm=norm))


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"vae-gan": autoencoding}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"vae-gan": variational_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"features": feature_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="vae-gan",
        summary="a variational autoencoder that compares features of the discriminator instead of pixels",
        paper="Larsen et al., 2016, arXiv:1512.09300",
        generator="vae-gan",
        discriminator="features",
        trainer="vae-gan",
        settings={"iterations": 9000, "lr": 5e-4},
    )
