"""gan-qp: a GAN whose critic is held by how far apart the samples are that it compares."""

from ganzoo import GAN, hookimpl
from ganzoo.parts import mean, without_grad


def quadratic(nets, draw, *, discriminator_steps: int = 1, scale: float = 10.0):
    """A Wasserstein loss with a quadratic potential (Su, 2018)."""
    G, D = nets.generator, nets.discriminator
    for _ in range(discriminator_steps):
        real, z, *condition = draw()
        fake = without_grad(G, z, *condition)
        ahead = (D(real, *condition) - D(fake, *condition)).float()
        apart = (real - fake).float().abs().flatten(1).mean(1, keepdim=True)
        yield D, mean(ahead.square() / (2 * scale * apart) - ahead)
    _, z, *condition = draw()
    yield G, -mean(D(G(z, *condition), *condition))


@hookimpl
def ganzoo_trainers():
    return {"quadratic": quadratic}


@hookimpl
def ganzoo_gans():
    yield GAN(
        name="gan-qp",
        summary="two fully connected networks and a critic with a quadratic potential",
        paper="Su, 2018, arXiv:1811.07296",
        generator="dense",
        discriminator="dense",
        trainer="quadratic",
        settings={"iterations": 10000, "lr": 5e-4},
    )
