"""Batches of real samples on a device, and latents. Which samples a batch holds depends on the seed and its place."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Data
from ganzoo.registry.recipe import LoopSettings
from ganzoo.training.device import Device
from ganzoo.training.device.prefetch import Prefetcher
from ganzoo.training.device.types import Batch
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.util.errors import GanzooError


class Batches:
    """An endless stream of batches: each epoch is a permutation of the data of its own.

    The data stay on the device as they are (images as uint8) and are indexed there. Data that do not fit, or are read
    lazily, are sent batch by batch, one ahead. One process among several takes its shard of each batch.

    Attributes:
        drawn: how many batches were taken. Setting it is all that resuming takes.
    """

    def __init__(self, data: Data, loop: LoopSettings, seed: int, device: Device, *, conditional: bool) -> None:
        if len(data) == 0:
            raise GanzooError(f"data set '{data.name}' is empty")
        self.data, self.batch_size, self.pixel_range, self.seed = data, loop.batch_size, loop.pixel_range, seed
        self.drawn, self.shard = 0, current_ranks().shard(loop.batch_size)
        self._orders: dict[int, Tensor] = {}  # by epoch
        resident = isinstance(data.samples, np.ndarray) and device.fits(data.samples.nbytes)
        self._device = device.torch if resident else torch.device("cpu")
        self._samples = torch.from_numpy(data.samples).to(self._device) if resident else None
        condition = data.labels if data.labels is not None else data.conditions
        self._condition = (
            torch.from_numpy(condition).to(self._device) if conditional and condition is not None else None
        )
        self._prefetcher = None if resident else Prefetcher(self._read, device.torch)

    def next(self) -> Batch:
        """The next batch to train on: samples ``(N, *shape)``, and labels or regression inputs if conditional."""
        return self.normalize(self.fetch())

    def fetch(self) -> Batch:
        """The next batch as the data set holds it (images as uint8), on the device."""
        batch = self._prefetcher.get(self.drawn) if self._prefetcher else self._read(self.drawn)
        self.drawn += 1
        return batch

    def normalize(self, batch: Batch) -> Batch:
        """A batch of :meth:`fetch` with uint8 images as float32 in [-1, 1] or [0, 1], by ``pixel_range``."""
        samples, *condition = batch
        if samples.dtype == torch.uint8:
            samples = (samples / 127.5).sub_(1) if self.pixel_range == "signed" else samples / 255
        return (samples, *condition)

    def _read(self, place: int) -> Batch:
        index = self._index(place)[self.shard]
        if self._samples is not None:
            samples = self._samples.index_select(0, index)
        else:
            samples = torch.from_numpy(self.data.samples[index.numpy()])
        return (samples,) if self._condition is None else (samples, self._condition.index_select(0, index))

    def _index(self, place: int) -> Tensor:
        """The samples of the batch at that place; it may begin in one epoch and end in the next."""
        size = len(self.data)
        start, stop = place * self.batch_size, (place + 1) * self.batch_size
        epochs = range(start // size, (stop - 1) // size + 1)
        for old in [epoch for epoch in self._orders if epoch < epochs[0]]:
            del self._orders[old]
        for epoch in epochs:
            if epoch not in self._orders:
                order = np.random.default_rng((self.seed, epoch)).permutation(size)
                self._orders[epoch] = torch.from_numpy(order).to(self._device)
        orders = [self._orders[epoch] for epoch in epochs]
        offset = epochs[0] * size
        return (orders[0] if len(orders) == 1 else torch.cat(orders))[start - offset : stop - offset]


def draw_latents(count: int, latent_dim: int, distribution: str, device: torch.device) -> Tensor:
    """Latents ``(count, latent_dim)``: normal, uniform in [-1, 1], or on the sphere of radius sqrt(latent_dim)."""
    if distribution == "uniform":
        return torch.rand(count, latent_dim, device=device) * 2 - 1
    z = torch.randn(count, latent_dim, device=device)
    return z * (latent_dim**0.5 / z.norm(dim=1, keepdim=True)) if distribution == "sphere" else z
