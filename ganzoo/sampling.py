"""Samples of seeds, whoever makes them: the same seed gives the same sample, whatever the others are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.latents import latents
from ganzoo.spec import GanzooError

CHUNK = 256  # samples at a time: memory stays flat, and larger batches are no faster

Stage = Literal["child", "parent"]
Labels = int | Sequence[int] | NDArray[np.int64]


class Sampling(ABC):
    """A trained generator. What runs it is up to the class; what goes in and comes out is the same for all.

    Attributes:
        header: what the generator's file says of it, see :mod:`ganzoo.header`.
    """

    header: Mapping[str, Any]

    @property
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest value of a sample; ``None`` where it is unbounded."""
        return tuple(self.header["range"]) if self.header["range"] else None

    @property
    def has_parent(self) -> bool:
        """Whether there is a parent to sample, from the same latents, besides the child."""
        return False

    @abstractmethod
    def run(self, stage: Stage, z: NDArray[np.float32], *told: NDArray[Any]) -> NDArray[Any]:
        """Samples of at most :data:`CHUNK` latents, with the labels or the regression inputs that they are told."""

    def sample(
        self,
        seeds: ArrayLike = range(64),
        *,
        labels: Labels | None = None,
        conditions: NDArray[np.float32] | None = None,
        stage: Stage = "child",
    ) -> NDArray[Any]:
        """One sample for each seed.

        Args:
            seeds: N whole numbers, see :mod:`ganzoo.latents`.
            labels: for a class-conditional GAN, one class for all or one for each; all classes in turn by default.
            conditions: ``(N, p)``, for a GAN that is told regression inputs.
            stage: ``parent`` samples the parent within a child.

        Returns:
            float32 ``(N, *shape)`` in :attr:`limits`.

        Raises:
            GanzooError: labels out of range, or given to a GAN that is not told any, or conditions missing.
        """
        return np.concatenate(list(self.chunks(seeds, labels=labels, conditions=conditions, stage=stage)))

    def chunks(
        self,
        seeds: ArrayLike,
        *,
        labels: Labels | None = None,
        conditions: NDArray[np.float32] | None = None,
        stage: Stage = "child",
    ) -> Iterator[NDArray[Any]]:
        """The same samples as :meth:`sample`, some at a time, so that memory stays flat."""
        seeds = np.asarray(seeds)
        told = self._told(len(seeds), labels, conditions)
        for start in range(0, len(seeds), CHUNK):
            chunk = slice(start, start + CHUNK)
            z = latents(seeds[chunk], self.header["latent"], self.header["distribution"])
            yield self.run(stage, z, *(values[chunk] for values in told))

    def labels(self, count: int, labels: Labels | None = None) -> NDArray[np.int64] | None:
        """The labels that ``count`` samples get, or ``None`` if the GAN is not told any."""
        classes = self.header["labels"]
        if not classes:
            if labels is not None:
                raise GanzooError(f"{self.header['gan']} is not told labels; leave out --label, or train cgan")
            return None
        if labels is None:
            return np.arange(count, dtype=np.int64) % int(classes)
        told = np.asarray(labels, np.int64)
        if told.shape not in ((), (count,)):
            raise GanzooError(f"{len(told)} labels do not fit {count} samples; give one label, or one for each")
        wrong = told[(told < 0) | (told >= classes)]
        if wrong.size:
            raise GanzooError(f"label {wrong.flat[0]} is out of range; it has 0..{classes - 1}")
        return np.broadcast_to(told, count).copy()

    def _told(self, count: int, labels: Labels | None, conditions: NDArray[np.float32] | None) -> list[NDArray[Any]]:
        if (classes := self.labels(count, labels)) is not None:
            return [classes]
        if not (length := self.header["conditions"]):
            return []
        if conditions is None or conditions.shape != (count, length):
            shape = None if conditions is None else conditions.shape
            raise GanzooError(f"{self.header['gan']} needs conditions of shape ({count}, {length}), got {shape}")
        return [np.asarray(conditions, np.float32)]
