"""srgan and esrgan: images that are two, four or eight times as large as the given ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import Parts, Range, Size, Task, halvings, nn

from .published import load_published
from .trainers import esrgan, srgan

__all__ = ["load_published"]

FACTORS = (2, 4, 8)
UNSHUFFLED = (1, 2, 4)

SETTINGS = {
    "iterations": 3000,
    "batch_size": 16,
    "lr": 4e-4,
    "beta1": 0.9,
    "beta2": 0.99,
    "ttur": 0.25,
    "pixel_range": "unit",
}

PUBLISHED = {
    "generator.blocks": 23,
    "generator.width": 64,
    "generator.growth": 32,
    "discriminator.width": 64,
    "discriminator.norm": "batch",
    "lr": 1e-4,
    "ttur": 1.0,
    "lr_schedule": "four-halvings",
    "iterations": 400_000,
}
"""The published sizes and schedule. The published content loss needs a trained VGG, which is not here."""


def rrdb(
    task: Task,
    *,
    blocks: Size = 4,
    width: Size = 32,
    growth: Size = 16,
    unshuffle: Annotated[int, Range(least=1, most=4)] = 1,
) -> nn.Module:
    """Residual-in-residual dense blocks, then a doubling of the sides for each power of two (Wang et al., 2018).

    Args:
        task: what the network has to fit.
        blocks: residual-in-residual dense blocks of 15 convolutions.
        width: channels between the blocks.
        growth: channels that each convolution of a block adds.
        unshuffle: 2 or 4: each square of that side becomes one pixel first, which is faster, and is enlarged more.
    """
    from .networks import RRDBNet

    factor = factor_of(task)
    if unshuffle not in UNSHUFFLED or factor * unshuffle not in FACTORS:
        raise GanzooError(
            f"an RRDB network enlarges 2, 4 or 8 times, and not {factor * unshuffle} times: a factor of {factor} with "
            f"unshuffle={unshuffle}; choose another one, as in --data lowres:NAME,factor=4"
        )
    return RRDBNet(
        task.condition[0],
        task.shape[0],
        factor=factor,
        blocks=blocks,
        width=width,
        growth=growth,
        unshuffle=unshuffle,
        limits=task.range,
    )


def vgg(task: Task, *, width: Size = 32, units: Size = 100, norm: Literal["none", "batch"] = "none") -> nn.Module:
    """Pairs of convolutions that halve the sides to 4 to 7, after VGG; has ``features`` (Ledig et al., 2017).

    Args:
        task: what the network has to fit.
        width: channels of the first pair; each later one has twice as many, up to 8 times.
        units: of the dense layer before the logit.
        norm: normalisation of all convolutions but the first.
    """
    from .networks import VGG

    factor_of(task)
    return VGG(task.shape[0], width, units, *halvings(task, "this discriminator", width), batch_norm=norm == "batch")


def factor_of(task: Task) -> int:
    """How many times as large as its condition a sample is; GanzooError for all but images from images."""
    name = task.data_name
    if len(task.condition) != 3 or len(task.shape) != 3:
        raise GanzooError(f"this GAN enlarges images, and {name} has no smaller ones; try --data lowres:emoji32")
    if task.num_classes:
        raise GanzooError(f"this GAN enlarges images and takes no labels, and {name} has some")
    (high, more_high), (wide, more_wide) = (
        divmod(large, small) for large, small in zip(task.shape[1:], task.condition[1:], strict=True)
    )
    if more_high or more_wide or high != wide:
        given, made = ("x".join(map(str, shape[1:])) for shape in (task.condition, task.shape))
        raise GanzooError(f"this GAN enlarges both sides alike, and {name} has {made} from {given}")
    return high


def first_quarter(progress: float) -> float:
    """1 for the first quarter, then 0.

    >>> [first_quarter(progress) for progress in (0.2, 0.25)]
    [1.0, 0.0]
    """
    return float(progress < 1 / 4)


def first_half(progress: float) -> float:
    """1 for the first half, then 0.

    >>> [first_half(progress) for progress in (0.4, 0.5)]
    [1.0, 0.0]
    """
    return float(progress < 1 / 2)


def four_halvings(progress: float) -> float:
    """Halved after an eighth, a quarter, half and three quarters, as in ESRGAN (Wang et al., 2018).

    >>> [four_halvings(progress) for progress in (0.1, 0.2, 0.3, 0.6, 0.9)]
    [1.0, 0.5, 0.25, 0.125, 0.0625]
    """
    return 0.5 ** sum(progress >= end for end in (1 / 8, 1 / 4, 1 / 2, 3 / 4))


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"srgan": srgan, "esrgan": esrgan}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"rrdb": rrdb}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"vgg": vgg}


@hookimpl
def ganzoo_schedules() -> Parts:
    return {"first-quarter": first_quarter, "first-half": first_half, "four-halvings": four_halvings}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="srgan",
        summary="super-resolution: enlarges images, with a discriminator for detail",
        paper="Ledig et al., 2017, arXiv:1609.04802",
        generator="rrdb",
        discriminator="vgg",
        trainer="srgan",
        conditional=True,
        data="lowres:emoji32",
        settings=SETTINGS,
    )
    yield GAN(
        name="esrgan",
        summary="super-resolution against a relativistic discriminator; reads published weights",
        paper="Wang et al., 2018, arXiv:1809.00219",
        generator="rrdb",
        discriminator="vgg",
        trainer="esrgan",
        conditional=True,
        data="lowres:emoji32",
        settings=SETTINGS,
        presets={"published": PUBLISHED},
    )
