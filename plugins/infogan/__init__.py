"""infogan: part of z is a code that a head of the discriminator has to read in the sample (Chen et al., 2016)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import (
    Activation,
    Count,
    F,
    NonNegative,
    Norm,
    Parts,
    Size,
    Task,
    accuracy,
    augmentable,
    bce,
    conv_discriminator,
    conv_generator,
    dense_discriminator,
    dense_generator,
    mean,
    nn,
    require_parts,
    with_heads,
    without_grad,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.parts import Draw, Networks, Updates


@augmentable
def informative(
    nets: Networks, draw: Draw, *, discriminator_steps: Count = 1, information: NonNegative = 1.0
) -> Updates:
    """The GAN that maximises a bound on the information about the code in its samples (Chen et al., 2016).

    Args:
        nets: the networks; the discriminator has a head ``q``, and the generator a code of the same size.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        information: weight of the term of the code, in both losses.
    """
    G, D = require_parts(nets.generator, "code"), require_parts(nets.discriminator, "features", "logits", "q")
    require_same_code(G, D)
    for _ in range(discriminator_steps):
        real, z = draw()
        fake = without_grad(G, z)
        features = D.features(fake)
        real_logits, fake_logits = D(real), D.logits(features)
        missing, metrics = missing_information(D.q(features), *G.code(z))
        loss = bce(real_logits, 1) + bce(fake_logits, 0) + information * missing
        yield D, loss, metrics | {"discriminator_accuracy": accuracy(real_logits, fake_logits)}
    _, z = draw()
    features = D.features(G(z))
    missing, _ = missing_information(D.q(features), *G.code(z))
    yield G, bce(D.logits(features), 1) + information * missing


def require_same_code(G: Any, D: Any) -> None:
    """Refuse a head that reads a code of another size than the generator's."""
    size, read = G.categories + G.codes, D.q.out_features
    if read != size:
        raise GanzooError(
            f"the generator has a code of {G.categories} categories and {G.codes} values, and the discriminator reads "
            f"{read} in all; set discriminator.code={size}"
        )


def missing_information(read: Tensor, category: Tensor, code: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The negative log likelihood of the code, up to a constant: what is missing from the entropy to the bound.

    The category has a softmax, and each continuous part a Gaussian of variance 1.

    Args:
        read: what the head reads: logits of the categories, then means of the continuous part ``(N, K + C)``.
        category: the true ones ``(N,)``.
        code: the true continuous part ``(N, C)``.

    Returns:
        The loss; and metrics: the share of categories that are read correctly.
    """
    K = read.shape[1] - code.shape[1]
    logits, means = read[:, :K].float(), read[:, K:].float()
    loss = F.cross_entropy(logits, category) + (code - means).square().sum(1).mean() / 2
    return loss, {"category_accuracy": mean(logits.detach().argmax(1) == category)}


def coded_dense_generator(
    task: Task,
    *,
    categories: Size = 10,
    codes: Size = 2,
    widths: tuple[Size, ...] = (128, 256, 512, 1024),
    hidden: Activation = "relu",
    norm: Norm = "batch",
) -> nn.Module:
    """The dense generator with a code before the noise: z is longer by ``categories`` and ``codes``.

    Args:
        task: what the network has to fit.
        categories: values of the categorical code, which is the place of the largest of the first components of z.
        codes: continuous codes, the components of z after those.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    from .networks import Coded

    longer = replace(task, latent_dim=task.latent_dim + categories + codes)
    return Coded(dense_generator(longer, widths=widths, hidden=hidden, norm=norm), categories, codes, longer.latent_dim)


def coded_conv_generator(task: Task, *, categories: Size = 10, codes: Size = 2, width: Size = 32) -> nn.Module:
    """The DCGAN generator with a code before the noise: z is longer by ``categories`` and ``codes``.

    Args:
        task: what the network has to fit.
        categories: values of the categorical code, which is the place of the largest of the first components of z.
        codes: continuous codes, the components of z after those.
        width: channels of the last hidden layer; each layer before it has twice as many.
    """
    from .networks import Coded

    longer = replace(task, latent_dim=task.latent_dim + categories + codes)
    return Coded(conv_generator(longer, width=width), categories, codes, longer.latent_dim)


def reading_dense_discriminator(
    task: Task,
    *,
    code: Size = 12,
    widths: tuple[Size, ...] = (512, 256),
    hidden: Activation = "leaky",
    norm: Norm = "none",
) -> nn.Module:
    """The dense discriminator with a second head that reads the code of the generator (Chen et al., 2016).

    Args:
        task: what the network has to fit.
        code: size of that code: the generator's ``categories`` and ``codes`` together.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    return with_heads(dense_discriminator(task, widths=widths, hidden=hidden, norm=norm), q=code)


def reading_conv_discriminator(task: Task, *, code: Size = 12, width: Size = 32, norm: Norm = "batch") -> nn.Module:
    """The DCGAN discriminator with a second head that reads the code of the generator (Chen et al., 2016).

    Args:
        task: what the network has to fit.
        code: size of that code: the generator's ``categories`` and ``codes`` together.
        width: channels of the first layer; each layer after it has twice as many.
        norm: normalisation of the hidden layers.
    """
    return with_heads(conv_discriminator(task, width=width, norm=norm), q=code)


CONV = {
    "generator": "infogan-conv",
    "discriminator": "infogan-conv",
    "latent_dim": 62,
    "distribution": "uniform",
    "pixel_range": "unit",
    "generator.optimizer.lr": 1e-3,
    "discriminator.optimizer.lr": 2e-4,
    "batch_size": 128,
    "iterations": 5000,
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"infogan": informative}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"infogan-dense": coded_dense_generator, "infogan-conv": coded_conv_generator}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"infogan-dense": reading_dense_discriminator, "infogan-conv": reading_conv_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="infogan",
        summary="finds classes and styles without labels, as parts of z that can be read in the sample",
        paper="Chen et al., 2016, arXiv:1606.03657",
        generator="infogan-dense",
        discriminator="infogan-dense",
        trainer="infogan",
        settings={"iterations": 9000, "lr": 1e-3},
        presets={"conv": CONV},
    )
