"""Random changes of training images, the same for images that belong together. Labels and vectors stay as they are.

They index, pad, select, add and multiply, all of which have a second derivative, so that gradient penalties pass
through them. Sampling between pixels has none in torch; hence there are no rotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from torch import Tensor


def mirrored(*images: Tensor, axis: int = -1, p: float | Tensor = 1.0) -> list[Tensor]:
    """Images that belong together, half of which are mirrored at most.

    Args:
        images: tensors of as many images ``(N, C, H, W)``, of any sides; others are returned as they are.
        axis: -1 to turn left to right, -2 upside down.
        p: the probability that one of the two is drawn for an image; otherwise it stays.
    """
    turned = chosen(images[0], 0.5 * p)
    return [torch.where(turned, each.flip(axis), each) if each.dim() == 4 else each for each in images]


def shifted(*images: Tensor, by: int, p: float | Tensor = 1.0) -> list[Tensor]:
    """Images that belong together, each shifted by a random number of pixels; rows and columns at the edge repeat.

    Args:
        images: tensors of as many images ``(N, C, H, W)``, all of the same sides; others are returned as they are.
        by: the largest shift in each direction; all up to it have the same chance.
        p: the probability that an image is shifted at all.

    Raises:
        ValueError: the images have different sides.
    """
    sides = {tuple(each.shape[-2:]) for each in images if each.dim() == 4}
    if len(sides) > 1:
        raise ValueError(f"images that are shifted together have the same sides, not {sorted(sides)}")
    count, device = len(images[0]), images[0].device
    rows, columns = (
        torch.arange(side, device=device) + torch.randint(-by, by + 1, (count, 1), device=device)
        for side in next(iter(sides))
    )
    if isinstance(p, torch.Tensor) or p < 1:
        moved = chosen(images[0], p)[:, :, 0, 0]
        rows, columns = (
            torch.where(moved, places, torch.arange(places.shape[1], device=device)) for places in (rows, columns)
        )
    rows, columns = (places.clamp(0, places.shape[1] - 1) for places in (rows, columns))
    index = torch.arange(count, device=device)[:, None, None], slice(None), rows[:, :, None], columns[:, None, :]
    return [each[index].permute(0, 3, 1, 2) if each.dim() == 4 else each for each in images]


def recoloured(images: Tensor, p: float | Tensor = 1.0) -> Tensor:
    """Images of another brightness, saturation and contrast, each with that probability (Zhao et al., 2020).

    Brightness adds U(-0.5, 0.5). Saturation scales the difference to the mean of the pixel's channels by U(0, 2), and
    contrast the difference to the mean of the image by U(0.5, 1.5). Nothing is clamped. The fourth channel of four is
    opacity, and stays.

    Args:
        images: ``(N, C, H, W)`` in [-1, 1].
        p: the probability of each of the three changes.
    """
    colours, opacity = (images[:, :3], images[:, 3:]) if images.shape[1] == 4 else (images, None)

    def factor(spread: float) -> Tensor:
        return chosen(images, p) * spread * (2 * torch.rand(len(images), 1, 1, 1, device=images.device) - 1)

    colours = colours + factor(0.5)
    if colours.shape[1] == 3:
        grey = colours.mean(1, keepdim=True)
        colours = grey + (colours - grey) * (1 + factor(1.0))
    level = colours.mean((1, 2, 3), keepdim=True)
    colours = level + (colours - level) * (1 + factor(0.5))
    return colours if opacity is None else torch.cat([colours, opacity], 1)


def cut_out(*images: Tensor, share: float = 0.5, p: float | Tensor = 1.0, fill: float = 0.0) -> list[Tensor]:
    """Images that belong together, each with a square hole in a random place (Zhao et al., 2020).

    The centre of the hole is anywhere in the image, so the edge cuts some holes off.

    Args:
        images: tensors of as many images ``(N, C, H, W)``, of any sides; others are returned as they are.
        share: side of the hole, as a share of the image's sides.
        p: the probability of a hole.
        fill: the value in the hole.
    """
    has_hole = chosen(images[0], p)
    centre = torch.rand(2, len(images[0]), 1, 1, 1, device=images[0].device)
    found = []
    for each in images:
        if each.dim() == 4:
            rows, columns = (((torch.arange(side, device=each.device) + 0.5) / side) for side in each.shape[-2:])
            hole = ((rows[:, None] - centre[0]).abs() < share / 2) & ((columns - centre[1]).abs() < share / 2)
            each = torch.where(hole & has_hole, fill, each)
        found.append(each)
    return found


def chosen(images: Tensor, p: float | Tensor) -> Tensor:
    """Which images are changed, ``(N, 1, 1, 1)``: each with probability ``p``."""
    return torch.rand(len(images), 1, 1, 1, device=images.device) < p
