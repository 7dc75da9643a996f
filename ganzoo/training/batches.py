"""Batches of a data set on a device: which samples come in which draw is a function of the seed and the draw alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Data
from ganzoo.training.device import Device
from ganzoo.training.device.prefetch import Batch, Prefetcher
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.util.errors import GanzooError


class Batches:
    """An endless stream of batches: every sample once in a pass over the data, each pass in an order of its own.

    The data rest on the device as they are (images as uint8) and are indexed there; what does not fit, or is read as
    it is needed, comes batch by batch, one ahead. One process among several takes its part of each batch. The position
    in the stream is ``draws``, and setting it is all that resuming takes.
    """

    def __init__(self, data: Data, batch: int, seed: int, device: Device, pixels: str, *, told: bool) -> None:
        if len(data) == 0:
            raise GanzooError(f"data set '{data.name}' is empty")
        self.data, self.batch, self.seed, self.pixels = data, batch, seed, pixels
        self.draws, self.part = 0, current_ranks().shard(batch)
        self._passes: dict[int, Tensor] = {}
        rest = isinstance(data.samples, np.ndarray) and device.fits(data.samples.nbytes)
        self._place = device.torch if rest else torch.device("cpu")
        self._samples = torch.from_numpy(data.samples).to(self._place) if rest else None
        condition = data.labels if data.labels is not None else data.conditions
        self._given = torch.from_numpy(condition).to(self._place) if told and condition is not None else None
        self._ahead = None if rest else Prefetcher(self._read, device.torch)

    def next(self) -> Batch:
        """The next batch: samples in the range of the task, and labels or regression inputs for a GAN that is told."""
        return self.made(self.fetch())

    def fetch(self) -> Batch:
        """The next batch as the data set has it, in memory of its own on the device."""
        batch = self._ahead.get(self.draws) if self._ahead else self._read(self.draws)
        self.draws += 1
        return batch

    def made(self, batch: Batch) -> Batch:
        """What is trained on, of a batch as the data set has it: pixels in the range of the task."""
        samples, *condition = batch
        if samples.dtype == torch.uint8:
            samples = (samples / 127.5).sub_(1) if self.pixels == "signed" else samples / 255
        return (samples, *condition)

    def _read(self, draw: int) -> Batch:
        index = self._index(draw)[self.part]
        if self._samples is not None:
            samples = self._samples.index_select(0, index)
        else:
            samples = torch.from_numpy(self.data.samples[index.numpy()])
        return (samples,) if self._given is None else (samples, self._given.index_select(0, index))

    def _index(self, draw: int) -> Tensor:
        """Which samples the draw holds; it may begin in one pass over the data and end in the next."""
        size = len(self.data)
        start, stop = draw * self.batch, (draw + 1) * self.batch
        passes = range(start // size, (stop - 1) // size + 1)
        for old in [number for number in self._passes if number < passes[0]]:
            del self._passes[old]
        for number in passes:
            if number not in self._passes:
                order = np.random.default_rng((self.seed, number)).permutation(size)
                self._passes[number] = torch.from_numpy(order).to(self._place)
        orders = [self._passes[number] for number in passes]
        offset = passes[0] * size
        return (orders[0] if len(orders) == 1 else torch.cat(orders))[start - offset : stop - offset]
