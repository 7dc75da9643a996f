"""stylegan2: a light style generator for few colour pictures (Karras et al., 2020), which trains on a CPU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Count,
    F,
    NonNegative,
    Parts,
    Range,
    Size,
    Task,
    accuracy,
    augmentable,
    halvings,
    mean,
    nn,
    torch,
    without_grad,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates

Channels = Annotated[int, Range(least=1, most=2**12)]
Doubling = Literal["auto", "nearest", "mixed", "bilinear"]
SMOOTH_ABOVE = 32  # pixels of the longer side, above which the weave of nearest pixels is seen


@augmentable
def lazy_r1(
    nets: Networks, draw: Draw, iteration: int, *, penalty: NonNegative = 1.0, penalty_every: Count = 16
) -> Updates:
    """The non-saturating GAN with the penalty R1 in some iterations (Karras et al., 2020, section 4).

    Args:
        nets: the networks.
        draw: draws a batch.
        iteration: counted from 1.
        penalty: weight of the zero-centred gradient penalty on real images, half of the published gamma.
        penalty_every: iterations from one penalty to the next, which counts as often.
    """
    G, D = nets.generator, nets.discriminator
    real, z, *condition = draw()
    has_penalty = bool(penalty) and iteration % penalty_every == 1 % penalty_every
    real.requires_grad_(has_penalty)
    fake = without_grad(G, z, *condition)
    real_logits, fake_logits = D(real, *condition).float(), D(fake, *condition).float()
    loss = mean(F.softplus(-real_logits)) + mean(F.softplus(fake_logits))
    if has_penalty:  # of the same pass, so that it sees the same augmentation
        (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
        loss = loss + penalty_every * penalty * gradient.float().square().flatten(1).sum(1).mean()
    yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    _, z, *condition = draw()
    yield G, mean(F.softplus(-D(G(z, *condition), *condition).float()))


def style_generator(
    task: Task, *, width: Channels = 16, most: Channels = 256, style: Size = 128, doubling: Doubling = "auto"
) -> nn.Module:
    """A generator whose channels are scaled by a style that z is mapped to (Karras et al., 2020, made small).

    Args:
        task: what the network has to fit.
        width: channels next to the image; twice as many at each halving of the sides.
        most: largest number of channels.
        style: length of the style.
        doubling: how features are doubled: by the nearest pixel, which is sharp and leaves a weave in large images;
            mixed, with bilinear interpolation at the last doubling; or bilinear. auto is nearest up to 32 pixels, and
            then mixed.
    """
    from .networks import StyleGenerator

    features, small = widths(task, width, most, "a style generator")
    if doubling == "auto":
        doubling = "nearest" if max(task.shape[1:]) <= SMOOTH_ABOVE else "mixed"
    steps = len(features) - 1
    last = "nearest" if doubling == "nearest" else "bilinear"
    doublings = ["bilinear" if doubling == "bilinear" else "nearest"] * (steps - 1) + [last]
    return StyleGenerator(task, features[::-1], small, style, doublings)


def style_discriminator(task: Task, *, width: Channels = 16, most: Channels = 256) -> nn.Module:
    """A residual discriminator that also sees how much the images of a batch differ (Karras et al., 2020, made small).

    Args:
        task: what the network has to fit.
        width: channels next to the image; twice as many at each halving of the sides.
        most: largest number of channels.
    """
    from .networks import ResidualDiscriminator

    return ResidualDiscriminator(task, *widths(task, width, most, "this discriminator"))


def widths(task: Task, width: int, most: int, name: str) -> tuple[list[int], tuple[int, int]]:
    """Channels at each size, the image's first; and height and width of the smallest."""
    steps, small = halvings(task, name, width)
    return [min(most, width * 2**step) for step in range(steps + 1)], small


LARGER = {  # as measured at 64 pixels
    "generator.most": 128,
    "discriminator.most": 128,
    "penalty": 1.0,
    "penalty_every": 8,
    "lr": 7e-4,
    "batch_size": 16,
    "iterations": 8000,
    "lr_schedule": "late-linear",
    "augmentation": "ada",
    "augmentation.colour": False,
}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"style": style_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"style": style_discriminator}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"lazy-r1": lazy_r1}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="stylegan2",
        summary="a light style generator for few colour pictures, with augmentation as D overfits",
        paper="Karras et al., 2020, arXiv:1912.04958",
        generator="style",
        discriminator="style",
        trainer="lazy-r1",
        data="emoji32",
        default_for="images",
        settings={
            "iterations": 10000,
            "batch_size": 32,
            "lr": 1e-3,
            "beta1": 0.0,
            "beta2": 0.99,
            "penalty": 0.5,
        },
        presets={"64px": LARGER},
    )
