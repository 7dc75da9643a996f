"""hinge: a GAN whose discriminator stops pushing samples that it has judged well enough."""

from ganzoo import GAN, hookimpl
from ganzoo.lazy import F
from ganzoo.losses import fixed, mean


def hinge(nets, draw, *, discriminator_steps: int = 1):
    """The game with hinge losses (Lim & Ye, 2017)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *given = draw()
        fake = fixed(G, z, *given)
        yield D, mean(F.relu(1 - D(real, *given))) + mean(F.relu(1 + D(fake, *given)))
    _, z, *given = draw()
    yield G, -mean(D(G(z, *given), *given))


@hookimpl
def ganzoo_trainers():
    return {"hinge": hinge}


@hookimpl
def ganzoo_gans():
    yield GAN(
        name="hinge",
        summary="two fully connected networks that play with hinge losses",
        paper="Lim & Ye, 2017, arXiv:1705.02894",
        generator="dense",
        discriminator="dense",
        trainer="hinge",
        settings={"rounds": 10000, "lr": 5e-4},
    )
