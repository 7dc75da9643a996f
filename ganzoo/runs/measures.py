"""Measures of a few samples that notice failures of a training: diversity, distance to the data, copies. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

MOST_FEATURES = 4096
ROWS = 256  # of distances at a time
NEARER = 0.5  # of the way to the next real image: what is nearer to one than this is a copy of it


def features(samples: NDArray[Any]) -> Values:
    """Samples as float64 ``(N, F)``: their values, or of large samples the same 4,096 randomly chosen ones of each."""
    flat = samples.reshape(len(samples), -1)
    if flat.shape[1] > MOST_FEATURES:
        flat = flat[:, np.random.default_rng(0).choice(flat.shape[1], MOST_FEATURES, replace=False)]
    return flat.astype(np.float64)


def pairwise_distances(a: Values, b: Values) -> Values:
    """Euclidean distances ``(N, M)`` between the rows of ``(N, F)`` and ``(M, F)``."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    distances: Values = np.sqrt(squares.clip(0))
    return distances


def mean_distance(samples: Values, classes: NDArray[np.int64]) -> float:
    """Mean distance between two different samples of the same class; 0 if no class has two."""
    pairs = (classes[:, None] == classes) & ~np.eye(len(classes), dtype=bool)
    return float(pairwise_distances(samples, samples)[pairs].mean()) if pairs.any() else 0.0


def diversity(samples: Values, real: Values, classes: NDArray[np.int64]) -> float:
    """Mean distance between two samples, divided by that between two of the data: 0 if all are alike, about 1 if not.

    Args:
        samples: ``(N, F)``, of the classes of the first N of the data.
        real: ``(M, F)``, data.
        classes: ``(M,)``, of the data; all equal if the GAN is not class-conditional.
    """
    expected = mean_distance(real, classes)
    return mean_distance(samples, classes[: len(samples)]) / expected if expected else 1.0


def distance(a: Values, b: Values) -> float:
    """Energy distance between two samples, divided by its largest value for their cross distances: 0 (alike) to 1.

    1 - (E |x - x'| + E |y - y'|) / (2 E |x - y|), see Székely & Rizzo (2013). It is never negative, and of the order
    of 1/N for two samples of the same distribution.

    Args:
        a, b: ``(N, F)`` and ``(M, F)``.
    """
    within_a, within_b, between = (pairwise_distances(x, y).mean() for x, y in ((a, a), (b, b), (a, b)))
    return float(1 - (within_a + within_b) / (2 * between)) if between else 0.0


class Copies:
    """Which samples are copies of real images: nearer to one than half of its distance to the next real image.

    Smooth images are near to many, so a distance alone would not tell a copy. Equal images count once.

    Args:
        real: ``(M, F)``, at least three that differ.

    Attributes:
        real: those that differ.
        usual: share of these that are copies of others, such as variants of one emoji.
    """

    def __init__(self, real: Values) -> None:
        self.real = np.unique(real, axis=0)
        places = np.arange(len(self.real))
        nearest, first, second = (np.empty(len(self.real), kind) for kind in (np.int64, np.float64, np.float64))
        for start, distances in self._distances(self.real):
            part, rows = slice(start, start + len(distances)), np.arange(len(distances))
            distances[rows, start + rows] = np.inf
            nearest[part] = distances.argmin(1)
            first[part] = distances[rows, nearest[part]]
            distances[rows, nearest[part]] = np.inf
            second[part] = distances.min(1)
        self._to_next = first
        # without the image itself, which is not there for a sample
        to_next = np.where(nearest[nearest] == places, second[nearest], first[nearest])
        self.usual = float((first < NEARER * to_next).mean())

    def share(self, samples: Values) -> float:
        """The share of samples ``(N, F)`` that are copies, less the usual one: 0 (no more than of the data) to 1."""
        copied = 0
        for _, distances in self._distances(samples):
            nearest = distances.argmin(1)
            copied += int((distances.min(1) < NEARER * self._to_next[nearest]).sum())
        return max(0.0, copied / len(samples) - self.usual)

    def _distances(self, points: Values) -> Iterator[tuple[int, Values]]:
        """Distances ``(n, M)`` of some points at a time, and the place of the first."""
        for start in range(0, len(points), ROWS):
            yield start, pairwise_distances(points[start : start + ROWS], self.real)
