"""The games that several GANs play. A trainer plays one iteration: it yields whose move it is and what is minimised.

``nets`` holds the players, ``draw()`` gives ``real, z, *given`` (labels or regression inputs, if the GAN is told them).
A move may carry a third part, figures to log; they are tensors, so that nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ganzoo.parts.losses import (
    accuracy,
    bce,
    mean,
    mse,
    real_and_fake_logits,
    unit_gradient_penalty,
    without_grad,
    zero_gradient_penalty,
)
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import nn, torch

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.parts.networks import Networks

    Draw = Callable[[], tuple[Tensor, ...]]
    Updates = Iterator[tuple[nn.Module, Tensor] | tuple[nn.Module, Tensor, dict[str, Any]]]


def non_saturating(
    nets: Networks,
    draw: Draw,
    *,
    discriminator_steps: int = 1,
    generator_steps: int = 1,
    smoothing: float = 0.0,
    penalty: float = 0.0,
) -> Updates:
    """The non-saturating game on logits (Goodfellow et al., 2014).

    ``smoothing`` spreads the targets of all moves; ``penalty`` weighs a zero-centred gradient penalty on D at real
    samples (Mescheder et al., 2018).
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        loss = bce(on_real, 1, smoothing) + bce(on_fake, 0, smoothing)
        if penalty:
            loss = loss + penalty * zero_gradient_penalty(D, real, *condition)
        yield D, loss, {"discriminator_accuracy": accuracy(on_real, on_fake)}
    for _ in range(generator_steps):
        _, z, *condition = draw()
        yield G, bce(D(G(z, *condition), *condition), 1, smoothing)


def least_squares(nets: Networks, draw: Draw, *, discriminator_steps: int = 1, generator_steps: int = 1) -> Updates:
    """The least-squares game with targets +1 for real and -1 for fake (Mao et al., 2017)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        yield (
            D,
            mse(on_real, 1) + mse(on_fake, -1),
            {"discriminator_accuracy": accuracy(on_real, on_fake)},
        )
    for _ in range(generator_steps):
        _, z, *condition = draw()
        yield G, mse(D(G(z, *condition), *condition), 1)


def wasserstein(nets: Networks, draw: Draw, *, critic_steps: int = 5, clip: float = 0.01) -> Updates:
    """The Wasserstein game with clipped weights (Arjovsky et al., 2017)."""
    if clip <= 0:
        raise GanzooError(f"clip={clip} is out of range; weights are clipped to -clip..clip, with clip above 0")
    G, D = nets.generator, nets.discriminator
    for _ in range(critic_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        distance = mean(on_real) - mean(on_fake)
        yield D, -distance, {"wasserstein_estimate": distance.detach()}
        with torch.no_grad():
            for weight in D.parameters():
                weight.clamp_(-clip, clip)
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))


def wasserstein_gp(nets: Networks, draw: Draw, *, critic_steps: int = 5, penalty: float = 10.0) -> Updates:
    """The Wasserstein game with a gradient penalty (Gulrajani et al., 2017)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(critic_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        on_real, on_fake = real_and_fake_logits(D, real, fake, *condition)
        distance = mean(on_real) - mean(on_fake)
        loss = -distance + penalty * unit_gradient_penalty(D, real, fake, *condition)
        yield D, loss, {"wasserstein_estimate": distance.detach()}
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))
