"""What networks have to fit. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.parts.networks import Networks


@dataclass(frozen=True, kw_only=True)
class Task:
    """What networks have to fit: all that the maker of a network is told.

    Attributes:
        shape: of one sample: ``(channels, height, width)`` for images, ``(features,)`` for vectors.
        range: smallest and largest value of a sample, ``None`` where it is unbounded.
        latent_dim: length of z.
        num_classes: number of classes that a conditional GAN is told; 0 otherwise.
        condition_dim: number of regression inputs that a conditional GAN is told; 0 otherwise.
        parent: the parent's networks; ``None`` for a GAN without a parent.
        data: the training data, for makers that fit something to it; ``None`` when trained weights will be loaded,
            and an empty buffer then takes the shape that the file has.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] | None
    latent_dim: int
    num_classes: int = 0
    condition_dim: int = 0
    parent: Networks | None = None
    data: Data | None = None
