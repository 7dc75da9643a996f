"""gan-qp: a GAN whose critic is held by how far apart the samples are that it compares."""

from ganzoo import GAN, hookimpl
from ganzoo.parts.losses import fixed, mean


def quadratic(nets, draw, *, discriminator_steps: int = 1, scale: float = 10.0):
    """The game with a quadratic potential (Su, 2018)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *given = draw()
        fake = fixed(G, z, *given)
        ahead = (D(real, *given) - D(fake, *given)).float()
        apart = (real - fake).float().abs().flatten(1).mean(1, keepdim=True)
        yield D, mean(ahead.square() / (2 * scale * apart) - ahead)
    _, z, *given = draw()
    yield G, -mean(D(G(z, *given), *given))


@hookimpl
def ganzoo_trainers():
    return {"quadratic": quadratic}


@hookimpl
def ganzoo_gans():
    yield GAN(
        name="gan-qp",
        summary="two fully connected networks that play with a quadratic potential",
        paper="Su, 2018, arXiv:1811.07296",
        generator="dense",
        discriminator="dense",
        trainer="quadratic",
        settings={"rounds": 10000, "lr": 5e-4},
    )
