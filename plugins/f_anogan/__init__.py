"""f-anogan: how far an image is from what the generator can make, for anomaly detection (Schlegl et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Count,
    NonNegative,
    Parts,
    Range,
    Size,
    Task,
    conv_discriminator,
    conv_generator,
    critic,
    mean,
    nn,
    require_parts,
    wasserstein_gp,
    with_heads,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


@critic
def gan_then_encoder(
    nets: Networks,
    draw: Draw,
    iteration: int,
    iterations: int,
    *,
    gan_share: Annotated[float, Range(above=0, below=1)] = 0.5,
    critic_steps: Count = 5,
    penalty: NonNegative = 10.0,
) -> Updates:
    """The WGAN-GP of normal images; then an encoder for its generator, which is trained no more (Schlegl et al., 2019).

    Args:
        nets: the networks; the generator has an encoder and takes features of the critic over, see
            :func:`inspecting_generator`.
        draw: draws a batch.
        iteration: number of the iteration, from 1.
        iterations: how many there are.
        gan_share: share of the iterations that train the GAN; those after these, and the last, train the encoder.
        critic_steps: updates of the critic in an iteration.
        penalty: weight of the critic's gradient penalty.
    """
    G = require_parts(nets.generator, "decoder", "encoder", "take_over")
    D = require_parts(nets.discriminator, "features")
    if iteration == 1:
        G.require_same(D.features)
    if iteration <= max(round(gan_share * iterations), 1):
        for updated, *loss in wasserstein_gp(nets, draw, critic_steps=critic_steps, penalty=penalty):
            yield (G.decoder if updated is G else updated, *loss)
        if iteration < iterations:  # the last one always trains the encoder, without which there is no score
            return
    G.take_over(D.features)
    real, _ = draw()
    yield G.encoder, mean(G.distances(real))


def inspecting_generator(
    task: Task,
    *,
    width: Size = 32,
    kappa: NonNegative = 1.0,
    residual: Literal["difference", "correlation"] = "difference",
) -> nn.Module:
    """The DCGAN generator with an encoder, and a score of how unusual images are (Schlegl et al., 2019).

    ``score(images)`` is the mean squared difference of an image from what the generator makes of its code, plus that of
    the critic's features; or one minus the correlation of the two images. It is nan before the encoder was trained.

    Args:
        task: what the network has to fit.
        width: channels of the generator's last hidden layer; critic and encoder have as many in their first.
        kappa: weight of the features.
        residual: what the score is; the encoder is trained by the difference.
    """
    from .networks import Inspector

    judge: Any = featured_critic(task, width=width)
    encoder: Any = conv_discriminator(task, width=width, norm="batch")
    encoder[-1] = nn.Linear(encoder[-1].in_features, task.latent_dim)
    encoder.append(nn.Tanh())
    return Inspector(
        conv_generator(task, width=width), encoder, judge.features, kappa, by_correlation=residual == "correlation"
    )


def featured_critic(task: Task, *, width: Size = 32) -> nn.Module:
    """The DCGAN critic with layer normalisation, whose last hidden layer is ``features``.

    Args:
        task: what the network has to fit.
        width: channels of the first layer; each layer after it has twice as many.
    """
    return with_heads(conv_discriminator(task, width=width, norm="layer"))


PUBLISHED = {
    "generator.width": 64,
    "discriminator.width": 64,
    "critic_steps": 5,
    "latent_dim": 128,
    "lr": 1e-4,
    "iterations": 100_000,
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"f-anogan": gan_then_encoder}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"f-anogan": inspecting_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"f-anogan": featured_critic}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="f-anogan",
        summary="anomaly detection: images that the generator and its encoder cannot rebuild get a high score",
        paper="Schlegl et al., 2019",
        generator="f-anogan",
        discriminator="f-anogan",
        trainer="f-anogan",
        data="one-class:mnist-10k,anomaly=0",
        settings={
            "iterations": 6000,
            "lr": 2e-4,
            "beta1": 0.0,
            "beta2": 0.9,
            "generator.width": 16,
            "discriminator.width": 16,
            "critic_steps": 2,
            "lr_schedule": "constant",
            "ema": 0.0,
        },
        presets={"published": PUBLISHED},
    )
