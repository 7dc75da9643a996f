"""Prior models of images and vectors. A maker returns a module from latents to samples, and the length of its latent.

The shapes of buffers follow from the task and the settings alone, so that trained weights load without data.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzoo import GanzooError
from ganzoo.parts import Task

FITTED = 2_048  # samples, evenly spaced: enough for a simple model, with a fast decomposition

log = logging.getLogger("ganzoo")

Prior = tuple[nn.Module, int]


class Gaussian(nn.Module):
    """An independent Gaussian for each pixel."""

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(self, z: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, pixels)``."""
        return self.mean + self.spread * z.reshape(-1, *self.mean.shape)


class Principal(nn.Module):
    """A Gaussian along principal components; the lengths of ``axes`` are its standard deviations."""

    mean: Tensor
    axes: Tensor

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("axes", axes)

    def forward(self, z: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, components)``."""
        return self.mean + torch.tensordot(z, self.axes, 1)  # type: ignore[no-any-return]


def gaussian(task: Task, _: int) -> Prior:
    """Mean and standard deviation of every pixel."""
    mean, spread = torch.zeros(task.shape), torch.zeros(task.shape)
    if task.data is not None:
        flat = samples(task)
        mean, spread = shaped(flat.mean(axis=0), task), shaped(flat.std(axis=0), task)
    return Gaussian(mean, spread), math.prod(task.shape)


def pca(task: Task, components: int) -> Prior:
    """The first principal components, at most as many as there are pixels."""
    if components > (most := math.prod(task.shape)):
        if task.data is not None:
            log.info("components=%d: %s has only %d, which are all used", components, task.data.name, most)
        components = most
    mean, axes = torch.zeros(task.shape), torch.zeros(components, *task.shape)
    if task.data is not None:
        flat = samples(task)
        if len(flat) <= components:
            raise GanzooError(
                f"components={components} is too large for {len(flat)} samples of '{task.data.name}'; "
                f"use --set components={max(1, len(flat) - 1)}"
            )
        centre = flat.mean(axis=0)
        _, lengths, directions = np.linalg.svd(flat - centre, full_matrices=False)
        spread = lengths[:components, None] / math.sqrt(len(flat) - 1)
        mean, axes = shaped(centre, task), shaped(spread * directions[:components], task)
    return Principal(mean, axes), components


def trained(task: Task, _: int) -> Prior:
    """The parent's generator."""
    if task.parent is None:
        raise GanzooError("prior=parent needs a parent; name a GAN to train first, as in --set parent=simple")
    prior, latents = task.parent.generator, task.parent.latent_dim
    device = next(prior.parameters()).device
    with torch.no_grad():  # a parent of other latents or samples, or one that needs labels, is refused here
        made = prior(torch.zeros(2, latents, device=device))
    if made.shape[1:] != task.shape:
        raise GanzooError(f"the parent makes samples of shape {tuple(made.shape[1:])}, and {task.shape} is needed here")
    return prior, latents


PRIORS: MappingProxyType[str, Callable[[Task, int], Prior]] = MappingProxyType(
    {"gaussian": gaussian, "pca": pca, "parent": trained}
)


def samples(task: Task) -> NDArray[np.float32]:
    """Up to :data:`FITTED` samples of the data as float32 ``(n, pixels)``, in the range of the task."""
    assert task.data is not None
    rows = np.linspace(0, len(task.data) - 1, min(FITTED, len(task.data))).astype(np.int64)
    flat = task.data.samples[rows].reshape(len(rows), -1)
    if task.data.is_images:
        assert task.range is not None
        low, high = task.range
        return np.float32(low) + flat.astype(np.float32) * np.float32((high - low) / 255)
    return flat.astype(np.float32)


def shaped(flat: NDArray[np.float32], task: Task) -> Tensor:
    """An array ``(..., pixels)`` as a tensor ``(..., *shape)``."""
    return torch.tensor(flat.reshape(*flat.shape[:-1], *task.shape))
