"""What distances between features tell: density, coverage, copies of training images, and a nearest-neighbour test.

Pure functions on float arrays ``(N, d)``; distances are Euclidean and computed in blocks, so memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**25  # distances at a time: 128 MiB in float32

Features = NDArray[np.floating[Any]]


class Manifold(NamedTuple):
    """Fidelity and variety (Naeem et al., 2020).

    Attributes:
        density: mean number of real balls around a generated point, over k; 1 for perfect samples, and may exceed it.
        coverage: share of real balls that hold a generated point; 1 - 2**-k for perfect samples, as many as real ones.
    """

    density: float
    coverage: float


class Nearest(NamedTuple):
    """How near generated samples come to the training data, compared with fresh real ones.

    Attributes:
        distance: median distance from a generated sample to the nearest training sample.
        distance_real: the same for fresh real samples.
        nearer: share of generated samples that are nearer than that median; 0.5 for fresh real ones.
        copies: share that are nearer than all but 1 % of the fresh real ones; 0.01 for these.
    """

    distance: float
    distance_real: float
    nearer: float
    copies: float


def manifold(generated: Features, real: Features, k: int = 5) -> Manifold:
    """Density and coverage; the ball around a real point reaches to its k-th real neighbour, which is outside."""
    radii = neighbour(real, k)
    inside, covered = 0, np.zeros(len(real), bool)
    for _, distances in _blocks(generated, real):
        within = distances < radii
        inside += int(within.sum())
        covered |= within.any(axis=0)
    return Manifold(inside / (k * len(generated)), float(covered.mean()))


def neighbour(points: Features, k: int) -> NDArray[np.floating[Any]]:
    """Distance ``(N,)`` of each point to its k-th nearest other point."""
    found = []
    for start, distances in _blocks(points, points):
        distances[np.arange(len(distances)), start + np.arange(len(distances))] = -1  # a point itself comes first
        found.append(np.partition(distances, k, axis=1)[:, k])
    return np.concatenate(found)


def nearest(points: Features, others: Features) -> NDArray[np.floating[Any]]:
    """Distance ``(N,)`` of each point to the nearest of the others."""
    return np.concatenate([distances.min(axis=1) for _, distances in _blocks(points, others)])


def compared(generated: NDArray[np.floating[Any]], real: NDArray[np.floating[Any]]) -> Nearest:
    """Distances of generated samples to the training data, judged by those of fresh real ones."""
    middle, least = np.quantile(real, (0.5, 0.01))
    return Nearest(
        float(np.median(generated)),
        float(middle),
        float((generated < middle).mean()),
        float((generated < least).mean()),
    )


def neighbour_accuracy(generated: Features, real: Features) -> float:
    """Leave-one-out accuracy of the 1-nearest-neighbour test (Lopez-Paz & Oquab, 2017): 0.5 is perfect.

    Near 1 the two sets lie apart; below 0.5, generated samples are near copies of these real ones.
    """
    size = min(len(generated), len(real))
    points = np.concatenate([generated[:size], real[:size]])
    right = 0
    for start, distances in _blocks(points, points):
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        right += int(((distances.argmin(axis=1) < size) == (start + rows < size)).sum())
    return right / len(points)


def _blocks(a: Features, b: Features) -> Iterator[tuple[int, NDArray[np.floating[Any]]]]:
    """Distances of some rows of ``a`` to all of ``b``, with the number of the first of them."""
    squares = np.square(b).sum(axis=1)
    rows = max(1, BLOCK // len(b))
    for start in range(0, len(a), rows):
        part = a[start : start + rows]
        distances = part @ b.T
        distances *= -2
        distances += np.square(part).sum(axis=1)[:, None]
        distances += squares
        yield start, np.sqrt(distances.clip(min=0, out=distances), out=distances)
