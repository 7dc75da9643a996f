"""pix2pix and cyclegan: images from images, learned from pairs or from two sets without pairs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from ganzoo import GAN, GanzooError, hookimpl
from ganzoo.parts import Decay, Parts, Range, Size, Task, nn, output_activation

from .trainers import cyclegan, pix2pix

Norm = Literal["instance", "batch", "pixel"]
Doubling = Literal["nearest", "transposed"]
Kernel = Literal[3, 4]
Halvings = Annotated[int, Range(least=1, most=8)]

PAPER = {
    "batch_size": 1,
    "generator.width": 64,
    "generator.depth": 5,
    "generator.norm": "batch",
    "generator.doubling": "transposed",
    "generator.dropout": 0.5,
    "discriminator.width": 64,
    "discriminator.norm": "batch",
    "discriminator.kernel": 4,
    "adversarial": 1.0,
    "lr_schedule": "constant",
    "ema": 0.0,
    "iterations": 290_000,
}
"""The published settings; the networks are those for 32x32 instead of 256x256, and 200 epochs are those of fluent32."""

CYCLE_PAPER = {
    "batch_size": 1,
    "generator.width": 64,
    "generator.halvings": 2,
    "generator.blocks": 6,
    "generator.doubling": "transposed",
    "discriminator.width": 64,
    "discriminator.kernel": 4,
    "mirror": True,
    "ema": 0.0,
}


def unet(
    task: Task,
    *,
    width: Size = 32,
    depth: Halvings = 4,
    norm: Norm = "instance",
    doubling: Doubling = "nearest",
    dropout: Decay = 0.0,
) -> nn.Module:
    """A U-Net: an image from an image of the same, but any size (Isola et al., 2017).

    Args:
        task: what the network has to fit.
        width: channels after the first halving; they double with each halving, up to 8 times.
        depth: how often the sides are halved.
        norm: normalisation of the inner layers; with pixel or batch, large images can be made in tiles.
        doubling: nearest is followed by a convolution; transposed is a transposed convolution.
        dropout: probability of dropout at the smallest maps, in training.
    """
    from .networks import UNet

    require_images(task)
    return UNet(
        task.condition[0],
        task.shape[0],
        width=width,
        depth=depth,
        norm=norm,
        doubling=doubling,
        dropout=dropout,
        last=output_activation(task),
    )


def patches(
    task: Task, *, width: Size = 48, halvings: Halvings = 1, norm: Norm = "instance", kernel: Kernel = 3
) -> nn.Module:
    """A PatchGAN of image and condition: logits ``(N, patches)`` (Isola et al., 2017).

    Args:
        task: what the network has to fit.
        width: channels of the first layer; they double with each layer, up to 8 times.
        halvings: how often the sides are halved; 1, 2 and 3 judge patches of 12, 26 and 54 pixels.
        norm: normalisation of the inner layers.
        kernel: side of the last two convolutions; with the 4 of the paper, patches are of 16, 34 and 70 pixels.
    """
    from .networks import Patches

    require_images(task)
    require_patches(task.shape, halvings, kernel)
    return Patches(task.shape[0] + task.condition[0], width=width, halvings=halvings, norm=norm, kernel=kernel)


def there_and_back(
    task: Task,
    *,
    width: Size = 32,
    halvings: Halvings = 1,
    blocks: Size = 4,
    norm: Norm = "instance",
    doubling: Doubling = "nearest",
) -> nn.Module:
    """Two residual networks: samples from conditions, and back (Zhu et al., 2017).

    Args:
        task: what the networks have to fit.
        width: channels at the size of the image; they double with each halving.
        halvings: how often the sides are halved.
        blocks: residual blocks at the smallest size.
        norm: normalisation.
        doubling: nearest is followed by a convolution; transposed is a transposed convolution.
    """
    from .networks import ResNet, ThereAndBack

    require_images(task)
    ways = (task.condition[0], task.shape[0]), (task.shape[0], task.condition[0])
    there, back = (
        ResNet(
            *way,
            width=width,
            halvings=halvings,
            blocks=blocks,
            norm=norm,
            doubling=doubling,
            last=output_activation(task),
        )
        for way in ways
    )
    return ThereAndBack(there, back)


def two_domains(
    task: Task,
    *,
    width: Size = 48,
    halvings: Halvings = 1,
    norm: Norm = "instance",
    kernel: Kernel = 3,
    pool: Annotated[int, Range(least=0, most=10_000)] = 50,
) -> nn.Module:
    """Two PatchGANs, of samples and of conditions, with pools of generated images (Zhu et al., 2017).

    Args:
        task: what the networks have to fit.
        width: channels of the first layer; they double with each layer, up to 8 times.
        halvings: how often the sides are halved; 1, 2 and 3 judge patches of 12, 26 and 54 pixels.
        norm: normalisation of the inner layers.
        kernel: side of the last two convolutions; with the 4 of the paper, patches are of 16, 34 and 70 pixels.
        pool: generated images that are kept of each set, to be judged again.
    """
    from .networks import Patches, Pool, TwoDomains

    require_images(task)
    require_patches(task.shape, halvings, kernel)
    samples, conditions = (
        Patches(shape[0], width=width, halvings=halvings, norm=norm, kernel=kernel)
        for shape in (task.shape, task.condition)
    )
    return TwoDomains(samples, conditions, Pool(pool, task.shape), Pool(pool, task.condition))


def require_images(task: Task) -> None:
    """Refuse all but images from images of the same size."""
    name = task.data_name
    if len(task.condition) != 3 or len(task.shape) != 3:
        raise GanzooError(f"this GAN makes images from images, and {name} has no such conditions; try --data fluent32")
    if task.num_classes:
        raise GanzooError(f"this GAN makes images from images alone, and {name} also has labels")
    if task.condition[1:] != task.shape[1:]:
        given, made = ("x".join(map(str, shape[1:])) for shape in (task.condition, task.shape))
        raise GanzooError(f"this GAN makes images as large as it is given, and {name} has {made} from {given}")


def require_patches(shape: tuple[int, ...], halvings: int, kernel: int) -> None:
    """Refuse images of which the halvings leave too little: two kernels of 4 take a pixel each, a mean needs two."""
    least = (3 if kernel == 4 else 2) * 2**halvings
    if min(shape[1:]) < least:
        raise GanzooError(
            f"a PatchGAN with halvings={halvings} needs sides of at least {least}, not {min(shape[1:])}; "
            "set discriminator.halvings lower"
        )


@hookimpl
def ganzoo_trainers() -> Parts:
    return {"pix2pix": pix2pix, "cyclegan": cyclegan}


@hookimpl
def ganzoo_generators() -> Parts:
    return {"unet": unet, "there-and-back": there_and_back}


@hookimpl
def ganzoo_discriminators() -> Parts:
    return {"patches": patches, "two-domains": two_domains}


@hookimpl
def ganzoo_gans() -> Iterable[GAN]:
    yield GAN(
        name="pix2pix",
        summary="images from images, learned from pairs: a U-Net, and a discriminator of patches",
        paper="Isola et al., 2017, arXiv:1611.07004",
        generator="unet",
        discriminator="patches",
        trainer="pix2pix",
        conditional=True,
        data="fluent32",
        settings={
            "iterations": 4500,
            "batch_size": 16,
            "generator.dropout": 0.3,
            "adversarial": 0.5,
            "lr": 2e-4,
            "beta1": 0.5,
        },
        presets={"paper": PAPER},
    )
    yield GAN(
        name="cyclegan",
        summary="images from images, learned without pairs: there and back again gives the same",
        paper="Zhu et al., 2017, arXiv:1703.10593",
        generator="there-and-back",
        discriminator="two-domains",
        trainer="cyclegan",
        conditional=True,
        data="unpaired:twemoji32",
        settings={
            "iterations": 3400,
            "batch_size": 8,
            "generator.doubling": "transposed",
            "mirror": False,
            "lr": 2e-4,
            "beta1": 0.5,
        },
        presets={"paper": CYCLE_PAPER},
    )
