"""lsgan: least squares in place of cross-entropy (Mao et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import hookimpl


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="lsgan",
        summary="convolutional networks and least squares; samples far from the data keep their gradient",
        paper="Mao et al., 2017, arXiv:1611.04076",
        generator="dcgan",
        discriminator="dcgan",
        trainer="least-squares",
        settings={"iterations": 8000, "lr": 5e-4, "norm": "instance", "generator_steps": 2},
    )
