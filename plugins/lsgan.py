"""lsgan: mean squared error instead of cross-entropy (Mao et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import GAN, hookimpl


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="lsgan",
        summary="convolutional networks with least-squares losses, whose gradients do not saturate",
        paper="Mao et al., 2017, arXiv:1611.04076",
        generator="dcgan",
        discriminator="dcgan",
        trainer="least-squares",
        settings={"iterations": 8000, "lr": 5e-4, "norm": "instance", "generator_steps": 2},
    )
