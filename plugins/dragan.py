"""dragan: a penalty on the norm of D's gradient around real samples (Kodali et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Count,
    NonNegative,
    Parts,
    accuracy,
    augmentable,
    bce,
    gradient_norms,
    real_and_fake_logits,
    torch,
    without_grad,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


@augmentable
def dragan(nets: Networks, draw: Draw, *, discriminator_steps: Count = 1, penalty: NonNegative = 10.0) -> Updates:
    """The non-saturating GAN with a penalty on D's gradient around real samples (Kodali et al., 2017).

    Args:
        nets: the networks.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        penalty: weight of E (|grad D(x + noise)| - 1)^2.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        perturbed = real + 0.5 * real.std() * torch.rand_like(real)
        gradient_penalty = (gradient_norms(D, perturbed, *condition) - 1).square().mean()
        loss = bce(real_logits, 1) + bce(fake_logits, 0) + penalty * gradient_penalty
        yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    _, z, *condition = draw()
    yield G, bce(D(G(z, *condition), *condition), 1)


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"dragan": dragan}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="dragan",
        summary="a penalty keeps the norm of D's gradient near 1 around real samples",
        paper="Kodali et al., 2017, arXiv:1705.07215",
        generator="dense",
        discriminator="dense",
        trainer="dragan",
        settings={"iterations": 10000, "lr": 5e-4},
    )
