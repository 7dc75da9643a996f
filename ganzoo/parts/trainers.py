"""Trainers that several GANs share. A trainer is one iteration of a paper's algorithm.

It is a generator function: it draws batches, computes a loss and yields ``(network, loss)``. The loop then updates that
network and resumes the trainer. A third item, a dictionary of scalar tensors, is logged.

``nets`` holds the networks. ``draw()`` returns ``real, z, *condition``: samples ``(N, *shape)``, latents
``(N, latent_dim)``, and for a conditional GAN labels ``(N,)`` or regression inputs ``(N, p)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

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
from ganzoo.registry.values import Count, NonNegative, Positive, Range
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import nn, torch

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.parts.networks import Networks

Smoothing = Annotated[float, Range(least=0, most=0.5)]
"""How far the targets of smoothed labels spread from 0 and 1."""

Draw: TypeAlias = "Callable[[], tuple[Tensor, ...]]"
Updates: TypeAlias = "Iterator[tuple[nn.Module, Tensor] | tuple[nn.Module, Tensor, dict[str, Any]]]"

Trainer = TypeVar("Trainer", bound=Callable[..., Any])

PAIRED: set[Callable[..., Any]] = set()
"""Trainers whose loss compares the logits of a real and a generated sample, so that a single logit means nothing."""


def paired(trainer: Trainer) -> Trainer:
    """Mark a trainer as one of :data:`PAIRED`: its discriminator is evaluated by comparisons alone."""
    PAIRED.add(trainer)
    return trainer


CRITICS: set[Callable[..., Any]] = set()
"""Trainers whose discriminator's output has no threshold of its own between real and generated samples."""


def critic(trainer: Trainer) -> Trainer:
    """Mark a trainer as one of :data:`CRITICS`: an evaluation finds a threshold of its discriminator from samples."""
    CRITICS.add(trainer)
    return trainer


AUGMENTABLE: set[Callable[..., Any]] = set()
"""Trainers that judge samples by the discriminator's forward pass alone, which may therefore see augmented ones."""


def augmentable(trainer: Trainer) -> Trainer:
    """Mark a trainer as one of :data:`AUGMENTABLE`.

    It never compares what the discriminator is given with what comes out, and never calls modules within it; or else
    the discriminator has an attribute ``entry``, the module through which all samples pass first.
    """
    AUGMENTABLE.add(trainer)
    return trainer


def require_parts(network: nn.Module, *names: str) -> Any:
    """The same network, for a trainer that uses these parts of it: modules or methods.

    Raises:
        GanzooError: it lacks one of them.
    """
    for name in names:
        if not hasattr(network, name):
            raise GanzooError(
                f"this trainer needs a network with '{name}', and {type(network).__name__} has none; take the networks "
                "of its own GAN (ganzoo list), or another trainer (ganzoo list trainers)"
            )
    return network


@augmentable
def non_saturating(
    nets: Networks,
    draw: Draw,
    *,
    discriminator_steps: Count = 1,
    generator_steps: Count = 1,
    smoothing: Smoothing = 0.0,
    penalty: NonNegative = 0.0,
) -> Updates:
    """The non-saturating GAN (Goodfellow et al., 2014, Algorithm 1).

    Args:
        nets: the networks.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        generator_steps: updates of the generator in an iteration.
        smoothing: label smoothing: targets are drawn within this distance of 0 and 1.
        penalty: weight of the zero-centred gradient penalty R1 on real samples (Mescheder et al., 2018).
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        loss = bce(real_logits, 1, smoothing) + bce(fake_logits, 0, smoothing)
        if penalty:
            loss = loss + penalty * zero_gradient_penalty(D, real, *condition)
        yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    for _ in range(generator_steps):
        _, z, *condition = draw()
        yield G, bce(D(G(z, *condition), *condition), 1, smoothing)


@augmentable
def least_squares(nets: Networks, draw: Draw, *, discriminator_steps: Count = 1, generator_steps: Count = 1) -> Updates:
    """The least-squares GAN with targets +1 for real and -1 for fake (Mao et al., 2017).

    Args:
        nets: the networks.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        generator_steps: updates of the generator in an iteration.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        loss = mse(real_logits, 1) + mse(fake_logits, -1)
        yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    for _ in range(generator_steps):
        _, z, *condition = draw()
        yield G, mse(D(G(z, *condition), *condition), 1)


@augmentable
@critic
def wasserstein(nets: Networks, draw: Draw, *, critic_steps: Count = 5, clip: Positive = 0.01) -> Updates:
    """The Wasserstein GAN with clipped weights (Arjovsky et al., 2017, Algorithm 1).

    Args:
        nets: the networks; the discriminator is the critic.
        draw: draws a batch.
        critic_steps: updates of the critic in an iteration.
        clip: the critic's weights are clipped to [-clip, clip] after each of its updates.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(critic_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        distance = mean(real_logits) - mean(fake_logits)
        yield D, -distance, {"wasserstein_estimate": distance.detach()}
        with torch.no_grad():
            for weight in D.parameters():
                weight.clamp_(-clip, clip)
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))


@augmentable
@critic
def wasserstein_gp(nets: Networks, draw: Draw, *, critic_steps: Count = 5, penalty: NonNegative = 10.0) -> Updates:
    """The Wasserstein GAN with a gradient penalty (Gulrajani et al., 2017, Algorithm 1).

    Args:
        nets: the networks; the discriminator is the critic.
        draw: draws a batch.
        critic_steps: updates of the critic in an iteration.
        penalty: weight of the gradient penalty.
    """
    G, D = nets.generator, nets.discriminator
    for _ in range(critic_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        real_logits, fake_logits = real_and_fake_logits(D, real, fake, *condition)
        distance = mean(real_logits) - mean(fake_logits)
        loss = -distance + penalty * unit_gradient_penalty(D, real, fake, *condition)
        yield D, loss, {"wasserstein_estimate": distance.detach()}
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))
