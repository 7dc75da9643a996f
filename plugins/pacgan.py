"""pacgan: the discriminator judges several samples at once (Lin et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.hookspecs import Parts, hookimpl
from ganzoo.nets import conv_discriminator, dense_discriminator, packed
from ganzoo.spec import GAN

PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "packed-dcgan",
    "generator.width": 64,
    "discriminator.width": 64,
    "discriminator.norm": "batch",
    "generator_steps": 2,
    "lr": 2e-4,
    "batch": 128,  # the paper's 64 packs of two
    "latent": 100,
    "distribution": "uniform",
    "decay": "constant",
}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"packed-dense": packed(dense_discriminator), "packed-dcgan": packed(conv_discriminator)}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="pacgan",
        summary="D judges packs of samples, so that it sees when they are too much alike",
        paper="Lin et al., 2018, arXiv:1712.04086",
        generator="dense",
        discriminator="packed-dense",
        trainer="non-saturating",
        settings={"rounds": 10000, "lr": 1e-3, "batch": 128},
        presets={"published": PUBLISHED},
    )
