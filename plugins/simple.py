"""simple: two fully connected networks (Goodfellow et al., 2014)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl
from ganzoo.parts import Parts, dense_discriminator, dense_generator, least_squares, non_saturating


@hookimpl
def ganzoo_generators() -> Parts:
    return {"dense": dense_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"dense": dense_discriminator}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"non-saturating": non_saturating, "least-squares": least_squares}


SMOOTHING = {
    "pixel_range": "unit",
    "latent_dim": 32,
    "generator.widths": (128, 256, 512),
    "discriminator.widths": (512, 256, 128, 64),
    "smoothing": 0.05,
    "generator_steps": 32,
    "lr": 2e-4,
    "ttur": 0.5,
    "batch_size": 1024,
    "lr_schedule": "constant",
}
HARD = {
    "pixel_range": "unit",
    "generator.widths": (128, 256, 512, 1024),
    "discriminator.widths": (1024, 512, 256),
    "lr": 1e-4,
    "beta1": 0.9,
    "lr_schedule": "constant",
}
LEAST_SQUARES = {
    "trainer": "least-squares",
    "pixel_range": "unit",
    "generator.hidden": "tanh",
    "generator.norm": "none",
    "discriminator.hidden": "tanh",
    "discriminator_steps": 2,
    "lr": 5e-3,
    "beta1": 0.5,
    "beta2": 0.9,
    "batch_size": 200,
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="simple",
        summary="two fully connected networks; learns fastest on a CPU",
        paper="Goodfellow et al., 2014, arXiv:1406.2661",
        generator="dense",
        discriminator="dense",
        trainer="non-saturating",
        default_for="vectors",
        settings={"iterations": 10000, "lr": 1e-3},
        presets={"smoothing": SMOOTHING, "hard-labels": HARD, "least-squares": LEAST_SQUARES},
    )
