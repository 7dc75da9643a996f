"""wgan-gp: the Wasserstein GAN with a gradient penalty (Gulrajani et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl
from ganzoo.parts import Parts, wasserstein_gp

PUBLISHED = {
    "generator": "dcgan",
    "discriminator": "dcgan",
    "discriminator.norm": "none",  # batch normalisation would couple the samples, and the penalty is per sample
    "critic_steps": 5,
    "penalty": 10.0,
    "lr": 1e-4,
    "beta1": 0.0,
    "beta2": 0.9,
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"wgan-gp": wasserstein_gp}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="wgan-gp",
        summary="Wasserstein critic with a penalty that keeps its gradient near norm 1",
        paper="Gulrajani et al., 2017, arXiv:1704.00028",
        generator="dense",
        discriminator="dense",
        trainer="wgan-gp",
        settings={"iterations": 12000, "lr": 5e-4, "beta1": 0.0, "beta2": 0.9, "critic_steps": 2, "penalty": 10.0},
        presets={"published": PUBLISHED},
    )
