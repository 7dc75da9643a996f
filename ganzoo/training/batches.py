"""Batches of real samples on a device, and latents. Which samples a batch holds depends on the seed and its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.data import Data, Samples
from ganzoo.registry.recipe import LoopSettings
from ganzoo.training.device import Device
from ganzoo.training.device.prefetch import Prefetcher
from ganzoo.training.device.types import Batch
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.util.errors import GanzooError

UNPAIRED, LOOKED_AT = 1, 2
"""Tell the random numbers of unpaired conditions, and of samples that are looked at, from those of training."""


class Batches:
    """An endless stream of batches: each epoch is a permutation of the data of its own.

    The data stay on the device as they are (images as uint8) and are indexed there. Data that do not fit, or are read
    lazily, are sent batch by batch, one ahead. One process among several takes its shard of each batch.

    Args:
        data: the training data.
        loop: batch size and range of images.
        seed: of the order.
        device: where the batches are wanted.
        conditional: whether a batch also has labels or conditions.
        kept_back: places of the samples that are never trained on, int64.

    Attributes:
        drawn: how many batches were taken. Setting it is all that resuming takes.
        trained: places of the samples that are trained on, int64.
    """

    def __init__(
        self,
        data: Data,
        loop: LoopSettings,
        seed: int,
        device: Device,
        *,
        conditional: bool,
        kept_back: NDArray[np.int64] | None = None,
    ) -> None:
        if len(data) == 0:
            raise GanzooError(f"data set '{data.name}' is empty")
        self.data, self.batch_size, self.pixel_range, self.seed = data, loop.batch_size, loop.pixel_range, seed
        self.drawn, self.shard = 0, current_ranks().shard(loop.batch_size)
        condition = (data.labels, data.conditions) if conditional else ()
        parts: list[Samples] = [data.samples, *(part for part in condition if part is not None)]
        arrays = [part for part in parts if isinstance(part, np.ndarray)]
        resident = len(arrays) == len(parts) and device.fits(sum(array.nbytes for array in arrays))
        self._device = device.torch if resident else torch.device("cpu")
        self._parts = [torch.from_numpy(plain(array)).to(self._device) for array in arrays] if resident else parts
        places = np.arange(len(data))
        self._kept = places[:0] if kept_back is None else kept_back
        self.trained = places if kept_back is None else np.setdiff1d(places, kept_back)
        of_trained = None if kept_back is None else self.trained
        self._order = Order(self.trained_on, loop.batch_size, (seed,), self._device, of_trained)
        self._looked_at: dict[bool, Order] = {}  # by whether they are kept back
        self._own_order: Order | None = None  # of conditions that belong to no sample
        if conditional and data.conditions is not None and not data.paired:
            self._own_order = Order(len(data.conditions), loop.batch_size, (seed, UNPAIRED), self._device)
        self._prefetcher = None if resident else Prefetcher(self._read, device.torch)

    @property
    def trained_on(self) -> int:
        """How many samples are trained on."""
        return len(self.trained)

    def next(self) -> Batch:
        """The next batch to train on: samples ``(N, *shape)``; if conditional also labels, conditions, or both."""
        return self.normalize(self.fetch())

    def fetch(self) -> Batch:
        """The next batch as the data set holds it (images as uint8), on the device."""
        batch = self._prefetcher.get(self.drawn) if self._prefetcher else self._read(self.drawn)
        self.drawn += 1
        return batch

    def look(self, place: int, *, kept: bool) -> Batch:
        """A whole batch, normalized, of samples that are trained on or kept back, in an order of its own."""
        if kept not in self._looked_at:
            index = self._kept if kept else self.trained
            self._looked_at[kept] = Order(len(index), self.batch_size, (self.seed, LOOKED_AT), self._device, index)
        return self.normalize(self._at(self._looked_at[kept].index(place), place))

    def normalize(self, batch: Batch) -> Batch:
        """A batch of :meth:`fetch` with uint8 images as float32 in [-1, 1] or [0, 1], by ``pixel_range``."""
        return tuple(self._normalize(part) if part.dtype == torch.uint8 else part for part in batch)

    def _normalize(self, images: Tensor) -> Tensor:
        return (images / 127.5).sub_(1) if self.pixel_range == "signed" else images / 255

    def _read(self, place: int) -> Batch:
        return self._at(self._order.index(place)[self.shard], place)

    def _at(self, index: Tensor, place: int) -> Batch:
        own = self._own_order.index(place)[self.shard] if self._own_order else index
        return tuple(
            part.index_select(0, at) if isinstance(part, Tensor) else torch.from_numpy(part[at.numpy()])
            for part, at in ((part, own if part is self._parts[-1] else index) for part in self._parts)
        )


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """An array as torch can take it: a copy of one that is read-only or runs backwards."""
    return array if array.flags.writeable and min(array.strides, default=0) >= 0 else array.copy()


class Order:
    """The order in which a data set is gone through: a permutation for each epoch.

    Args:
        size: of the data set.
        batch_size: of a batch.
        seed: of the permutations; a sequence of integers.
        device: of the indices.
        index: the samples that are gone through, int64 ``(size,)``; all by default.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: tuple[int, ...],
        device: torch.device,
        index: NDArray[np.int64] | None = None,
    ) -> None:
        self.size, self.batch_size, self.seed, self._device, self._index = size, batch_size, seed, device, index
        self._orders: dict[int, Tensor] = {}  # by epoch

    def index(self, place: int) -> Tensor:
        """The samples of the batch at that place; it may begin in one epoch and end in the next."""
        size = self.size
        start, stop = place * self.batch_size, (place + 1) * self.batch_size
        epochs = range(start // size, (stop - 1) // size + 1)
        for old in [epoch for epoch in self._orders if epoch < epochs[0]]:
            del self._orders[old]
        for epoch in epochs:
            if epoch not in self._orders:
                order = np.random.default_rng((*self.seed, epoch)).permutation(size)
                order = order if self._index is None else self._index[order]
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
