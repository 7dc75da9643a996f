"""The trainer of the privileged GANs: one iteration of parent and child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from ganzoo import GanzooError
from ganzoo.parts import (
    NonNegative,
    Unless,
    accuracy,
    bce,
    real_and_fake_logits,
    require_parts,
    stop_gradient,
    torch,
    without_grad,
    zero_gradient_penalty,
)

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Task, Updates


def privileged(
    nets: Networks,
    draw: Draw,
    *,
    parent_signal: Literal["none", "failures", "critic", "offset"] = "none",
    signal_weight: Annotated[NonNegative, Unless("parent_signal", "none", "offset")] = 1.0,
    child_fake: Literal["parent", "noise"] = "parent",
    reconstruction: NonNegative = 0.0,
    penalty: NonNegative = 0.0,
) -> Updates:
    """One iteration of the child on its parent's images, and of the parent itself if it is trained jointly.

    Source: Privileged-GAN (student project), versions 1 and 2.

    Args:
        nets: the networks: the child's A and D2, the parent's G1 and D1.
        draw: draws a batch.
        parent_signal: what the child learns besides. ``failures``: parent images are further negatives of D2, weighted
            by how surely D1 rejects them. ``critic``: D1 judges the child's images too. ``offset``: the published
            constant, which has no gradient. ``none``: nothing.
        signal_weight: weight of that signal, ``failures`` or ``critic``.
        child_fake: input of the child in the update of D2: the parent's images, or noise as published.
        reconstruction: weight of |A(y) - y|, y being the parent's images.
        penalty: weight of the zero-centred gradient penalty on D2 at real samples.
    """
    A, D2, parent = require_parts(nets.generator, "child").child, nets.discriminator, parent_of(nets)
    G1, D1 = parent.generator, parent.discriminator
    real, z = draw()
    parent_loss = torch.zeros((), device=real.device)
    if parent.is_frozen:
        y = without_grad(G1, z)
    else:
        y = G1(z)
        parent_loss = bce(D1(real), 1) + bce(D1(y), 0)
        yield D1, parent_loss
        yield G1, bce(D1(y), 1)
        y = stop_gradient(y)  # part of the method: the parent gets no gradient from the child

    fake = without_grad(A, torch.randn_like(real) if child_fake == "noise" else y)
    real_logits, fake_logits = real_and_fake_logits(D2, real, fake)
    loss = bce(real_logits, 1) + bce(fake_logits, 0)
    if parent_signal == "failures":
        rejection = torch.sigmoid(-without_grad(D1, y).float())
        loss = loss + signal_weight * bce(D2(y), 0, weights=rejection / rejection.mean().clamp_min(1e-12))
    if parent_signal == "offset":
        loss = loss + parent_loss.detach()
    if penalty:
        loss = loss + penalty * zero_gradient_penalty(D2, real)
    yield D2, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}

    refined = A(y)
    loss = bce(D2(refined), 1)
    if parent_signal == "critic":
        loss = loss + signal_weight * bce(D1(refined), 1)
    if reconstruction:
        loss = loss + reconstruction * (refined - y).abs().mean()
    yield nets.generator, loss


def parent_of(child: Networks | Task) -> Networks:
    """The parent's networks; GanzooError where a part of these GANs is used without a parent."""
    if child.parent is None:
        raise GanzooError(
            "a privileged child refines a parent's images, and this GAN has no parent (--set parent=simple)"
        )
    return child.parent
