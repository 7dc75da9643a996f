"""skip-gan: a prior model is joined to the GAN through a skip connection (ABC-GAN / skipGAN, arXiv:2304.03805)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ganzoo.parts.builders import Activation, Norm, dense, dense_generator
from ganzoo.parts.task import Task
from ganzoo.parts.trainers import non_saturating
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import Parts, hookimpl
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import nn, torch

if TYPE_CHECKING:
    from ganzoo.parts.networks import Networks
    from ganzoo.parts.trainers import Draw, Updates


def skip(
    nets: Networks, draw: Draw, *, discriminator_steps: int = 1, generator_steps: int = 1, smoothing: float = 0.0
) -> Updates:
    """The non-saturating game, after each of whose generator moves the weight w of the skip is clamped to [0, 1]."""
    G = nets.generator
    w = dict(G.named_parameters()).get("weight")
    if w is None:
        raise GanzooError(
            "trainer 'skip' needs a generator with a skip weight, skip-gan or skip-gan-tabular; "
            "for others choose another trainer (ganzoo list trainers)"
        )
    if nets.parent is not None and not nets.parent.frozen:
        raise GanzooError(
            "a skip-gan leaves its parent as it is, so parent_training=joint has no sense here; use parent_training=first"
        )
    game = non_saturating(
        nets, draw, discriminator_steps=discriminator_steps, generator_steps=generator_steps, smoothing=smoothing
    )
    for move in game:
        player, loss = move[:2]
        if player is not G:
            yield move
            continue
        yield G, loss, {"skip_weight": w.detach().clone()}  # a copy, since w is about to change in place
        with torch.no_grad():
            w.clamp_(0, 1)


def skip_generator(
    task: Task,
    *,
    prior: Literal["gaussian", "pca", "parent"] = "pca",
    components: int = 32,
    weight: float = 0.5,
    widths: tuple[int, ...] = (128, 256, 512, 1024),
    hidden: Activation = "relu",
    norm: Norm = "batch",
) -> nn.Module:
    """w G(z, p) + (1 - w) p: a dense network sees its own latent and p, a draw from a prior on images or vectors.

    ``prior`` draws every pixel from a Gaussian of its own, or along the first ``components`` principal components, or
    from the trained parent. ``weight`` is the w to begin with, 0 to 1; the network has the layers ``widths``.
    """
    from .networks import Skip
    from .priors import PRIORS

    model, latents = PRIORS[prior](task, components)
    joined = replace(task, latent_dim=task.latent_dim + math.prod(task.shape))
    net = dense_generator(joined, widths=widths, hidden=hidden, norm=norm)
    return Skip(model, net, (task.latent_dim, latents), share(weight), task.range)


def tabular_generator(
    task: Task,
    *,
    prior: str = "linear",
    depth: int = 8,
    bias: float = 0.0,
    sigma: float = 0.1,
    skip: bool = True,
    weight: float = 0.5,
    width: int = 50,
    repeats: int = 4,
    hidden: Activation = "relu",
) -> nn.Module:
    """w G(x, t) + (1 - w) t, where t = f(x) + ``bias`` + ``sigma`` N(0, 1) is the draw of a regression f as prior.

    ``prior`` is ``linear`` (least squares, redrawn in each batch of the training), a scikit-learn regressor such as
    Ridge or RandomForestRegressor (its trees cut at ``depth``), ``formula:EXPR`` in x0, x1, ..., or ``none``, with
    which t is N(0, 1) alone and nothing is skipped: a conditional GAN. Without ``skip``, w is 1 for good; otherwise
    ``weight`` is where it begins. G is a layer of ``width``, one more that is applied ``repeats`` times, and one out.
    """
    from .fitting import regressor
    from .formula import Formula
    from .networks import SkipPairs, Tied

    inputs = inputs_of(task)
    if sigma < 0:
        raise GanzooError(f"sigma={sigma} is no standard deviation; it has to be at least 0")
    net = Tied(inputs + 1, width, repeats, hidden)
    if prior == "none":
        return SkipPairs(Formula("0", inputs), net, bias=0, sigma=1, weight=None)
    return SkipPairs(regressor(prior, task, depth), net, bias, sigma, share(weight) if skip else None)


def tabular_discriminator(task: Task, *, widths: tuple[int, ...] = (25, 50), hidden: Activation = "leaky") -> nn.Module:
    """Fully connected, for a target beside its regression inputs; one logit."""
    from .networks import OnPairs

    return OnPairs(dense((inputs_of(task) + 1, *widths, 1), hidden))


def share(weight: float) -> float:
    """An initial w; :class:`GanzooError` if it is none."""
    if not 0 <= weight <= 1:
        raise GanzooError(f"weight={weight} is out of range; it has to be from 0 (prior alone) to 1 (GAN alone)")
    return weight


def inputs_of(task: Task) -> int:
    """The number of regression inputs; :class:`GanzooError` for data that are no regression of one target."""
    if not task.condition_dim or task.shape != (1,):
        raise GanzooError(
            "skip-gan-tabular needs a regression of one target on inputs; use --data friedman1, friedman2, friedman3 "
            "or diabetes (for images: ganzoo train skip-gan)"
        )
    return task.condition_dim


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"skip": skip}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"skip-gan": skip_generator, "skip-gan-tabular": tabular_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"skip-gan-tabular": tabular_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="skip-gan",
        summary="images, as a learned mixture with the draw of a simple prior model",
        paper="after ABC-GAN / skipGAN, arXiv:2304.03805",
        generator="skip-gan",
        discriminator="dense",
        trainer="skip",
        settings={"iterations": 8000, "lr": 1e-3, "discriminator.widths": (512, 256)},
    )
    yield GAN(
        name="skip-gan-tabular",
        summary="a regression's prior model, corrected by a GAN through a skip connection",
        paper="ABC-GAN / skipGAN, arXiv:2304.03805",
        generator="skip-gan-tabular",
        discriminator="skip-gan-tabular",
        trainer="skip",
        conditional=True,
        data="friedman1",
        settings={"iterations": 5000, "batch_size": 32, "lr": 1e-3},
        # 1,000 passes over the 4,000 rows of a Friedman problem
        presets={"published": {"iterations": 125_000, "lr_schedule": "constant", "ema": 0.0}},
    )
