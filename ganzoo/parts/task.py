"""The task that networks are built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.parts.networks import Networks


@dataclass(frozen=True, kw_only=True)
class Task:
    """What networks have to fit. The maker of a network gets it as its first argument.

    Attributes:
        shape: of one sample: ``(channels, height, width)`` for images, ``(features,)`` for vectors.
        range: smallest and largest value of a sample, ``None`` where it is unbounded.
        latent_dim: length of z.
        num_classes: classes of a class-conditional GAN; 0 otherwise.
        condition: shape of what a conditional GAN makes each sample from: ``(c, h, w)`` of an image, ``(p,)`` of
            regression inputs; ``()`` without.
        parent: the parent's networks; ``None`` for a GAN without a parent.
        data: the training data, for makers that fit something to them. ``None`` when trained weights will be loaded;
            a fitted buffer is then created empty and takes the shape that the file has.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] | None
    latent_dim: int
    num_classes: int = 0
    condition: tuple[int, ...] = ()
    parent: Networks | None = None
    data: Data | None = None

    @property
    def data_name(self) -> str:
        """What messages call the training data."""
        return self.data.name if self.data else "this data set"

    @property
    def condition_dim(self) -> int:
        """Regression inputs of a conditional GAN; 0 otherwise."""
        return self.condition[0] if len(self.condition) == 1 else 0
