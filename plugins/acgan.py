"""acgan: the discriminator also says which class it sees (Odena et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo import GAN, hookimpl
from ganzoo.parts import (
    Count,
    Decay,
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
    dense_discriminator,
    mean,
    nn,
    require_parts,
    with_heads,
    without_grad,
    zero_gradient_penalty,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.parts import Draw, Networks, Updates


@augmentable
def auxiliary_classifier(
    nets: Networks,
    draw: Draw,
    *,
    discriminator_steps: Count = 1,
    class_weight: NonNegative = 1.0,
    penalty: NonNegative = 0.0,
) -> Updates:
    """The GAN whose discriminator is a classifier too, of real and of generated samples (Odena et al., 2017).

    Args:
        nets: the networks; the discriminator has a head ``classes``.
        draw: draws a batch.
        discriminator_steps: updates of the discriminator in an iteration.
        class_weight: weight of the cross-entropy of the classes, in both losses.
        penalty: weight of the zero-centred gradient penalty R1 on real samples (Mescheder et al., 2018).
    """
    G, D = nets.generator, require_parts(nets.discriminator, "features", "logits", "classes")
    for _ in range(discriminator_steps):
        real, z, labels = draw()
        fake = without_grad(G, z, labels)
        real_features, fake_features = D.features(real), D.features(fake)
        real_logits, fake_logits = D.logits(real_features), D.logits(fake_features)
        real_classes, fake_classes = D.classes(real_features), D.classes(fake_features)
        source = bce(real_logits, 1) + bce(fake_logits, 0)
        classes = cross_entropy(real_classes, labels) + cross_entropy(fake_classes, labels)
        loss = source + class_weight * classes
        if penalty:
            loss = loss + penalty * zero_gradient_penalty(D, real, labels)
        metrics = {
            "discriminator_accuracy": accuracy(real_logits, fake_logits),
            "class_accuracy": mean(real_classes.detach().argmax(1) == labels),
        }
        yield D, loss, metrics
    _, z, labels = draw()
    features = D.features(G(z, labels))
    yield G, bce(D.logits(features), 1) + class_weight * cross_entropy(D.classes(features), labels)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits ``(N, classes)``, without a softmax before, with labels ``(N,)``; in float32."""
    return F.cross_entropy(logits.float(), labels)


def classifying_dense_discriminator(
    task: Task, *, widths: tuple[Size, ...] = (512, 256), norm: Norm = "none", dropout: Decay = 0.0
) -> nn.Module:
    """The dense discriminator with a second head for the class (Odena et al., 2017).

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        norm: normalisation of the hidden layers.
        dropout: probability of dropout after each hidden layer.
    """
    return with_heads(dense_discriminator(task, widths=widths, norm=norm, dropout=dropout), classes=task.num_classes)


def classifying_conv_discriminator(task: Task, *, width: Size = 32, norm: Norm = "batch") -> nn.Module:
    """The DCGAN discriminator with a second head for the class (Odena et al., 2017).

    Args:
        task: what the network has to fit.
        width: channels of the first layer; each layer after it has twice as many.
        norm: normalisation of the hidden layers.
    """
    return with_heads(conv_discriminator(task, width=width, norm=norm), classes=task.num_classes)


CONV = {
    "generator": "cgan-conv",
    "discriminator": "acgan-conv",
    "class_weight": 1.0,
    "penalty": 0.0,
    "lr": 2e-4,
    "beta1": 0.5,
    "beta2": 0.999,
    "batch_size": 100,
    "latent_dim": 110,
    "lr_schedule": "constant",
}


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"acgan": auxiliary_classifier}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"acgan-dense": classifying_dense_discriminator, "acgan-conv": classifying_conv_discriminator}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="acgan",
        summary="class-conditional: the discriminator does not get the class, but has to name it",
        paper="Odena et al., 2017, arXiv:1610.09585",
        conditional=True,
        generator="cgan-dense",
        discriminator="acgan-dense",
        trainer="acgan",
        settings={
            "iterations": 9000,
            "lr": 1e-3,
            "beta1": 0.0,
            "beta2": 0.99,
            "class_weight": 0.05,  # with more of it, each class has less variety
            "penalty": 1.0,
        },
        presets={"conv": CONV},
    )
