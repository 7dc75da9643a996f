"""Samples of seeds, whoever makes them: the same seed gives the same sample, whatever the others are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.generators.images import Bytes, to_uint8
from ganzoo.generators.latents import Distribution, latents
from ganzoo.util.errors import GanzooError

CHUNK = 256  # samples at a time at most: memory stays flat, and larger batches are no faster

Stage = Literal["child", "parent"]
Labels = int | Sequence[int] | NDArray[np.int64]


class TrainedGenerator(ABC):
    """A trained generator. What runs it is up to the class; what goes in and comes out is the same for all.

    Attributes:
        header: what the generator's file says of it, see :mod:`ganzoo.generators.header`.
        chunk: samples that are made at a time.
    """

    header: Mapping[str, Any]
    chunk: int = CHUNK

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
        """Samples of at most :attr:`chunk` latents, with the labels or the regression inputs that they are told."""

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
            seeds: N whole numbers, see :mod:`ganzoo.generators.latents`.
            labels: for a class-conditional GAN, one class for all or one for each; all classes in turn by default.
            conditions: ``(N, p)``, for a GAN that is told regression inputs.
            stage: ``parent`` samples the parent within a child.

        Returns:
            float32 ``(N, *shape)`` in :attr:`limits`; uint8 ``(N, H, W, C)`` from a file that was exported so.

        Raises:
            GanzooError: no seed, or a bad one; labels out of range, or given to a GAN that is not told any; conditions
                missing.
        """
        return self.decode(self.latents(seeds), labels=labels, conditions=conditions, stage=stage)

    def draw(
        self,
        number: int | None = None,
        *,
        seeds: ArrayLike | None = None,
        labels: Labels | None = None,
        conditions: NDArray[np.float32] | None = None,
        stage: Stage = "child",
    ) -> NDArray[Any]:
        """What :meth:`sample` makes, by number: the seeds are 0 to ``number - 1`` (63 by default) unless given."""
        return self.sample(as_seeds(number, seeds), labels=labels, conditions=conditions, stage=stage)

    def sample_iter(
        self,
        number: int | None = None,
        *,
        seeds: ArrayLike | None = None,
        labels: Labels | None = None,
        conditions: NDArray[np.float32] | None = None,
        stage: Stage = "child",
    ) -> Iterator[NDArray[Any]]:
        """The samples of :meth:`draw`, :attr:`chunk` at a time: memory stays flat, be they millions.

        Bad labels and conditions are refused at once, before the first samples are asked for.
        """
        chosen = as_seeds(number, seeds)
        return self._chunks(
            lambda chunk: self.latents(chosen[chunk]), len(chosen), self._told(len(chosen), labels, conditions), stage
        )

    def decode(
        self,
        z: ArrayLike,
        *,
        labels: Labels | None = None,
        conditions: NDArray[np.float32] | None = None,
        stage: Stage = "child",
    ) -> NDArray[Any]:
        """What :meth:`sample` makes, of latents ``(N, latent)`` of your own instead of those of seeds."""
        z = np.ascontiguousarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.header["latent_dim"] or not len(z):
            raise GanzooError(
                f"no latents in an array of shape {z.shape}; give (N, {self.header['latent_dim']}), N >= 1"
            )
        told = self._told(len(z), labels, conditions)
        return np.concatenate(list(self._chunks(z.__getitem__, len(z), told, stage)))

    def latents(self, seeds: ArrayLike) -> NDArray[np.float32]:
        """The latents ``(N, latent)`` of seeds, as this generator takes them."""
        return latents(seeds, self.header["latent_dim"], self.header["distribution"])

    def between(self, first: int, last: int, number: int = 10) -> NDArray[np.float32]:
        """Latents ``(number, latent)`` on the way from that of one seed to that of another, both included."""
        start, end = self.latents([first, last])
        return interpolate(start, end, number, self.header["distribution"])

    def images(self, samples: NDArray[Any]) -> Bytes:
        """Samples as images, uint8 ``(N, H, W, C)``.

        Raises:
            GanzooError: they are vectors.
        """
        if self.limits is None or samples.ndim != 4:
            raise GanzooError(
                f"{self.header['gan']} makes vectors, which are no single pictures; --out takes x.npz or x.png"
            )
        return samples if samples.dtype == np.uint8 else to_uint8(samples, self.limits)

    def labels(self, count: int, labels: Labels | None = None) -> NDArray[np.int64] | None:
        """The labels that ``count`` samples get, or ``None`` if the GAN is not told any."""
        classes = self.header["num_classes"]
        if not classes:
            if labels is not None:
                raise GanzooError(f"{self.header['gan']} is not told labels; leave out --label, or train cgan")
            return None
        if labels is None:
            return np.arange(count, dtype=np.int64) % int(classes)
        try:
            told = np.asarray(labels, np.int64)
        except (OverflowError, ValueError, TypeError):
            raise GanzooError(f"{labels!r:.60} is no label; {self.header['gan']} has 0..{classes - 1}") from None
        if told.shape not in ((), (count,)):
            raise GanzooError(f"{len(told)} labels do not fit {count} samples; give one label, or one for each")
        wrong = told[(told < 0) | (told >= classes)]
        if wrong.size:
            raise GanzooError(f"label {wrong.flat[0]} is out of range; {self.header['gan']} has 0..{classes - 1}")
        return np.broadcast_to(told, count)

    def _told(
        self, count: int, labels: Labels | None, conditions: NDArray[np.float32] | None
    ) -> list[Callable[[slice], NDArray[Any]]]:
        """What ``count`` samples are told besides their latents, for each chunk of them."""
        if labels is None and (classes := self.header["num_classes"]):
            return [lambda chunk: np.arange(chunk.start, chunk.stop, dtype=np.int64) % int(classes)]
        if (told := self.labels(count, labels)) is not None:
            return [lambda chunk: told[chunk].copy()]
        if not (length := self.header["condition_dim"]):
            return []
        if conditions is None or conditions.shape != (count, length):
            shape = None if conditions is None else conditions.shape
            raise GanzooError(f"{self.header['gan']} needs conditions of shape ({count}, {length}), got {shape}")
        return [np.ascontiguousarray(conditions, np.float32).__getitem__]

    def _chunks(
        self,
        z: Callable[[slice], NDArray[np.float32]],
        count: int,
        told: list[Callable[[slice], NDArray[Any]]],
        stage: Stage,
    ) -> Iterator[NDArray[Any]]:
        for start in range(0, count, self.chunk):
            chunk = slice(start, min(start + self.chunk, count))
            yield self.run(stage, z(chunk), *(values(chunk) for values in told))


