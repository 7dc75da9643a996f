"""r3gan: relativistic pairs, and penalties on real and generated samples (Huang et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo.parts.builders import halvings
from ganzoo.parts.losses import accuracy, mean, real_and_fake_logits, without_grad, zero_gradient_penalty
from ganzoo.parts.task import Task
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import Parts, hookimpl
from ganzoo.util.optional import F, nn

if TYPE_CHECKING:
    from ganzoo.parts.networks import Networks
    from ganzoo.parts.trainers import Draw, Updates


def relativistic(nets: Networks, draw: Draw, *, discriminator_steps: int = 1, penalty: float = 1.0) -> Updates:
    """The relativistic game of pairs, with the penalties R1 and R2 (Huang et al., 2024).

    D says how much more real one sample of a pair is than the other; ``penalty`` weighs its gradients at either.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        ahead = on_real - on_fake
        flatness = zero_gradient_penalty(D, real, *condition) + zero_gradient_penalty(D, fake, *condition)
        loss = mean(F.softplus(-ahead.float())) + penalty * flatness
        yield D, loss, {"discriminator_accuracy": accuracy(ahead, -ahead)}
    real, z, *condition = draw()
    yield G, mean(F.softplus(without_grad(D, real, *condition).float() - D(G(z, *condition), *condition).float()))


def residual_generator(task: Task, *, width: int = 16) -> nn.Module:
    """Residual blocks without normalisation between bilinear doublings; ``width`` counts features next to the image."""
    from .networks import generator

    return generator(task, width, *halvings(task, "a residual generator", width))


def residual_discriminator(task: Task, *, width: int = 16) -> nn.Module:
    """Residual blocks without normalisation between halvings; ``width`` counts features next to the image."""
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
        summary="relativistic pairs with two penalties, and no normalisation anywhere",
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
