"""r3gan: a relativistic pairing loss with penalties on real and generated samples (Huang et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import (
    Count,
    F,
    Parts,
    Range,
    Scheduled,
    Size,
    Task,
    accuracy,
    augmentable,
    cosine,
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


Penalty = Annotated[Scheduled, Range(least=0)]
Width = Annotated[int, Range(least=1, most=2**12)]
Blocks = Annotated[int, Range(least=1, most=64)]
FULL = 32
"""Height and width up to which all sizes have the same number of channels."""


@augmentable
@paired
def relativistic(nets: Networks, draw: Draw, *, discriminator_steps: Count = 1, penalty: Penalty = 1.0) -> Updates:
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


def quarter_cosine(progress: float) -> float:
    """Half a period of a cosine, to a quarter (Huang et al., 2024).

    >>> [round(quarter_cosine(progress), 12) for progress in (0, 0.5, 1)]
    [1.0, 0.625, 0.25]
    """
    return 0.25 + 0.75 * cosine(progress)


def r3_generator(task: Task, *, width: Width = 96, blocks: Blocks = 1, group: Size = 16) -> nn.Module:
    """The residual generator of R3GAN, without normalisation (Huang et al., 2024).

    Args:
        task: what the network has to fit.
        width: channels up to 32x32 pixels; half as many at each further doubling of the sides.
        blocks: residual blocks at each size.
        group: channels in each group of a grouped convolution.
    """
    from .published import Generator

    widths, small = sizes(task, width)
    return Generator(task, widths, small, group, blocks)


def r3_discriminator(task: Task, *, width: Width = 96, blocks: Blocks = 1, group: Size = 16) -> nn.Module:
    """The residual discriminator of R3GAN, without normalisation (Huang et al., 2024).

    Args:
        task: what the network has to fit.
        width: channels up to 32x32 pixels; half as many at each further doubling of the sides.
        blocks: residual blocks at each size.
        group: channels in each group of a grouped convolution.
    """
    from .published import Discriminator

    widths, small = sizes(task, width)
    return Discriminator(task, widths[::-1], small, group, blocks)


def sizes(task: Task, width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels at each size, the smallest first; and height and width of the smallest.

    Raises:
        GanzooError: the samples are no images, or of other sides.
    """
    if len(task.shape) != 3:
        raise GanzooError(f"the networks of r3gan take images, and {task.data_name} has none; use r3gan --preset dense")
    steps, small = halvings(task, "a network of r3gan", width)
    sides = [max(small) * 2**step for step in range(steps + 1)]
    return [max(1, width // 2 ** max(0, (side - 1) // FULL).bit_length()) for side in sides], small


def residual_generator(task: Task, *, width: Size = 16) -> nn.Module:
    """A residual generator after that of R3GAN, which is wider at small sizes (Huang et al., 2024, made small).

    Args:
        task: what the network has to fit.
        width: channels next to the image; twice as many at each halving of the sides.
    """
    from .networks import generator

    return generator(task, width, *halvings(task, "a residual generator", width))


def residual_discriminator(task: Task, *, width: Size = 16) -> nn.Module:
    """A residual discriminator after that of R3GAN, which is wider at small sizes (Huang et al., 2024, made small).

    Args:
        task: what the network has to fit.
        width: channels next to the image; twice as many at each halving of the sides.
    """
    from .networks import discriminator

    return discriminator(task, width, *halvings(task, "a residual discriminator", width))


DENSE = {  # as the shipped weights were trained
    "generator": "dense",
    "discriminator": "dense",
    "generator.norm": "none",
    "generator.hidden": "leaky",
    "iterations": 10_000,
    "lr": 5e-4,
    "lr_schedule": "linear",
    "penalty": 5.0,
}
PUBLISHED = {  # for CIFAR-10; half-life of the average: 5 million images
    "generator.width": 768,
    "discriminator.width": 768,
    "generator.blocks": 2,
    "discriminator.blocks": 2,
    "augmentation": "diffaugment",
    "augmentation.p": "cosine:0..0.55",
    "augmentation.flips": True,
    "iterations": 39_063,
    "batch_size": 512,
    "penalty": "cosine:0.05..0.005",
    "beta2": "cosine:0.9..0.99",
    "ema": "cosine:0..0.99993",
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"relativistic": relativistic}


@hookimpl
def ganzoo_schedules() -> Parts:
    return {"quarter-cosine": quarter_cosine}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"r3": r3_generator, "residual": residual_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"r3": r3_discriminator, "residual": residual_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="r3gan",
        summary="relativistic pairing loss with two gradient penalties and no normalisation",
        paper="Huang et al., 2024, arXiv:2501.05441",
        generator="r3",
        discriminator="r3",
        trainer="relativistic",
        data="emoji32",
        settings={
            "iterations": 2000,
            "lr": 2e-4,
            "lr_schedule": "quarter-cosine",
            "beta1": 0.0,
            "beta2": 0.99,
            "penalty": "cosine:1..0.1",
        },
        presets={"dense": DENSE, "published": PUBLISHED},
    )
