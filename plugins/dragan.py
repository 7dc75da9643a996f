"""dragan: D is held to unit gradients around real samples (Kodali et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo.parts.losses import accuracy, bce, gradient_norms, real_and_fake_logits, without_grad
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import Parts, hookimpl
from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from ganzoo.parts.networks import Networks
    from ganzoo.parts.trainers import Draw, Updates


def dragan(nets: Networks, draw: Draw, *, discriminator_steps: int = 1, penalty: float = 10.0) -> Updates:
    """The non-saturating game with a penalty on D's gradient around real samples (Kodali et al., 2017)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        near = real + 0.5 * real.std() * torch.rand_like(real)
        steepness = (gradient_norms(D, near, *condition) - 1).square().mean()
        loss = bce(on_real, 1) + bce(on_fake, 0) + penalty * steepness
        yield D, loss, {"discriminator_accuracy": accuracy(on_real, on_fake)}
    _, z, *condition = draw()
    yield G, bce(D(G(z, *condition), *condition), 1)


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"dragan": dragan}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="dragan",
        summary="a penalty holds D to unit gradients around real samples",
        paper="Kodali et al., 2017, arXiv:1705.07215",
        generator="dense",
        discriminator="dense",
        trainer="dragan",
        settings={"iterations": 10000, "lr": 5e-4},
    )