def as_seeds(number: int | None, seeds: ArrayLike | None) -> range | NDArray[Any]:
    """The seeds that are meant. A range stays one, so that millions take no memory."""
    if seeds is None:
        chosen: range | NDArray[Any] = range(64 if number is None else number)
    else:
        chosen = seeds if isinstance(seeds, range) else np.atleast_1d(np.asarray(seeds))
        if number not in (None, len(chosen)):
            raise GanzooError(f"{len(chosen)} seeds make no {number} samples; give the seeds alone, or as many")
    if not len(chosen):
        raise GanzooError("no sample is asked for; give a number of at least 1, or a seed")
    return chosen


def interpolate(
    a: NDArray[np.float32], b: NDArray[np.float32], number: int, distribution: Distribution
) -> NDArray[np.float32]:
    """Points on the way from one latent to another, at equal steps.

    Between normal or spherical latents the way is the arc (Shoemake, 1985; for GANs White, 2016, arXiv:1609.04468),
    since the straight line leads through lengths that the generator has never met; between uniform ones it is straight.

    Args:
        a, b: the ends, float32 ``(latent,)``.
        number: of points, the ends included; at least 2.
        distribution: of the latents.

    Returns:
        float32 ``(number, latent)``; the first is ``a`` and the last ``b``, exactly.

    Raises:
        GanzooError: fewer than two points.
    """
    if number < 2:
        raise GanzooError(f"an interpolation has both its ends; ask for at least 2 samples instead of {number}")
    start, end = a.astype(np.float64), b.astype(np.float64)
    t = np.linspace(0, 1, number)[:, None]
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if distribution == "uniform" or np.sin(angle) < 1e-6:  # there is no arc between latents of one direction
        points = (1 - t) * start + t * end
    else:
        points = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
    points[[0, -1]] = start, end
    return points.astype(np.float32)
