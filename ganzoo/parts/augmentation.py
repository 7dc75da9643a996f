"""Random changes of training images, the same for images that belong together. Labels and vectors stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from torch import Tensor


def mirrored(*images: Tensor, axis: int = -1) -> list[Tensor]:
    """Images that belong together, each mirrored with a chance of one half.

    Args:
        images: tensors of as many images ``(N, C, H, W)``, of any sides; others are returned as they are.
        axis: -1 to turn left to right, -2 upside down.
    """
    turned = torch.rand(len(images[0]), 1, 1, 1, device=images[0].device) < 0.5
    return [torch.where(turned, each.flip(axis), each) if each.dim() == 4 else each for each in images]


def shifted(*images: Tensor, by: int) -> list[Tensor]:
    """Images that belong together, each shifted by a random number of pixels; rows and columns at the edge repeat.

    Args:
        images: tensors of as many images ``(N, C, H, W)``, all of the same sides; others are returned as they are.
        by: the largest shift in each direction; all up to it have the same chance.

    Raises:
        ValueError: the images have different sides.
    """
    sides = {tuple(each.shape[-2:]) for each in images if each.dim() == 4}
    if len(sides) > 1:
        raise ValueError(f"images that are shifted together have the same sides, not {sorted(sides)}")
    count, device = len(images[0]), images[0].device
    rows, columns = (
        (torch.arange(side, device=device) + torch.randint(-by, by + 1, (count, 1), device=device)).clamp(0, side - 1)
        for side in next(iter(sides))
    )
    index = torch.arange(count, device=device)[:, None, None], slice(None), rows[:, :, None], columns[:, None, :]
    return [each[index].permute(0, 3, 1, 2) if each.dim() == 4 else each for each in images]
