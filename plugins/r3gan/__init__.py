"""r3gan: a relativistic pairing loss with penalties on real and generated samples (Huang et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Count,
    F,
    NonNegative,
    Parts,
    Size,
    Task,
    accuracy,
    halvings,
    mean,
    nn,
    paired,
    real_and_fake_logits,
    without_grad,
    zero_gradient_penalty,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


@paired
def relativistic(nets: Networks, draw: Draw, *, discriminator_steps: Count = 1, penalty: NonNegative = 1.0) -> Updates:
    """The relativistic pairing GAN with the penalties R1 and R2 (Huang et al., 2024).

    The loss compares the logits of a real and a generated sample of each pair.

    Args:
        nets: the networks.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        penalty: weight of R1 plus R2.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        difference = real_logits - fake_logits
        r1_r2 = zero_gradient_penalty(D, real, *condition) + zero_gradient_penalty(D, fake, *condition)
        loss = mean(F.softplus(-difference.float())) + penalty * r1_r2
        yield D, loss, {"discriminator_accuracy": accuracy(difference, -difference)}
    real, z, *condition = draw()
    yield G, mean(F.softplus(without_grad(D, real, *condition).float() - D(G(z, *condition), *condition).float()))


def residual_generator(task: Task, *, width: Size = 16) -> nn.Module:
    """A residual generator without normalisation, with bilinear upsampling (Huang et al., 2024, made small).

    Args:
        task: what the network has to fit.
        width: channels next to the image; twice as many at each halving of the sides.
    """
    from .networks import generator

    return generator(task, width, *halvings(task, "a residual generator", width))


def residual_discriminator(task: Task, *, width: Size = 16) -> nn.Module:
    """A residual discriminator without normalisation, with average pooling (Huang et al., 2024, made small).

    Args:
        task: what the network has to fit.
        width: channels next to the image; twice as many at each halving of the sides.
    """
    from .networks import discriminator

    return discriminator(task, width, *halvings(task, "a residual discriminator", width))


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"relativistic": relativistic}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"residual": residual_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"residual": residual_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="r3gan",
        summary="relativistic pairing loss with two gradient penalties and no normalisation",
        paper="Huang et al., 2024, arXiv:2501.05441",
        generator="dense",
        discriminator="dense",
        trainer="relativistic",
        settings={
            "iterations": 10000,
            "generator.norm": "none",
            "generator.hidden": "leaky",
            "lr": 5e-4,
            "beta1": 0.0,
            "beta2": 0.99,
            "penalty": 5.0,
        },
        presets={"conv": {"generator": "residual", "discriminator": "residual", "penalty": 1.0, "iterations": 5000}},
    )
