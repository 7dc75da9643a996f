"""privileged: a parent GAN, and a child whose generator is an autoencoder applied to the parent's images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import Activation, Norm, Parts, Size, Task, dense, nn, output_activation

from .trainer import parent_of, privileged


def child_ann(
    task: Task, *, widths: tuple[Size, ...] = (784, 256, 784), hidden: Activation = "relu", norm: Norm = "batch"
) -> nn.Module:
    """A dense autoencoder of the parent's images.

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    from .networks import Refined

    pixels = math.prod(task.shape)
    child = nn.Sequential(
        nn.Flatten(),
        *dense((pixels, *widths, pixels), hidden, norm),
        nn.Unflatten(1, task.shape),
        output_activation(task),
    )
    return Refined(parent_of(task), child)


def child_cnn(task: Task, *, width: Size = 16, norm: bool = True) -> nn.Module:
    """A convolutional autoencoder of the parent's images with ``4 * width`` maps of 2x2 in the middle.

    Args:
        task: what the network has to fit.
        width: channels of the layers next to the image.
        norm: whether batch normalisation follows the hidden layers.
    """
    from .networks import Refined, down, up

    channels, kernel = task.shape[0], quarter(task)
    net = (*down(channels, width, kernel, norm), *up(channels, width, kernel, norm, start=(2, 1)))
    return Refined(parent_of(task), nn.Sequential(*net, output_activation(task)))


def parent_cnn(task: Task, *, width: Size = 16, norm: bool = True) -> nn.Module:
    """z to a quarter of the image's sides, then two transposed convolutions of kernel 3 and stride 2.

    Args:
        task: what the network has to fit.
        width: channels of the last hidden layer.
        norm: whether batch normalisation follows the hidden layers.
    """
    from .networks import batch_norm, up

    first = [nn.Linear(task.latent_dim, 4 * width), nn.Unflatten(1, (4 * width, 1, 1)), *batch_norm(4 * width, norm)]
    net = up(task.shape[0], width, quarter(task), norm, start=(1, 0))
    return nn.Sequential(*first, nn.ReLU(), *net, output_activation(task))


def discriminator_cnn(
    task: Task, *, width: Size = 16, widths: tuple[Size, ...] = (64, 32), norm: bool = False
) -> nn.Module:
    """Convolutions to ``4 * width`` maps of 2x2, then dense layers to logits ``(N, 1)``.

    Args:
        task: what the network has to fit.
        width: channels of the first layer.
        widths: units of the dense hidden layers.
        norm: whether batch normalisation follows the convolutions.
    """
    from .networks import down

    net = down(task.shape[0], width, quarter(task), norm)
    return nn.Sequential(*net, nn.Flatten(), *dense((16 * width, *widths, 1), "leaky"))


def quarter(task: Task) -> tuple[int, int]:
    """A quarter of the image's height and width."""
    if len(task.shape) != 3 or task.shape[1] % 4 or task.shape[2] % 4 or min(task.shape[1:]) < 8:
        shape = "x".join(map(str, task.shape))
        raise GanzooError(f"the privileged CNNs fit images whose sides are multiples of 4, from 8 on, not {shape}")
    return task.shape[1] // 4, task.shape[2] // 4


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"privileged": privileged}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"privileged-child-ann": child_ann, "privileged-child-cnn": child_cnn, "privileged-parent-cnn": parent_cnn}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"privileged-cnn": discriminator_cnn}


AS_PUBLISHED = {
    "parent_training": "joint",
    "parent_signal": "none",
    "child_fake": "noise",
    "reconstruction": 0.0,
    "penalty": 0.0,
    "lr": 2e-4,
    "beta1": 0.9,
    "batch_size": 100,
    "lr_schedule": "constant",
    "parent.lr": 2e-4,
    "parent.beta1": 0.9,
    "parent.lr_schedule": "constant",
}
PUBLISHED_ANN = AS_PUBLISHED | {
    "generator.widths": (512, 256, 128, 64, 32, 16, 32, 64, 128, 256, 512),
    "generator.norm": "none",
    "discriminator.widths": (512, 256, 128, 64, 32),
    "parent.generator.widths": (128, 256, 512),
    "parent.generator.norm": "none",
    "parent.discriminator.widths": (512, 256, 128, 64, 32),
}
PUBLISHED_CNN = AS_PUBLISHED | {
    "generator.width": 16,
    "generator.norm": False,
    "discriminator": "privileged-cnn",
    "parent": "privileged-parent-cnn",
    "parent.generator.norm": False,
}
# Chosen by measured quality: without the reconstruction loss the child turns its parent's digits into worse ones;
# without the penalty D2 becomes much better than the child.
REFINING = {"reconstruction": 2.0, "penalty": 0.3}
DENSE = REFINING | {"iterations": 3000, "discriminator.widths": (784, 512, 256)}
CONVOLUTIONAL = REFINING | {"iterations": 2000, "generator.width": 32, "discriminator.norm": "none"}
VERSIONS: tuple[tuple[str, str, str, dict[str, object]], ...] = (
    ("privileged-v1", "none", "successes", {}),
    ("privileged-v2", "failures", "successes and failures", {"parent_signal": "offset"}),
)


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="privileged-parent-cnn",
        summary="a small convolutional GAN, the parent of the published privileged CNNs",
        paper="Privileged-GAN (student project)",
        generator="privileged-parent-cnn",
        discriminator="privileged-cnn",
        trainer="non-saturating",
        settings={"iterations": 6000, "lr": 2e-4},
    )
    for name, signal, source, published in VERSIONS:
        ann = GAN(
            name=f"{name}-ann",
            summary=f"a dense child refines its parent's images and learns from {source}",
            paper="Privileged-GAN (student project)",
            generator="privileged-child-ann",
            discriminator="dense",
            trainer="privileged",
            parent="simple",
            settings=DENSE | {"parent_signal": signal},
            presets={"published": PUBLISHED_ANN | published},
        )
        yield ann
        yield replace(
            ann,
            name=f"{name}-cnn",
            summary=ann.summary.replace("dense", "convolutional"),
            generator="privileged-child-cnn",
            discriminator="dcgan",
            parent="dcgan",
            settings=CONVOLUTIONAL | {"parent_signal": signal},
            presets={"published": PUBLISHED_CNN | published},
        )
        yield replace(ann, name=name, summary=f"the better of its two versions, {ann.name}")
