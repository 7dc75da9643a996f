"""wgan: the Wasserstein GAN with clipped weights (Arjovsky et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl
from ganzoo.parts import Parts, wasserstein

PAPER = {
    "generator": "dcgan",
    "discriminator": "dcgan",
    "discriminator.norm": "batch",
    "clip": 0.01,
    "critic_steps": 5,
    "lr": 5e-5,
    "lr_schedule": "constant",
}
CLASSIC = {
    "optimizer": "adam",
    "lr": 5e-3,
    "beta1": 0.5,
    "beta2": 0.9,
    "clip": 1.0,
    "critic_steps": 2,
    "batch_size": 200,
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"wgan": wasserstein}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="wgan",
        summary="Wasserstein critic with clipped weights; its loss estimates a distance",
        paper="Arjovsky et al., 2017, arXiv:1701.07875",
        generator="dense",
        discriminator="dense",
        trainer="wgan",
        optimizer="rmsprop",
        settings={"iterations": 9000, "lr": 5e-4, "clip": 0.03, "generator.widths": (256, 512, 1024)},
        presets={"paper": PAPER, "classic": CLASSIC},
    )
