"""fastgan: skip-layer excitation, and a discriminator that rebuilds images from its features (Liu et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import (
    F,
    NonNegative,
    Parts,
    Range,
    Task,
    accuracy,
    augmentable,
    halvings,
    mae,
    mean,
    nn,
    require_parts,
    stop_gradient,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.parts import Draw, Networks, Updates

Width = Annotated[int, Range(least=2, most=2**10)]


@augmentable
def fastgan(nets: Networks, draw: Draw, *, reconstruction: NonNegative = 1.0) -> Updates:
    """FastGAN: hinge losses with random margins, and images that are rebuilt from D's features (Liu et al., 2021).

    Both updates judge the same generated images, augmented alike.

    Args:
        nets: the networks.
        draw: draws a batch.
        reconstruction: weight of the errors of real images that D's decoders rebuild.
    """
    G = require_parts(nets.generator, "sizes")
    D = require_parts(nets.discriminator, "entry", "judge", "rebuild")
    real, z, *_ = draw()
    image, side = G.sizes(z)
    seen, seen_image, seen_side = D.entry(real), D.entry(image), D.entry(side)
    real_logits, maps = D.judge(seen, seen)
    fake_logits, _ = D.judge(stop_gradient(seen_image), stop_gradient(seen_side))
    loss = mean(F.relu(margins(real_logits) - real_logits)) + mean(F.relu(margins(fake_logits) + fake_logits))
    if reconstruction:
        quarters = torch.randint(4, (len(real),), device=real.device)
        targets = D.targets(seen, quarters)
        errors = [difference(made, target) for made, target in zip(D.rebuild(maps, quarters), targets, strict=True)]
        loss = loss + reconstruction * torch.stack(errors).sum()
    yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    yield G, -mean(D.judge(seen_image, seen_side)[0])


def margins(logits: Tensor) -> Tensor:
    """A margin from 0.8 to 1 for each logit."""
    return 0.8 + 0.2 * torch.rand_like(logits, dtype=torch.float32)


def difference(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of images ``(N, C, H, W)``, averaged over three sizes of them."""
    sizes = [(F.avg_pool2d(one, by), F.avg_pool2d(other, by)) for by in (1, 2, 4)]
    return torch.stack([mae(*pair) for pair in sizes]).mean()


def excited_generator(task: Task, *, width: Width = 16) -> nn.Module:
    """A generator with gated linear units, whose small maps scale the channels of large ones (Liu et al., 2021).

    Args:
        task: what the network has to fit.
        width: channels at 128x128 pixels; twice as many at 32x32 and 64x64, up to 16 times as many at 4x4.
    """
    from .networks import Generator

    return Generator(task, width, *sizes_of(task, width))


def rebuilding_discriminator(task: Task, *, width: Width = 16) -> nn.Module:
    """A discriminator of patches, with decoders that rebuild the image from its features (Liu et al., 2021).

    Args:
        task: what the network has to fit.
        width: an eighth of the channels at 8x8 pixels; half as many at each doubling of the sides.
    """
    from .networks import Discriminator

    return Discriminator(task, width, *sizes_of(task, width))


def sizes_of(task: Task, width: int) -> tuple[int, tuple[int, int]]:
    """How often the sides are halved, and what is left of them then.

    Raises:
        GanzooError: the samples are no images, or of other sides.
    """
    if len(task.shape) != 3:
        raise GanzooError(
            f"fastgan makes images, and {task.data_name} has none; take a dense GAN (ganzoo train simple)"
        )
    steps, small = halvings(task, "fastgan", width)
    if steps < 2:
        shape = "x".join(map(str, task.shape))
        raise GanzooError(f"fastgan makes images of at least 16x16 pixels, not {shape}; try --image-size 32")
    return steps, small


PUBLISHED = {
    "generator.width": 64,
    "discriminator.width": 64,
    "latent_dim": 256,
    "batch_size": 8,
    "iterations": 50_000,
    "augmentation": "diffaugment",
    "augmentation.flips": True,
    "augmentation.cutout": 0.0,
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"fastgan": fastgan}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"fastgan": excited_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"fastgan": rebuilding_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="fastgan",
        summary="skip-layer excitation, and a discriminator that rebuilds images from its features",
        paper="Liu et al., 2021, arXiv:2101.04775",
        generator="fastgan",
        discriminator="fastgan",
        trainer="fastgan",
        data="emoji32",
        settings={"iterations": 5000, "batch_size": 32, "lr": 2e-4, "lr_schedule": "constant"},
        presets={"published": PUBLISHED},
    )
