"""What the scripts that make pictures share: a loader of pictures in memory, and how their samples are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ganzoo.data import Samples
from ganzoo.evaluation.sources import image_levels


def endless(images: Tensor, batch: int, *, drops_last: bool) -> Iterator[Tensor]:
    """Batches of images, shuffled in each epoch; the images are prepared once, to the scripts' advantage."""
    loader: Any = DataLoader(TensorDataset(images), batch_size=batch, shuffle=True, drop_last=drops_last)
    while True:
        for (real,) in loader:
            yield real


class PictureScript(ABC):
    """A script's training.

    Attributes:
        G: maps latents ``(N, latent)`` to images.
        latent: length of a latent.
        batch: real images in an iteration.
        limits: smallest and largest value of an image.
        losses: of the last iteration, by network.
    """

    G: nn.Module
    latent: int
    batch: int
    limits: tuple[float, float]
    losses: Mapping[str, Any]

    def __init__(self) -> None:
        self.losses = {}

    def __call__(self, iterations: int) -> None:
        for _ in range(iterations):
            self.losses = self.iterate()

    @abstractmethod
    def iterate(self) -> dict[str, float]:
        """One iteration, and its losses by network."""

    @abstractmethod
    def sampled(self, number: int) -> Samples:
        """Images uint8 ``(number, C, H, W)`` as the script makes them; the same at each call."""

    def drawn(self, generate: Callable[[Tensor], Tensor], number: int, at_once: int) -> Samples:
        """Images of fixed latents, so many at once; no random state changes."""
        found = []
        with torch.random.fork_rng(devices=()), torch.no_grad():
            torch.manual_seed(0)
            for start in range(0, number, at_once):
                z = torch.randn(min(at_once, number - start), self.latent)
                found.append(image_levels(generate(z).float().numpy(), self.limits))
        return np.concatenate(found)


def prepared(images: Samples, limits: tuple[float, float]) -> Tensor:
    """Images float32 ``(N, C, H, W)`` in ``limits`` of bytes of that shape."""
    low, high = limits
    return torch.from_numpy(np.ascontiguousarray(images)).float() / 255 * (high - low) + low
