"""sngan-projection: a class-conditional GAN whose D projects features onto the class (Miyato & Koyama, 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import Parts, Size, Task, halvings, nn

PUBLISHED = {
    "generator.width": 256,
    "discriminator.width": 128,
    "iterations": 50_000,
}


def projection_generator(task: Task, *, width: Size = 32) -> nn.Module:
    """A residual generator with class-conditional batch normalisation (Miyato & Koyama, 2018).

    Args:
        task: what the network has to fit.
        width: channels of all blocks.
    """
    from .networks import Generator

    steps, small = halvings(task, "this generator", width)
    return Generator(task, classes_of(task), width, steps, small)


def projection_discriminator(task: Task, *, width: Size = 32) -> nn.Module:
    """A residual discriminator with spectral normalisation, and a projection onto the class (Miyato & Koyama, 2018).

    Args:
        task: what the network has to fit.
        width: channels of all blocks.
    """
    from .networks import Discriminator

    if len(task.shape) != 3 or min(task.shape[1:]) < 4:
        shape = "x".join(map(str, task.shape))
        raise GanzooError(f"this discriminator takes images of at least 4x4 pixels, not {shape}; try --data emoji32")
    return Discriminator(task.shape[0], classes_of(task), width)


def classes_of(task: Task) -> int:
    """The number of classes; GanzooError for data without labels, or with other conditions."""
    name = task.data_name
    if not task.num_classes:
        raise GanzooError(f"sngan-projection is class-conditional, and {name} has no labels; try --data emoji32")
    if task.condition:
        raise GanzooError(f"sngan-projection takes labels alone, and {name} also has conditions")
    return task.num_classes


@hookimpl
def ganzoo_generators() -> Parts:
    return {"projection": projection_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"projection": projection_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="sngan-projection",
        summary="class-conditional residual networks; D multiplies its features with the class",
        paper="Miyato & Koyama, 2018, arXiv:1802.05637",
        generator="projection",
        discriminator="projection",
        trainer="hinge",
        conditional=True,
        data="emoji32",
        settings={
            "iterations": 2000,
            "latent_dim": 128,
            "discriminator_steps": 5,
            "lr": 2e-4,
            "beta1": 0.0,
            "beta2": 0.9,
        },
        presets={"published": PUBLISHED},
    )
