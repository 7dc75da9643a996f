"""The trainers of GANs that make images from images: one iteration each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ganzoo import GanzooError
from ganzoo.parts import (
    NonNegative,
    Range,
    accuracy,
    augmentable,
    bce,
    mae,
    mirrored,
    mse,
    real_and_fake_logits,
    require_parts,
    shifted,
    stop_gradient,
    without_grad,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates

Shift = Annotated[int, Range(least=0, most=64)]


@augmentable
def pix2pix(
    nets: Networks,
    draw: Draw,
    *,
    l1: NonNegative = 100.0,
    adversarial: NonNegative = 1.0,
    mirror: bool = True,
    shift: Shift = 0,
) -> Updates:
    """The non-saturating GAN of pairs, with the distance from the right image (Isola et al., 2017).

    Both updates use the same batch. With ``adversarial=0`` the discriminator is not trained.

    Args:
        nets: the networks.
        draw: draws a batch.
        l1: weight of the mean absolute difference from the right image.
        adversarial: weight of the generator's loss against the discriminator.
        mirror: turn each pair left to right with a chance of one half.
        shift: move each pair by up to as many pixels in each direction.
    """
    if not (l1 or adversarial):
        raise GanzooError("l1=0 and adversarial=0 leave no loss; set one of them above 0")
    G, D = nets.generator, nets.discriminator
    real, z, *condition = draw()
    if mirror:
        real, *condition = mirrored(real, *condition)
    if shift:
        real, *condition = shifted(real, *condition, by=shift)
    if adversarial:
        real_logits, fake_logits = real_and_fake_logits(D, real, without_grad(G, z, *condition), *condition)
        loss = bce(real_logits, 1) + bce(fake_logits, 0)
        yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    fake = G(z, *condition)
    distance = mae(fake, real)
    loss = l1 * distance
    if adversarial:
        loss = loss + adversarial * bce(D(fake, *condition), 1)
    yield G, loss, {"l1": distance.detach()}


def cyclegan(
    nets: Networks, draw: Draw, *, cycle: NonNegative = 10.0, identity: NonNegative = 5.0, mirror: bool = True
) -> Updates:
    """Least-squares GANs of two sets of images, there and back (Zhu et al., 2017).

    One update of both generators, then one of both discriminators, on what was generated before it and on a pool of
    older images.

    Args:
        nets: the networks.
        draw: draws a batch.
        cycle: weight of the difference between an image and what there and back make of it.
        identity: weight of the difference between an image and what the generator of its own set makes of it.
        mirror: turn each image left to right with a chance of one half.
    """
    G = require_parts(nets.generator, "back")
    D = require_parts(nets.discriminator, "samples", "conditions", "sample_pool", "condition_pool")
    b, z, a = draw()
    if mirror:
        (a,), (b,) = mirrored(a), mirrored(b)
    made_b, made_a = G(z, a), G.back(b)
    adversarial = mse(D.samples(made_b), 1) + mse(D.conditions(made_a), 1)
    cycled = mae(G.back(made_b), a) + mae(G(z, made_a), b)
    loss = adversarial + cycle * cycled
    if identity:
        if a.shape[1] != b.shape[1]:
            raise GanzooError(
                f"identity={identity:g} compares images of equal channels, and these have {a.shape[1]} and "
                f"{b.shape[1]}; set identity=0"
            )
        loss = loss + identity * (mae(G(z, b), b) + mae(G.back(a), a))
    yield G, loss, {"cycle": cycled.detach()}
    old_b, old_a = D.sample_pool(stop_gradient(made_b)), D.condition_pool(stop_gradient(made_a))
    loss_b = mse(D.samples(b), 1) + mse(D.samples(old_b), 0)
    loss_a = mse(D.conditions(a), 1) + mse(D.conditions(old_a), 0)
    yield D, (loss_b + loss_a) / 2
