"""Metrics of distances: density, coverage, copies of training samples, and a nearest-neighbour two-sample test.

Pure functions on float arrays ``(N, d)``. Distances are Euclidean and computed in blocks, so memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**25  # distances at a time: 128 MiB in float32

Array = NDArray[np.floating[Any]]


def density_coverage(generated: Array, real: Array, k: int = 5) -> dict[str, float]:
    """Fidelity and diversity (Naeem et al., 2020). The ball of a real sample ends at its k-th nearest neighbour.

    Returns:
        ``density``: mean number of balls that hold a generated sample, over k, about 1 for perfect samples, may exceed
        it; ``coverage``: share of balls that hold a generated sample, about 1 - 2**-k for as many perfect samples.
    """
    radii = kth_neighbour_distances(real, k)
    inside, covered = 0, np.zeros(len(real), bool)
    for _, distances in _blocks(generated, real):
        within = distances < radii
        inside += int(within.sum())
        covered |= within.any(axis=0)
    return {"density": inside / (k * len(generated)), "coverage": float(covered.mean())}


def kth_neighbour_distances(points: Array, k: int) -> Array:
    """Distance ``(N,)`` of each point to its k-th nearest other point."""
    found = []
    for start, distances in _blocks(points, points):
        rows = np.arange(len(distances))
        distances[rows, start + rows] = -1  # the point itself comes first
        found.append(np.partition(distances, k, axis=1)[:, k])
    return np.concatenate(found)


def nearest_distances(points: Array, others: Array) -> Array:
    """Distance ``(N,)`` of each point to the nearest of the others."""
    return np.concatenate([distances.min(axis=1) for _, distances in _blocks(points, others)])


def copy_metrics(generated: Array, test: Array) -> dict[str, float]:
    """How close generated samples are to the training data, compared with test samples.

    Args:
        generated: distances ``(N,)`` of generated samples to the nearest training sample.
        test: distances ``(M,)`` of test samples.

    Returns:
        ``nearer``: share that is closer than the median of test samples, 0.5 for these; ``copies``: share that is
        closer than their first percentile, 0.01 for these.
    """
    median, percentile = np.quantile(test, (0.5, 0.01))
    return {"nearer": float((generated < median).mean()), "copies": float((generated < percentile).mean())}


def nearest_neighbour_accuracy(generated: Array, real: Array) -> float:
    """Leave-one-out accuracy of a 1-nearest-neighbour classifier of real and generated (Lopez-Paz & Oquab, 2017).

    0.5 for equal distributions; 1 if they are apart; below 0.5 if generated samples are near copies of real ones.
    """
    size = min(len(generated), len(real))
    points = np.concatenate([generated[:size], real[:size]])
    correct = 0
    for start, distances in _blocks(points, points):
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        correct += int(((distances.argmin(axis=1) < size) == (start + rows < size)).sum())
    return correct / len(points)


def _blocks(a: Array, b: Array) -> Iterator[tuple[int, Array]]:
    """Blocks of rows of ``a``: the index of the first row, and the distances to all of ``b``."""
    squares = np.square(b).sum(axis=1)
    rows = max(1, BLOCK // len(b))
    for start in range(0, len(a), rows):
        part = a[start : start + rows]
        distances = part @ b.T
        distances *= -2
        distances += np.square(part).sum(axis=1)[:, None]
        distances += squares
        yield start, np.sqrt(distances.clip(min=0, out=distances), out=distances)
