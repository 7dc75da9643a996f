"""dcgan: convolutional networks (Radford et al., 2016)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl
from ganzoo.parts import Parts, conv_discriminator, conv_generator


@hookimpl
def ganzoo_generators() -> Parts:
    return {"dcgan": conv_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"dcgan": conv_discriminator}


PUBLISHED = {
    "norm": "batch",
    "generator_steps": 1,
    "generator.width": 64,
    "discriminator.width": 64,
    "lr": 2e-4,
    "batch_size": 128,
    "latent_dim": 100,
    "lr_schedule": "constant",
}
STUDENT = PUBLISHED | {"generator.gain": 0.0, "discriminator.gain": 0.0}  # as some published student code has it


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="dcgan",
        summary="convolutional networks sized by the image",
        paper="Radford et al., 2016, arXiv:1511.06434",
        generator="dcgan",
        discriminator="dcgan",
        trainer="non-saturating",
        settings={"iterations": 8000, "lr": 5e-4, "norm": "instance", "generator_steps": 2},
        presets={"published": PUBLISHED, "student": STUDENT},
    )
