"""cgan: generator and discriminator are told the class (Mirza & Osindero, 2014)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.parts.builders import (
    Norm,
    conv_discriminator,
    conv_generator,
    dense_discriminator,
    dense_generator,
    labelled_discriminator,
    labelled_generator,
)
from ganzoo.parts.task import Task
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import Parts, hookimpl
from ganzoo.util.optional import nn


def conditional_dense_generator(
    task: Task, *, embedding: int = 16, widths: tuple[int, ...] = (128, 256, 512, 1024), norm: Norm = "batch"
) -> nn.Module:
    """The dense generator; an embedding of the label is joined to z."""
    return labelled_generator(task, dense_generator, embedding, widths=widths, norm=norm)


def conditional_dense_discriminator(
    task: Task, *, embedding: int = 128, widths: tuple[int, ...] = (512, 256), norm: Norm = "none"
) -> nn.Module:
    """The dense discriminator; an embedding of the label is joined to the flat sample."""
    return labelled_discriminator(task, dense_discriminator, embedding, widths=widths, norm=norm)


def conditional_conv_generator(task: Task, *, embedding: int = 16, width: int = 32) -> nn.Module:
    """The DCGAN generator; an embedding of the label is joined to z."""
    return labelled_generator(task, conv_generator, embedding, width=width)


def conditional_conv_discriminator(task: Task, *, width: int = 32, norm: Norm = "batch") -> nn.Module:
    """The DCGAN discriminator; an embedding of the label is one more plane of the image."""
    return labelled_discriminator(task, conv_discriminator, width=width, norm=norm)


@hookimpl
def ganzoo_generators() -> Parts:
    return {"cgan-dense": conditional_dense_generator, "cgan-conv": conditional_conv_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"cgan-dense": conditional_dense_discriminator, "cgan-conv": conditional_conv_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="cgan",
        summary="images of the class that is asked for",
        paper="Mirza & Osindero, 2014, arXiv:1411.1784",
        conditional=True,
        generator="cgan-dense",
        discriminator="cgan-dense",
        trainer="non-saturating",
        settings={"iterations": 9000, "lr": 1e-3},
        presets={
            "wgan-gp": {"trainer": "wgan-gp", "beta1": 0.0, "beta2": 0.9, "lr": 5e-4, "critic_steps": 2},
            "published": {
                "trainer": "wgan-gp",
                "generator": "cgan-conv",
                "discriminator": "cgan-conv",
                "discriminator.norm": "instance",
                "lr": 1e-4,
                "beta1": 0.0,
                "beta2": 0.9,
                "lr_schedule": "constant",
            },
        },
    )
