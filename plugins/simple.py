"""simple: two fully connected networks (Goodfellow et al., 2014)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.hookspecs import Parts, hookimpl
from ganzoo.nets import dense_discriminator, dense_generator
from ganzoo.spec import GAN
from ganzoo.trainers import least_squares, non_saturating


@hookimpl
def ganzoo_generators() -> Parts:
    return {"dense": dense_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"dense": dense_discriminator}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"non-saturating": non_saturating, "least-squares": least_squares}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="simple",
        summary="two fully connected networks; learns fastest on a CPU",
        paper="Goodfellow et al., 2014, arXiv:1406.2661",
        generator="dense",
        discriminator="dense",
        trainer="non-saturating",
        settings={"rounds": 12000, "lr": 1e-3, "discriminator.widths": (512, 256)},
    )
