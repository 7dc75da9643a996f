"""r1: the non-saturating GAN with a zero-centred gradient penalty on real samples (Mescheder et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl

PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "dcgan",
    "discriminator.norm": "none",  # batch normalisation would couple the samples, and the penalty is per sample
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
        summary="a penalty on D's gradient at real samples, with which training converges locally",
        paper="Mescheder et al., 2018, arXiv:1801.04406",
        generator="dense",
        discriminator="dense",
        trainer="non-saturating",
        settings={"iterations": 10000, "lr": 1e-3, "beta1": 0.0, "beta2": 0.99, "penalty": 1.0},
        presets={"published": PUBLISHED},
    )
