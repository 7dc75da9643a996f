"""hinge: hinge losses and spectral normalisation (Miyato et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Activation,
    Count,
    F,
    Parts,
    Size,
    Task,
    accuracy,
    augmentable,
    conv_discriminator,
    dense_discriminator,
    mean,
    nn,
    real_and_fake_logits,
    torch,
    without_grad,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


@augmentable
def hinge(nets: Networks, draw: Draw, *, discriminator_steps: Count = 1) -> Updates:
    """The GAN with hinge losses: samples beyond the margin have no gradient in D (Lim & Ye, 2017).

    Args:
        nets: the networks.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        loss = mean(F.relu(1 - real_logits)) + mean(F.relu(1 + fake_logits))
        yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))


def spectral(net: nn.Module) -> nn.Module:
    """Divide each layer's weight by its largest singular value, estimated by one power iteration per forward pass."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            torch.nn.utils.parametrizations.spectral_norm(layer)
    return net


def spectral_dense_discriminator(
    task: Task, *, widths: tuple[Size, ...] = (512, 256), hidden: Activation = "leaky"
) -> nn.Module:
    """The dense discriminator with spectral normalisation (Miyato et al., 2018).

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
    """
    return spectral(dense_discriminator(task, widths=widths, hidden=hidden))


def spectral_conv_discriminator(task: Task, *, width: Size = 32) -> nn.Module:
    """The DCGAN discriminator with spectral normalisation (Miyato et al., 2018).

    Args:
        task: what the network has to fit.
        width: channels of the first layer; each layer after it has twice as many.
    """
    return spectral(conv_discriminator(task, width=width, norm="none"))


PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "spectral-dcgan",
    "discriminator_steps": 5,
    "lr": 2e-4,
    "ttur": 1.0,
    "latent_dim": 128,
    "iterations": 50_000,
    "lr_schedule": "linear",
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"hinge": hinge}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"spectral-dense": spectral_dense_discriminator, "spectral-dcgan": spectral_conv_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="hinge",
        summary="hinge losses and a discriminator with spectral normalisation (SN-GAN)",
        paper="Miyato et al., 2018, arXiv:1802.05957",
        generator="dense",
        discriminator="spectral-dense",
        trainer="hinge",
        settings={"iterations": 10000, "lr": 5e-4, "ttur": 2.0, "beta1": 0.0, "beta2": 0.9},
        presets={"published": PUBLISHED},
    )
