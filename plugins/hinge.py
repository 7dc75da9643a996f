"""hinge: hinge losses, and a discriminator whose layers have the spectral norm 1 (Miyato et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo.parts.builders import Activation, conv_discriminator, dense_discriminator
from ganzoo.parts.losses import accuracy, mean, real_and_fake_logits, without_grad
from ganzoo.parts.task import Task
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import Parts, hookimpl
from ganzoo.util.optional import F, nn, torch

if TYPE_CHECKING:
    from ganzoo.parts.networks import Networks
    from ganzoo.parts.trainers import Draw, Updates


def hinge(nets: Networks, draw: Draw, *, discriminator_steps: int = 1) -> Updates:
    """The game with hinge losses: D stops pushing samples that it has judged well enough (Lim & Ye, 2017)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        loss = mean(F.relu(1 - on_real)) + mean(F.relu(1 + on_fake))
        yield D, loss, {"discriminator_accuracy": accuracy(on_real, on_fake)}
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))


def spectral(net: nn.Module) -> nn.Module:
    """Divide each layer's weight by its largest singular value, which power iteration follows: a step a pass."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            torch.nn.utils.parametrizations.spectral_norm(layer)
    return net


def spectral_dense_discriminator(
    task: Task, *, widths: tuple[int, ...] = (512, 256), hidden: Activation = "leaky"
) -> nn.Module:
    """The dense discriminator under spectral normalisation (Miyato et al., 2018)."""
    return spectral(dense_discriminator(task, widths=widths, hidden=hidden))


def spectral_conv_discriminator(task: Task, *, width: int = 32) -> nn.Module:
    """The DCGAN discriminator under spectral normalisation (Miyato et al., 2018)."""
    return spectral(conv_discriminator(task, width=width, norm="none"))


PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "spectral-dcgan",
    "discriminator_steps": 5,
    "lr": 2e-4,
    "ttur": 1.0,
    "latent_dim": 128,
    "lr_schedule": "constant",
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
        summary="hinge losses, and a discriminator under spectral normalisation (SN-GAN)",
        paper="Miyato et al., 2018, arXiv:1802.05957",
        generator="dense",
        discriminator="spectral-dense",
        trainer="hinge",
        settings={"iterations": 10000, "lr": 5e-4, "ttur": 2.0, "beta1": 0.0, "beta2": 0.9},
        presets={"published": PUBLISHED},
    )
