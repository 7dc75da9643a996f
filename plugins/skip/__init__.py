"""skip-gan: a GAN that corrects a prior model through a skip connection (ABC-GAN / skipGAN, arXiv:2304.03805)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import (
    Activation,
    Count,
    NonNegative,
    Norm,
    Parts,
    Range,
    Share,
    Size,
    Smoothing,
    Task,
    Unless,
    dense,
    dense_generator,
    nn,
    non_saturating,
    torch,
)

from .estimators import LINEAR

Depth = Annotated[int, Range(least=1, most=32)]
"""Levels of a tree; each costs a step in the network."""

if TYPE_CHECKING:
    from ganzoo.parts import Draw, Networks, Updates


def skip(
    nets: Networks,
    draw: Draw,
    *,
    discriminator_steps: Count = 1,
    generator_steps: Count = 1,
    smoothing: Smoothing = 0.0,
) -> Updates:
    """The non-saturating GAN. The skip weight w is clamped to [0, 1] after each update of the generator.

    Args:
        nets: the networks; the generator has a parameter ``weight``.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        generator_steps: updates of the generator in an iteration.
        smoothing: label smoothing: targets are drawn within this distance of 0 and 1.
    """
    G = nets.generator
    w = dict(G.named_parameters()).get("weight")
    if w is None:
        raise GanzooError(
            "trainer 'skip' needs a generator with a skip weight, skip-gan or skip-gan-tabular; "
            "for others choose another trainer (ganzoo list trainers)"
        )
    if nets.parent is not None and not nets.parent.is_frozen:
        raise GanzooError(
            "a skip-gan does not train its parent, so parent_training=joint is not possible; use parent_training=first"
        )
    for update in non_saturating(
        nets, draw, discriminator_steps=discriminator_steps, generator_steps=generator_steps, smoothing=smoothing
    ):
        network, loss = update[:2]
        if network is not G:
            yield update
            continue
        yield G, loss, {"skip_weight": w.detach().clone()}  # a copy, since w is changed in place below
        with torch.no_grad():
            w.clamp_(0, 1)


def skip_generator(
    task: Task,
    *,
    prior: Literal["gaussian", "pca", "parent"] = "pca",
    components: Annotated[Size, Unless("prior", "gaussian", "parent")] = 32,
    weight: Share = 0.5,
    widths: tuple[Size, ...] = (128, 256, 512, 1024),
    hidden: Activation = "relu",
    norm: Norm = "batch",
) -> nn.Module:
    """w G(z, p) + (1 - w) p, where p is a sample of a prior model of images or vectors, and G a dense network.

    Args:
        task: what the network has to fit.
        prior: ``gaussian``: an independent Gaussian for each pixel. ``pca``: a Gaussian along principal components.
            ``parent``: the trained parent.
        components: number of principal components.
        weight: w at the start, 0 (prior alone) to 1 (GAN alone).
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    from .networks import Skip
    from .priors import PRIORS

    model, latents = PRIORS[prior](task, components)
    joined = replace(task, latent_dim=task.latent_dim + math.prod(task.shape))
    net = dense_generator(joined, widths=widths, hidden=hidden, norm=norm)
    return Skip(model, net, (task.latent_dim, latents), weight, task.range)


def tabular_generator(
    task: Task,
    *,
    prior: str = "linear",
    depth: Annotated[Depth, Unless("prior", "linear", "none", "formula", *LINEAR)] = 8,
    bias: Annotated[float, Unless("prior", "none")] = 0.0,
    sigma: Annotated[NonNegative, Unless("prior", "none")] = 0.1,
    skip: Annotated[bool, Unless("prior", "none")] = True,
    weight: Annotated[Share, Unless("skip", False), Unless("prior", "none")] = 0.5,
    width: Size = 50,
    repeats: Size = 4,
    hidden: Activation = "relu",
) -> nn.Module:
    """w G(x, t) + (1 - w) t, where t = f(x) + bias + sigma N(0, 1) is a sample of a regression f as prior model.

    Args:
        task: what the network has to fit.
        prior: ``linear`` (least squares, whose coefficients are sampled for each batch in training), a scikit-learn
            regressor such as Ridge or RandomForestRegressor, ``formula:EXPR`` in x0, x1, ..., or ``none``: t is N(0, 1)
            alone and there is no skip, which makes a conditional GAN.
        depth: largest depth of the trees of a prior.
        bias: added to the prior's prediction.
        sigma: standard deviation of the noise that is added to the prior's prediction.
        skip: whether there is a skip connection; without it w is 1.
        weight: w at the start, 0 (prior alone) to 1 (GAN alone).
        width: units of the hidden layers.
        repeats: how often the second hidden layer is applied, with the same weights.
        hidden: nonlinearity of the hidden layers.
    """
    from .fitting import regressor
    from .formula import Formula
    from .networks import SkipPairs, Tied

    inputs = inputs_of(task)
    net = Tied(inputs + 1, width, repeats, hidden)
    if prior == "none":
        return SkipPairs(Formula("0", inputs), net, bias=0, sigma=1, weight=None)
    return SkipPairs(regressor(prior, task, depth), net, bias, sigma, weight if skip else None)


def tabular_discriminator(
    task: Task, *, widths: tuple[Size, ...] = (25, 50), hidden: Activation = "leaky"
) -> nn.Module:
    """A fully connected discriminator of a target joined to its regression inputs.

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
    """
    from .networks import OnPairs

    return OnPairs(dense((inputs_of(task) + 1, *widths, 1), hidden))


def inputs_of(task: Task) -> int:
    """The number of regression inputs; GanzooError for data that are not a regression with one target."""
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
        summary="images as a learned mixture of a GAN and a simple prior model",
        paper="after ABC-GAN / skipGAN, arXiv:2304.03805",
        generator="skip-gan",
        discriminator="dense",
        trainer="skip",
        settings={"iterations": 8000, "lr": 1e-3, "discriminator.widths": (512, 256)},
    )
    yield GAN(
        name="skip-gan-tabular",
        summary="a regression model corrected by a GAN through a skip connection",
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
