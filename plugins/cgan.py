"""cgan: generator and discriminator are class-conditional (Mirza & Osindero, 2014)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Norm,
    Parts,
    Size,
    Task,
    conv_discriminator,
    conv_generator,
    dense_discriminator,
    dense_generator,
    labelled_discriminator,
    labelled_generator,
    nn,
)


def conditional_dense_generator(
    task: Task, *, embedding: Size = 16, widths: tuple[Size, ...] = (128, 256, 512, 1024), norm: Norm = "batch"
) -> nn.Module:
    """The dense generator with an embedding of the label joined to z.

    Args:
        task: what the network has to fit.
        embedding: length of the label's embedding.
        widths: units of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    return labelled_generator(task, dense_generator, embedding, widths=widths, norm=norm)


def conditional_dense_discriminator(
    task: Task, *, embedding: Size = 128, widths: tuple[Size, ...] = (512, 256), norm: Norm = "none"
) -> nn.Module:
    """The dense discriminator with an embedding of the label joined to the flat sample.

    Args:
        task: what the network has to fit.
        embedding: length of the label's embedding.
        widths: units of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    return labelled_discriminator(task, dense_discriminator, embedding, widths=widths, norm=norm)


def conditional_conv_generator(task: Task, *, embedding: Size = 16, width: Size = 32) -> nn.Module:
    """The DCGAN generator with an embedding of the label joined to z.

    Args:
        task: what the network has to fit.
        embedding: length of the label's embedding.
        width: channels of the last hidden layer; each layer before it has twice as many.
    """
    return labelled_generator(task, conv_generator, embedding, width=width)


def conditional_conv_discriminator(task: Task, *, width: Size = 32, norm: Norm = "batch") -> nn.Module:
    """The DCGAN discriminator with an embedding of the label as one more channel of the image.

    Args:
        task: what the network has to fit.
        width: channels of the first layer; each layer after it has twice as many.
        norm: normalisation of the hidden layers.
    """
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
        summary="class-conditional: generates the class that is asked for",
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
