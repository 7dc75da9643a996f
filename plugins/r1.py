"""r1: the non-saturating game with a zero-centred gradient penalty on real samples (Mescheder et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import hookimpl

PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "dcgan",
    "discriminator.norm": "none",  # batch normalisation would couple the samples that the penalty takes one by one
    "optimizer": "rmsprop",
    "lr": 1e-4,
    "penalty": 10.0,
    "latent_dim": 256,
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="r1",
        summary="a penalty flattens D at real samples, which makes the game converge",
        paper="Mescheder et al., 2018, arXiv:1801.04406",
        generator="dense",
        discriminator="dense",
        trainer="non-saturating",
        settings={"iterations": 10000, "lr": 1e-3, "beta1": 0.0, "beta2": 0.99, "penalty": 1.0},
        presets={"published": PUBLISHED},
    )
