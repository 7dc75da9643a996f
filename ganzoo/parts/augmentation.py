"""Makers of augmentations: what a discriminator sees of real and of generated images alike in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from ganzoo.parts.task import Task
from ganzoo.registry.values import Count, Range, ScheduledShare, Share
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ganzoo.data import Data, Samples

FEW = 20_000
"""Images, up to which a discriminator is expected to learn them by heart."""
KEPT_LEAST = 10
"""Images that have to be kept back to see a gap."""
MIRROR_LIMIT = 1.05
"""How much farther from the others a mirrored image may be than the image itself."""
COMPARED, SIDE = 1000, 8  # images that are compared with their mirror images, at this many pixels a side
NEAR = 20  # the nearest one in so many images counts, so that variants of an image do not

Few = Annotated[int, Range(least=1, most=10**9)]
Shift = Annotated[float, Range(least=0, below=0.5)]


def no_augmentation(task: Task, *, few: Few = FEW) -> nn.Module | None:
    """No augmentation.

    Args:
        task: what the discriminator sees.
        few: largest number of colour images of which a tenth is kept back; see :func:`counts_as_few`.
    """
    return None


def flips(task: Task, *, few: Few = FEW) -> nn.Module | None:
    """Mirrors each image left to right with a chance of one half.

    Args:
        task: what the discriminator sees.
        few: largest number of colour images of which a tenth is kept back; see :func:`counts_as_few`.
    """
    from ganzoo.parts.augmentation_modules import Flip

    require_images(task, "flip")
    return Flip()


def diffaugment(
    task: Task,
    *,
    p: ScheduledShare = 1.0,
    flips: bool = False,
    colour: bool = True,
    shift: Shift = 0.125,
    cutout: Share = 0.5,
    few: Few = FEW,
) -> nn.Module | None:
    """DiffAugment: colour, shift and cut-out, always (Zhao et al., 2020). Edges repeat, where the paper has zeros.

    Args:
        task: what the discriminator sees.
        p: probability of each transform of an image; ``cosine:0..0.3`` rises as published for R3GAN.
        flips: mirror images left to right too, half of those that p selects.
        colour: change brightness, saturation and contrast.
        shift: largest shift, as a share of the sides.
        cutout: side of the hole, as a share of the sides; 0 for none.
        few: largest number of colour images of which a tenth is kept back; see :func:`counts_as_few`.
    """
    from ganzoo.parts.augmentation_modules import Transforms

    require_images(task, "diffaugment")
    return Transforms(task, flips, colour, shift, cutout, p=p)


def ada(
    task: Task,
    *,
    target: Share = 0.3,
    images: Count = 20_000,
    flips: bool = False,
    colour: bool = True,
    shift: Shift = 0.125,
    cutout: Share = 0.5,
    few: Few = FEW,
) -> nn.Module | None:
    """ADA: transforms whose probability rises while D calls too many real images real (Karras et al., 2020).

    The sign of the logits of real images has a mean from -1 to 1. Above the target the probability p rises, below it
    falls, between 0 and 0.8, below which transforms do not show in samples (arXiv:2006.06676). The paper's target of
    0.6 is too late for short trainings.

    Args:
        task: what the discriminator sees.
        target: mean sign of D's logits of real images above which p rises.
        images: real images that D sees while p goes from 0 to 1.
        flips: mirror images left to right, half of those that p selects.
        colour: change brightness, saturation and contrast.
        shift: largest shift, as a share of the sides.
        cutout: side of the hole, as a share of the sides; 0 for none.
        few: largest number of colour images of which a tenth is kept back; see :func:`counts_as_few`.
    """
    from ganzoo.parts.augmentation_modules import BySign

    require_images(task, "ada")
    return BySign(task, flips, colour, shift, cutout, target=target, images=images)


def auto_augmentation(
    task: Task,
    *,
    target: Share = 0.1,
    accuracy: Share = 0.72,
    images: Count = 20_000,
    few: Few = FEW,
    colour: bool = False,
    shift: Shift = 0.125,
    cutout: Share = 0.5,
) -> nn.Module | None:
    """For few colour images: transforms whose probability rises as D learns the images by heart; else none.

    A tenth of the images, at most 500, is kept back. The gap is how much more often D's logit of an image that it is
    trained on is the larger one than that of an image that was kept back, from 0 (as often) to 1 (always). Above the
    target, or while D is right too often, the probability p of the transforms rises; else it falls, between 0 and 0.8.
    Flips are among them unless mirrored images are farther from the others than the images themselves, as with letters.

    Args:
        task: what the discriminator sees.
        target: gap above which p rises.
        accuracy: of the discriminator, above which p rises whatever the gap is.
        images: real images that D sees while p goes from 0 to 1.
        few: largest number of images that are augmented.
        colour: change brightness, saturation and contrast too; for few images of 32 pixels this cost quality.
        shift: largest shift, as a share of the sides.
        cutout: side of the hole, as a share of the sides; 0 for none.
    """
    from ganzoo.parts.augmentation_modules import ByGap

    if task.data is None or not has_few(task, few):
        return None
    mirrors = mirrors_well(compared(task.data.samples))
    return ByGap(task, mirrors, colour, shift, cutout, target=target, accuracy=accuracy, images=images)


def has_few(task: Task, few: int = FEW) -> bool:
    """Whether the discriminator sees few colour images alone: no conditions, and no images of a parent."""
    return task.data is not None and not task.condition and task.parent is None and counts_as_few(task.data, few)


def counts_as_few(data: Data, few: int = FEW) -> bool:
    """Whether data are colour images, and so few that a discriminator may learn them by heart.

    Of these, a tenth is not trained on, to see whether it does.

    Args:
        data: images or vectors.
        few: the largest number.
    """
    return data.is_images and data.shape[0] >= 3 and 2 * KEPT_LEAST <= len(data) <= few


def compared(samples: Samples) -> NDArray[np.uint8]:
    """At most :data:`COMPARED` images, evenly spread, for :func:`mirrors_well`."""
    return samples[:: 1 + len(samples) // COMPARED]


def require_images(task: Task, name: str) -> None:
    """Refuse data that an augmentation would not change."""
    if len(task.shape) != 3:
        raise GanzooError(f"augmentation '{name}' changes images, and {task.data_name} has none; use --augment none")


def mirrors_well(images: NDArray[np.uint8]) -> bool:
    """Whether mirrored images look like images of the set: they are hardly farther from the others than these are.

    Compared are distances in pixels of small copies, from each image and from its mirror image to the nearest twentieth
    of the others. Measured ratios of their medians: 1.00 to 1.01 for emoji, photographs and satellite pictures, 1.09
    for flags alone, 1.3 for digits, 1.8 for clothes (shoes point to the left).

    Args:
        images: uint8 ``(N, C, H, W)``.
    """
    import numpy as np  # here, so that what only samples does not wait for it

    small = shrunk(images)
    rows = small.reshape(len(small), -1)

    def nearest(others: NDArray[np.float32]) -> float:
        squares = (rows**2).sum(1)[:, None] + (others**2).sum(1) - 2 * rows @ others.T
        np.fill_diagonal(squares, np.inf)  # neither the image itself nor its own mirror image
        return float(np.median(np.sqrt(np.sort(squares, 1)[:, len(rows) // NEAR].clip(0))))

    return nearest(small[..., ::-1].reshape(len(small), -1)) <= MIRROR_LIMIT * nearest(rows)


def shrunk(images: NDArray[Any]) -> NDArray[np.float32]:
    """Small copies ``(N, C, h, w)`` of images ``(N, C, H, W)``: means of squares, so that about 8 pixels are a side."""
    height, width = (max(1, side // SIDE) for side in images.shape[2:])
    small = images[:, :, : images.shape[2] // height * height, : images.shape[3] // width * width].astype("float32")
    small = small.reshape(len(small), -1, small.shape[2] // height, height, small.shape[3] // width, width)
    means: NDArray[np.float32] = small.mean((3, 5))
    return means
