"""The trainers of GANs for super-resolution: one iteration each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from ganzoo import GanzooError
from ganzoo.parts import (
    NonNegative,
    Range,
    Scheduled,
    Unless,
    accuracy,
    bce,
    mae,
    mean,
    mirrored,
    paired,
    real_and_fake_logits,
    require_parts,
    stop_gradient,
    torch,
    without_grad,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ganzoo.parts import Draw, Networks, Updates

Adversarial = Annotated[Scheduled, Range(least=0)]
Matching = Annotated[NonNegative, Unless("adversarial", 0.0)]


def srgan(
    nets: Networks,
    draw: Draw,
    *,
    l1: NonNegative = 1.0,
    adversarial: Adversarial = "first-half:0.0..0.005",  # type: ignore[assignment]
    feature_matching: Matching = 0.1,
    flips: bool = True,
) -> Updates:
    """The non-saturating GAN with a content loss: pixels, and features of the discriminator (Ledig et al., 2017).

    Where ``adversarial`` is 0, G alone is trained, on pixels alone.

    Args:
        nets: the networks; the discriminator has ``features``, unless they do not count.
        draw: draws a batch.
        l1: weight of the mean absolute difference from the right image.
        adversarial: weight of G's loss against D, such as 0.005, or 0 in the first half: first-half:0..0.005.
        feature_matching: weight of the mean absolute difference of D's features, in place of those of a VGG.
        flips: turn each pair left to right, and upside down, with a chance of one half each.
    """
    if not (l1 or adversarial):
        raise GanzooError("l1=0 leaves no loss while adversarial is 0; set one of them above 0")
    G, D = nets.generator, nets.discriminator
    real, z, *condition = draw()
    if flips:
        for axis in (-1, -2):
            real, *condition = mirrored(real, *condition, axis=axis)
    if adversarial:
        real_logits, fake_logits = real_and_fake_logits(D, real, without_grad(G, z, *condition), *condition)
        loss = bce(real_logits, 1) + bce(fake_logits, 0)
        yield D, loss, {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    fake = G(z, *condition)
    distance = mae(fake, real)
    loss = l1 * distance
    if adversarial:
        fake_logits, made = judged(D, fake, *condition, features=bool(feature_matching))
        loss = loss + adversarial * bce(fake_logits, 1)
        if feature_matching:
            _, right = judged(D, real, *condition, features=True)
            loss = loss + feature_matching * feature_distance(made, right)
    yield G, loss, {"l1": distance.detach()}


@paired
def esrgan(
    nets: Networks,
    draw: Draw,
    *,
    l1: NonNegative = 1.0,
    adversarial: Adversarial = "first-half:0.0..0.005",  # type: ignore[assignment]
    feature_matching: Matching = 0.1,
    flips: bool = True,
) -> Updates:
    """The relativistic average GAN with a content loss: pixels, and features of the discriminator (Wang et al., 2018).

    D tells how much more real a real image is than generated ones on average, and the other way around. G is updated
    first. Where ``adversarial`` is 0, G alone is trained, on pixels alone.

    Args:
        nets: the networks; the discriminator has ``features``, unless they do not count.
        draw: draws a batch.
        l1: weight of the mean absolute difference from the right image.
        adversarial: weight of G's loss against D, such as 0.005, or 0 in the first half: first-half:0..0.005.
        feature_matching: weight of the mean absolute difference of D's features, in place of those of a VGG.
        flips: turn each pair left to right, and upside down, with a chance of one half each.
    """
    if not (l1 or adversarial):
        raise GanzooError("l1=0 leaves no loss while adversarial is 0; set one of them above 0")
    G, D = nets.generator, nets.discriminator
    real, z, *condition = draw()
    if flips:
        for axis in (-1, -2):
            real, *condition = mirrored(real, *condition, axis=axis)
    fake = G(z, *condition)
    distance = mae(fake, real)
    loss = l1 * distance
    if adversarial:
        fake_logits, made = judged(D, fake, *condition, features=bool(feature_matching))
        real_logits, right = judged(D, real, *condition, features=bool(feature_matching))
        loss = loss + adversarial * relativistic_average(fake_logits, stop_gradient(real_logits))
        if feature_matching:
            loss = loss + feature_matching * feature_distance(made, right)
    yield G, loss, {"l1": distance.detach()}
    if adversarial:
        real_logits, fake_logits = real_and_fake_logits(D, real, stop_gradient(fake), *condition)
        ahead, behind = real_logits - mean(fake_logits), fake_logits - mean(real_logits)
        loss = relativistic_average(real_logits, fake_logits)
        yield D, loss, {"discriminator_accuracy": accuracy(ahead, behind)}


def relativistic_average(better: Tensor, worse: Tensor) -> Tensor:
    """The loss that wants logits above the mean of others, and those below it (Jolicoeur-Martineau, 2019).

    Args:
        better: logits ``(N, 1)`` of what should look more real.
        worse: logits ``(N, 1)`` of what should look less real.
    """
    return (bce(better.float() - mean(worse), 1) + bce(worse.float() - mean(better), 0)) / 2


def judged(D: Any, samples: Tensor, *condition: Tensor, features: bool) -> tuple[Tensor, Sequence[Tensor]]:
    """D's logits ``(N, 1)`` of samples, and its features if they are asked for; one pass for both."""
    if not features:
        return D(samples, *condition), ()
    found = require_parts(D, "features", "judge").features(samples)
    return D.judge(found[-1]), found


def feature_distance(made: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """The mean absolute difference of features of generated and of right images, over all of their levels."""
    pairs = zip(made, map(stop_gradient, right), strict=True)
    return torch.stack([mae(one, other) for one, other in pairs]).mean()
