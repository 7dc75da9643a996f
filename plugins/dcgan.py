"""dcgan: convolutional networks (Radford et al., 2016)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.parts.builders import conv_discriminator, conv_generator
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import Parts, hookimpl


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
STUDENT = PUBLISHED | {"generator.gain": 0.0, "discriminator.gain": 0.0}  # as found in student code


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
