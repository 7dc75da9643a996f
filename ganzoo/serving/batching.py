"""Requests that arrive while the generator runs are answered together by its next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.base import CHUNK, TrainedGenerator

Bytes = NDArray[np.uint8]


class BusyError(Exception):
    """Too many images are waiting."""


@dataclass(frozen=True, eq=False)
class Request:
    """What one client asks for.

    Attributes:
        seeds: of the images.
        labels: one for each seed, of a class-conditional GAN; else ``None``.
        settings: of sampling.
        images: will be the images, uint8 ``(N, H, W, C)``.
    """

    seeds: Sequence[int]
    labels: Sequence[int] | None
    settings: Mapping[str, float]
    images: asyncio.Future[Bytes]

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.images.done()


@dataclass
class Counts:
    """What a batcher has done.

    Attributes:
        batches, images: that the generator made.
        seconds: that it took.
        largest: images in the largest batch.
    """

    batches: int = 0
    images: int = 0
    seconds: float = 0.0
    largest: int = 0


@dataclass
class Batcher:
    """Runs a generator in a thread, on as many waiting images at a time as fit into a batch.

    Images of one batch have the same settings of sampling. Requests with other settings keep their place in the queue.

    Attributes:
        model: the generator.
        most_waiting: images that may wait; a further request is :class:`BusyError`.
        most: images in a batch.
        counts: what has been done so far.
    """

    model: TrainedGenerator
    most_waiting: int = 4096
    most: int = CHUNK
    counts: Counts = field(default_factory=Counts)
    _queue: deque[Request] = field(default_factory=deque)
    _worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Images that somebody waits for, without those that are being made."""
        return sum(len(request.seeds) for request in self._queue if request.is_open)

    async def images(
        self, seeds: Sequence[int], labels: Sequence[int] | None = None, settings: Mapping[str, float] | None = None
    ) -> Bytes:
        """One image for each seed, uint8 ``(N, H, W, C)``.

        Raises:
            BusyError: too many are waiting already.
        """
        if self.waiting + len(seeds) > self.most_waiting:
            raise BusyError
        request = Request(seeds, labels, dict(settings or {}), asyncio.get_running_loop().create_future())
        self._queue.append(request)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await request.images

    async def _work(self) -> None:
        """Answer the requests until none is left."""
        try:
            while batch := self._next_batch():
                await self._answer(batch)
        finally:
            self._worker = None

    def _next_batch(self) -> list[Request]:
        """The oldest request that somebody waits for, and others of the same settings that fit into its batch."""
        batch: list[Request] = []
        left: deque[Request] = deque()
        size = 0
        for request in self._queue:
            if not request.is_open:
                continue
            fits = not batch or (request.settings == batch[0].settings and size + len(request.seeds) <= self.most)
            if fits:
                batch.append(request)
                size += len(request.seeds)
            else:
                left.append(request)
        self._queue = left
        return batch

    async def _answer(self, batch: Sequence[Request]) -> None:
        seeds = [seed for request in batch for seed in request.seeds]
        labels = [label for request in batch for label in request.labels or ()] or None
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            made = await asyncio.to_thread(self._made, seeds, labels, batch[0].settings)
        except Exception as error:
            for request in batch:
                if request.is_open:
                    request.images.set_exception(error)
            return
        self.counts.batches += 1
        self.counts.images += len(seeds)
        self.counts.seconds += loop.time() - begin
        self.counts.largest = max(self.counts.largest, len(seeds))
        start = 0
        for request in batch:
            stop = start + len(request.seeds)
            if request.is_open:
                request.images.set_result(made[start:stop])
            start = stop

    def _made(self, seeds: list[int], labels: list[int] | None, settings: Mapping[str, Any]) -> Bytes:
        return self.model.images(self.model.sample(seeds, labels=labels, **settings))
