"""The game of the privileged GANs: one iteration of parent and child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ganzoo.parts.losses import accuracy, bce, real_and_fake_logits, stop_gradient, without_grad, zero_gradient_penalty
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from ganzoo.parts.networks import Networks
    from ganzoo.parts.task import Task
    from ganzoo.parts.trainers import Draw, Updates


def privileged(
    nets: Networks,
    draw: Draw,
    *,
    parent_signal: Literal["none", "failures", "critic", "offset"] = "none",
    signal_weight: float = 1.0,
    child_fake: Literal["parent", "noise"] = "parent",
    reconstruction: float = 0.0,
    penalty: float = 0.0,
) -> Updates:
    """The child's game over its parent's images, and in the same iteration the parent's own if it is not frozen.

    ``parent_signal`` says what else the child learns from: ``failures``, parent images as further negatives of D2,
    each weighted by how surely D1 rejects it; ``critic``, D1's own verdict on the child; ``offset``, the published
    constant, which changes nothing. ``reconstruction`` weighs |A(y) - y|, ``penalty`` a zero-centred one on D2.
    """
    A, D2, parent = nets.generator.get_submodule("child"), nets.discriminator, parent_of(nets)
    G1, D1 = parent.generator, parent.discriminator
    real, z = draw()
    parent_loss = torch.zeros((), device=real.device)
    if parent.frozen:
        y = without_grad(G1, z)
    else:
        y = G1(z)
        parent_loss = bce(D1(real), 1) + bce(D1(y), 0)
        yield D1, parent_loss
        yield G1, bce(D1(y), 1)
        y = stop_gradient(y)  # part of the method: nothing returns to the parent

    fake = without_grad(A, torch.randn_like(real) if child_fake == "noise" else y)
    on_real, on_fake = real_and_fake_logits(D2, real, fake)
    loss = bce(on_real, 1) + bce(on_fake, 0)
    if parent_signal == "failures":
        doubts = torch.sigmoid(-without_grad(D1, y).float())
        loss = loss + signal_weight * bce(D2(y), 0, weights=doubts / doubts.mean().clamp_min(1e-12))
    if parent_signal == "offset":
        loss = loss + parent_loss.detach()
    if penalty:
        loss = loss + penalty * zero_gradient_penalty(D2, real)
    yield D2, loss, {"discriminator_accuracy": accuracy(on_real, on_fake)}

    refined = A(y)
    loss = bce(D2(refined), 1)
    if parent_signal == "critic":
        loss = loss + signal_weight * bce(D1(refined), 1)
    if reconstruction:
        loss = loss + reconstruction * (refined - y).abs().mean()
    yield nets.generator, loss


def parent_of(place: Networks | Task) -> Networks:
    """The parent's networks; :class:`GanzooError` where a part of these GANs is used without a parent."""
    if place.parent is None:
        raise GanzooError(
            "a privileged child refines a parent's images, and this GAN has no parent (--set parent=simple)"
        )
    return place.parent
