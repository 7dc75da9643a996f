"""ganomaly: an autoencoder whose codes of an image and of its reconstruction differ for unusual images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    NonNegative,
    Parts,
    Size,
    Task,
    accuracy,
    bce,
    conv_discriminator,
    conv_generator,
    mae,
    mse,
    nn,
    require_parts,
    stop_gradient,
    with_heads,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


def compared_codes(
    nets: Networks, draw: Draw, *, adversarial: NonNegative = 1.0, pixels: NonNegative = 50.0, codes: NonNegative = 1.0
) -> Updates:
    """An adversarial autoencoder whose reconstructions have the codes of their images (Akcay et al., 2018).

    One update of the generator, then one of the discriminator on the reconstructions of before it.

    Args:
        nets: the networks; the generator has ``encoder``, ``decoder`` and ``second``, and the discriminator
            ``features``.
        draw: draws a batch.
        adversarial: weight of the difference of the discriminator's features.
        pixels: weight of the difference of images.
        codes: weight of the difference of codes.
    """
    G = require_parts(nets.generator, "encoder", "decoder", "second", "observe")
    D = require_parts(nets.discriminator, "features")
    real, _ = draw()
    code = G.encoder(real)
    rebuilt = G.decoder(code)
    G.observe(code)
    terms = {
        "features": mse(D.features(real), D.features(rebuilt)),
        "pixels": mae(real, rebuilt),
        "codes": mse(code, G.second(rebuilt)),
    }
    loss = adversarial * terms["features"] + pixels * terms["pixels"] + codes * terms["codes"]
    yield G, loss, {name: term.detach() for name, term in terms.items()}
    real_logits, fake_logits = D(real), D(stop_gradient(rebuilt))
    loss = (bce(real_logits, 1) + bce(fake_logits, 0)) / 2
    yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}


def autoencoder(task: Task, *, width: Size = 32) -> nn.Module:
    """An encoder, the DCGAN generator as its decoder, and a second encoder for reconstructions (Akcay et al., 2018).

    ``score(images)`` is the mean squared difference of the codes of an image and of its reconstruction.

    Args:
        task: what the network has to fit.
        width: channels of the encoders' first and of the decoder's last hidden layer.
    """
    from .networks import Autoencoder

    encoder, second = encoder_of(task, width), encoder_of(task, width)
    return Autoencoder(encoder, conv_generator(task, width=width), second, task.latent_dim)


def encoder_of(task: Task, width: int) -> nn.Module:
    """The DCGAN discriminator with a code ``(N, latent_dim)`` instead of a logit."""
    net: Any = conv_discriminator(task, width=width)
    net[-1] = nn.Linear(net[-1].in_features, task.latent_dim, bias=False)
    nn.init.normal_(net[-1].weight, 0.0, 0.02)
    return net  # type: ignore[no-any-return]


def featured_discriminator(task: Task, *, width: Size = 32) -> nn.Module:
    """The DCGAN discriminator, whose last hidden layer is ``features``.

    Args:
        task: what the network has to fit.
        width: channels of the first layer; each layer after it has twice as many.
    """
    return with_heads(conv_discriminator(task, width=width))


PUBLISHED = {
    "generator.width": 64,
    "discriminator.width": 64,
    "latent_dim": 100,
    "lr": 2e-4,
    "lr_schedule": "constant",
    "iterations": 2100,
    "ema": 0.0,
}
"""The published settings; 2,100 iterations are 15 epochs of 9,000 images."""


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"ganomaly": compared_codes}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"ganomaly": autoencoder}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"ganomaly": featured_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="ganomaly",
        summary="anomaly detection: images whose reconstruction has another code get a high score",
        paper="Akcay et al., 2018, arXiv:1805.06725",
        generator="ganomaly",
        discriminator="ganomaly",
        trainer="ganomaly",
        data="one-class:mnist-10k,anomaly=0",
        settings={
            "iterations": 1000,
            "latent_dim": 8,
            "lr": 1e-3,
            "generator.width": 16,
            "discriminator.width": 16,
        },
        presets={"published": PUBLISHED},
    )
